"""`evalgate show` and `evalgate view`: stored runs, looked at."""

import json
import os
import shutil
import sys
from pathlib import Path

import click

from evalgate.cli.options import config_option

EPILOG = """\b
Examples:
  evalgate show                        the worst case of the latest run
  evalgate show refund-7               a case of the latest run
  evalgate show latest --failed        every case that did not pass
  evalgate show 20260101T1 refund-7 --trial 2 --json
"""


@click.command(epilog=EPILOG)
@click.argument("run", required=False, metavar="[RUN]")
@click.argument("case", required=False, metavar="[CASE]")
@click.option("--trial", type=int, help="Number of the trial. Default: the first that failed.")
@click.option("--failed", is_flag=True, help="Every case that did not pass.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")
@config_option
def show(
    run: str | None,
    case: str | None,
    *,
    trial: int | None,
    failed: bool,
    as_json: bool,
    config: Path,
) -> int:
    """Show what happened in a case: model calls, tool calls, retrievals, hand-overs and scores.

    RUN is a run folder, its id or the start of it, `latest`, or a report; CASE the id of a case.
    Beside it stands the baseline's trial, where the run it was made of is still stored, with the
    first divergence marked. The exit code is 0, whatever the verdict was.
    """
    from evalgate.cli.output import log_safe  # noqa: PLC0415  # heavy
    from evalgate.commands.show import Asked, shown_cases  # noqa: PLC0415
    from evalgate.output.cases.transcript import transcript, transcript_data  # noqa: PLC0415

    shown = shown_cases(Asked(run, case, trial, failed, config))
    if as_json:
        for row, details in shown:
            data = transcript_data(row, trial, details)
            click.echo(log_safe(json.dumps(data, ensure_ascii=False), "json"))
        return 0
    if not shown:
        click.echo("no case failed" if failed else "there is no case to show")
        return 0
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    parts = []
    notes: dict[str, None] = {}
    for row, details in shown:
        lines = list(transcript(row, trial, details))
        parts.append("\n".join(_styled(line.text, line.style, color=color) for line in lines))
        notes |= dict.fromkeys(details.notes)
    text = "\n\n".join(parts) + "".join(f"\nnote: {_safe(note)}" for note in notes) + "\n"
    _print(log_safe(text))
    return 0


def _styled(text: str, style: str, *, color: bool) -> str:
    if not color or not style:
        return text
    *weights, hue = style.split()
    bold, dim = "bold" in (*weights, hue), hue == "dim"
    return click.style(text, fg=None if hue in ("bold", "dim") else hue, bold=bold, dim=dim)


def _safe(text: str) -> str:
    from evalgate.text.escape import terminal  # noqa: PLC0415  # heavy

    return terminal(text)


def _print(text: str) -> None:
    """Page what is longer than the screen; a pipe gets it at once."""
    if sys.stdout.isatty() and text.count("\n") > shutil.get_terminal_size().lines:
        click.echo_via_pager(text)
    else:
        click.echo(text, nl=False, color=True)


_VIEW_EPILOG = """\b
Examples:
  evalgate view                             the latest run, in the browser
  evalgate view --no-open --output page.html
  evalgate view artifact.zip                a report from CI
"""


@click.command(epilog=_VIEW_EPILOG)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file. Default: report.html in the run folder, else in the working folder.",
)
@click.option("--open/--no-open", "opened", default=True, help="Whether to open it in the browser.")
@config_option
def view(runs: tuple[str, ...], output: Path | None, *, opened: bool, config: Path) -> int:
    """Write the HTML report of stored runs, and open it.

    RUN is a run folder, its id or the start of it, `latest`, a report, or the .zip of an artifact;
    several make one page. The page is a single file: it needs no server and loads nothing. The
    exit code is 0, whatever the verdict was.
    """
    import webbrowser  # noqa: PLC0415  # heavy

    from evalgate.cli.output import ways_to  # noqa: PLC0415  # heavy
    from evalgate.commands.view import write_page  # noqa: PLC0415

    ways = ways_to(config, runs[0] if len(runs) == 1 else "")
    path = write_page(runs, output, config, ways)
    click.echo(str(path))
    if opened and not webbrowser.open(path.resolve().as_uri()):
        click.echo("no browser could be started; open the file yourself", err=True)
    return 0
