"""`evalgate baseline`."""

from pathlib import Path

import click

from evalgate.cli.options import config_option, suite_option


@click.group()
def baseline() -> None:
    """Make, show and check the committed baselines."""


@baseline.command()
@config_option
@suite_option
@click.option("--trials", type=click.IntRange(1, 1000), help="Fresh trials a case.")
@click.option("--reason", required=True, help="Why the baseline changes; kept in the file.")
@click.option("--force", is_flag=True, help="Override the rules; recorded in the file.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on standard error.")
def update(
    config: Path, suites: tuple[str, ...], trials: int | None, reason: str, **flags: bool
) -> int:
    """Run fresh trials and replace the whole baseline.

    Refused from a dirty tree, from fewer than 5 trials of a live agent, with broken scores, and
    with a `must_pass` case that fails; `--force` overrides and is recorded.

    \b
    Example:
      evalgate baseline update --trials 10 --reason "new refund policy"
    """  # noqa: D301  # \b is click's
    from evalgate.cli.progress import progress  # noqa: PLC0415  # heavy
    from evalgate.commands.baseline import Update, update_baselines  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.suite.suite import Selection, find_suites  # noqa: PLC0415

    found = find_suites(Selection(config, suites))
    change = Update(reason, trials, flags["force"])
    with progress(quiet=flags["quiet"]) as listen:
        for line in update_baselines(found, change, this_machine(), listen):
            click.echo(line)
    return 0


@baseline.command()
@config_option
@suite_option
def show(config: Path, suites: tuple[str, ...]) -> None:
    """Print what the baselines hold: metrics, trials, age, provenance."""
    from evalgate.commands.baseline import describe_baseline  # noqa: PLC0415  # heavy
    from evalgate.suite.suite import Selection, find_suites  # noqa: PLC0415

    for suite in find_suites(Selection(config, suites)):
        click.echo(describe_baseline(suite))


@baseline.command()
@config_option
@suite_option
def check(config: Path, suites: tuple[str, ...]) -> int:
    """Check that the baselines are whole, unedited and fit their golden sets."""
    from evalgate.commands.baseline import check_baseline  # noqa: PLC0415  # heavy
    from evalgate.suite.suite import Selection, find_suites  # noqa: PLC0415

    code = 0
    for suite in find_suites(Selection(config, suites)):
        state = check_baseline(suite)
        click.echo(state.text)
        code = max(code, state.exit_code)
    return code
