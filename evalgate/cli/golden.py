"""`evalgate golden`."""

import os
from pathlib import Path

import click

from evalgate.cli.options import config_option


@click.group()
def golden() -> None:
    """Grow a golden set from what was observed."""


@golden.command()
@click.option(
    "--from",
    "source",
    required=True,
    metavar="RUN",
    help="A run folder, its id, `latest`, or a file of traces.",
)
@click.option("--case", "cases", multiple=True, metavar="ID", help="Only traces of this case.")
@click.option("--to", "target", type=click.Path(path_type=Path), help="Golden set to append to.")
@config_option
def add(source: str, cases: tuple[str, ...], target: Path | None, config: Path) -> None:
    """Draft cases from traces: redacted, deduplicated, `status: draft`.

    The observed calls and output stand as *proposed* expectations: a person corrects them and
    takes the draft status off. Without --to the drafts go to standard output.

    \b
    Examples:
      evalgate golden add --from latest --case refund-1
      evalgate golden add --from production.traces.jsonl --to golden_sets/support.jsonl
    """  # noqa: D301  # \b is click's
    from evalgate.commands.golden import add_drafts  # noqa: PLC0415  # heavy
    from evalgate.text.escape import terminal  # noqa: PLC0415

    grown = add_drafts(source, cases, target, config, os.environ)
    if target is None:
        click.echo(grown.text, nl=False)
    for line in grown.notes:
        click.echo(terminal(line), err=True)
