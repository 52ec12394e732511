"""`evalgate view`."""

from pathlib import Path

import click

from evalgate.cli.options import config_option

__all__ = ["view"]

EPILOG = """\b
Examples:
  evalgate view                             the latest run, in the browser
  evalgate view --no-open --output page.html
  evalgate view artifact.zip                a report from CI
"""


@click.command(epilog=EPILOG)
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

    from evalgate.commands.view import write_page  # noqa: PLC0415

    path = write_page(runs, output, config)
    click.echo(str(path))
    if opened and not webbrowser.open(path.resolve().as_uri()):
        click.echo("no browser could be started; open the file yourself", err=True)
    return 0
