"""`evalgate cassette`."""

import os
from pathlib import Path

import click

from evalgate.cli.options import config_option, suite_option


@click.group()
def cassette() -> None:
    """Show, prune and scan the recorded model calls."""


@cassette.command()
@config_option
@suite_option
@click.option("--case", "cases", multiple=True, metavar="ID", help="Only this case.")
def show(config: Path, suites: tuple[str, ...], cases: tuple[str, ...]) -> None:
    """Print what is recorded, a line a response."""
    from evalgate.commands.cassettes import show_cases  # noqa: PLC0415  # heavy
    from evalgate.suite.suite import Selection, find_suites  # noqa: PLC0415

    for suite in find_suites(Selection(config, suites)):
        for line in show_cases(suite, cases):
            click.echo(line)


@cassette.command()
@config_option
@suite_option
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
def prune(config: Path, suites: tuple[str, ...], *, dry_run: bool) -> None:
    """Remove recordings of cases and trials that are gone, and lines no replay asks for."""
    from evalgate.commands.cassettes import prune_suite  # noqa: PLC0415  # heavy
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.suite.suite import Selection, find_suites  # noqa: PLC0415

    for suite in find_suites(Selection(config, suites)):
        for line in prune_suite(suite, this_machine(), dry_run=dry_run):
            click.echo(line)


@cassette.command()
@config_option
@suite_option
def scan(config: Path, suites: tuple[str, ...]) -> int:
    """Look for secrets that recordings still hold; exits 2 when there are any."""
    from evalgate.commands.cassettes import find_leaks  # noqa: PLC0415  # heavy
    from evalgate.suite.suite import Selection, find_suites  # noqa: PLC0415
    from evalgate.text.counts import number_of  # noqa: PLC0415

    found = read = 0
    for suite in find_suites(Selection(config, suites)):
        files, leaks = find_leaks(suite, os.environ)
        for leak in leaks:
            click.echo(f"{leak.path}:{leak.line}: looks like a secret: {leak.kind}")
        found += len(leaks)
        read += files
    click.echo(f"{number_of(found, 'secret')} found in {number_of(read, 'cassette')}")
    return 2 if found else 0
