"""`evalgate selftest`."""

from pathlib import Path

import click

from evalgate.cli.options import config_option, suite_option

EPILOG = """\b
Examples:
  evalgate selftest
  evalgate selftest --suite support
"""


@click.command(epilog=EPILOG)
@config_option
@suite_option
@click.option("--quiet", "-q", is_flag=True, help="No progress on standard error.")
def selftest(config: Path, suites: tuple[str, ...], *, quiet: bool) -> int:
    """Plant faults into a copy of each suite and show that the gate stops them.

    A regression, a crash, a deleted case, lost trials, an edited baseline, and calls that no rate
    limit lets through where the suite has a stress check. The trials are those of the newest
    complete run; without one the suite is run once. Nothing of yours is changed. Exit 0 only if
    every fault was stopped.
    """
    from evalgate.cli.progress import progress  # noqa: PLC0415  # heavy
    from evalgate.commands.selftest import selftest as test_suite  # noqa: PLC0415
    from evalgate.commands.selftest import table  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.suite.suite import Selection, find_suites  # noqa: PLC0415
    from evalgate.text.escape import terminal  # noqa: PLC0415

    codes = set()
    with progress(quiet=quiet) as listen:
        for suite in find_suites(Selection(config, suites)):
            tested = test_suite(suite, this_machine(), listen)
            codes.add(tested.exit_code)
            for line in table(tested):
                click.echo(terminal(line))
    return next(code for code in (1, 3, 0) if code in codes)
