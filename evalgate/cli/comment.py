"""`evalgate comment`."""

import os
from pathlib import Path
from typing import Any

import click

EPILOG = """\b
Examples:
  evalgate comment report.json                    in a workflow with pull-requests: write
  evalgate comment artifact.zip --note "computed by the fork's own run"
  evalgate comment report.json --dry-run          print it
"""


@click.command(epilog=EPILOG)
@click.argument(
    "reports", metavar="REPORT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--pr", "number", type=click.IntRange(1), help="Number of the pull request.")
@click.option("--workflow", metavar="NAME", help="Name in the marker. Default: GITHUB_WORKFLOW.")
@click.option("--suite", default="all", show_default=True, help="Second name in the marker.")
@click.option(
    "--author",
    default="github-actions[bot]",
    show_default=True,
    help="Login that the token writes as; only its comment is edited.",
)
@click.option("--link", metavar="URL", help="Address of the full report. Default: the run.")
@click.option("--note", metavar="TEXT", help="A line that stands above the table.")
@click.option("--dry-run", is_flag=True, help="Print the comment; ask GitHub nothing.")
def comment(*, reports: tuple[Path, ...], dry_run: bool, **given: Any) -> None:  # noqa: ANN401  # click's options
    """Write one comment about REPORT on the pull request, or edit it where it changed.

    REPORT is a report.json, a run folder, or the .zip of an artifact. Prints `comment-id=ID` for
    $GITHUB_OUTPUT. A token without rights, or an API that is down, is a warning: the verdict
    stands, and the exit code is 0.
    """
    from evalgate.commands.comment import (  # noqa: PLC0415  # heavy
        CommentOptions,
        Skipped,
        comment_on_pull,
        comment_text,
    )
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.text.escape import terminal, workflow_value  # noqa: PLC0415

    options = CommentOptions(reports=reports, **given)
    if dry_run:
        click.echo(comment_text(options, os.environ)[1], nl=False)
        return
    done = comment_on_pull(options, this_machine())
    if isinstance(done, Skipped):
        if os.environ.get("GITHUB_ACTIONS") == "true":
            said = workflow_value(f"the comment was skipped: {done.reason}")
            click.echo(f"::warning title=evalgate::{said}", err=True)
        else:
            click.echo(terminal(f"warning: the comment was skipped: {done.reason}"), err=True)
        return
    click.echo(f"comment {done.action}", err=True)
    click.echo(f"comment-id={done.id}")
