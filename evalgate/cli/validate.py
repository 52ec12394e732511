"""`evalgate validate`."""

from pathlib import Path

import click

from evalgate.cli.options import config_option, suite_option

EPILOG = """\b
Examples:
  evalgate validate
  evalgate validate --golden golden_sets/support.jsonl
"""


@click.command(epilog=EPILOG)
@config_option
@suite_option
@click.option(
    "--golden",
    "goldens",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Only this golden set, without a configuration; may be repeated.",
)
@click.option("--strict", is_flag=True, help="Warnings are errors.")
def validate(
    config: Path, suites: tuple[str, ...], goldens: tuple[Path, ...], *, strict: bool
) -> int:
    """Check configuration, golden sets and baselines; nothing is run.

    Names duplicates, unused keys, gates that nothing can reach, and baselines that were edited or
    are of another golden set. Exits 2 when something is wrong.
    """
    from evalgate.commands.validate import validate_golden, validate_suites  # noqa: PLC0415
    from evalgate.suite.suite import Selection, find_suites  # noqa: PLC0415  # heavy
    from evalgate.text.escape import terminal  # noqa: PLC0415

    if goldens:
        remarks = [remark for path in goldens for remark in validate_golden(path)]
    else:
        remarks = list(validate_suites(find_suites(Selection(config, suites))))
    for remark in remarks:
        for line in f"{remark.where}: {remark.severity}: {remark.message}".splitlines():
            click.echo(terminal(line))
        if remark.fix:
            click.echo(terminal(f"  fix: {remark.fix}"))
    bad = {"error", "warning"} if strict else {"error"}
    return 2 if any(remark.severity in bad for remark in remarks) else 0
