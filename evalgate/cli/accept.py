"""`evalgate accept`."""

from pathlib import Path

import click

from evalgate.cli.options import Finite, config_option

EPILOG = """\b
Examples:
  evalgate accept --metric cost_per_interaction --reason "better model" --expires 30d
  evalgate accept --suite support --metric task_success_rate --floor 0.88 \\
      --reason "strict refunds, agreed in #812" --expires 2026-12-31
  evalgate accept --case refund-7 --reason "its answer was wrong" --expires 14d
"""


@click.command(epilog=EPILOG)
@config_option
@click.option("--suite", "-s", metavar="NAME", help="The suite; not needed where there is one.")
@click.option("--metric", metavar="NAME", help="Accept its failing checks, down to the floor.")
@click.option("--case", metavar="ID", help="Accept what fails only because of this case.")
@click.option(
    "--floor",
    type=Finite(),
    metavar="VALUE",
    help="Worst value accepted. Default for a metric: what the last run had.",
)
@click.option("--reason", required=True, help="Why; shown in every report.")
@click.option("--expires", required=True, metavar="DAY|30d", help="Last day, within a year.")
def accept(config: Path, **given: str | float | None) -> None:
    """Accept a failure for a while: write a waiver to baselines/waivers.yaml.

    It counts once it is on the base branch, or once a code owner approved the very commit under
    judgement. The failure stays visible as "fail, accepted" until the waiver expires.
    """
    from evalgate.commands.accept import Acceptance, accept_failure  # noqa: PLC0415  # heavy
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.text.escape import terminal  # noqa: PLC0415

    wanted = Acceptance(config=config, **given)  # type: ignore[arg-type]  # click typed them
    for line in accept_failure(wanted, this_machine().now().date()).splitlines():
        click.echo(terminal(line))
