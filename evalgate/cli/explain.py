"""`evalgate explain`: why a stored run failed, for a person or a program."""

import json
from pathlib import Path

import click

from evalgate.cli.options import config_option

EPILOG = """\b
Examples:
  evalgate explain                 why the latest run failed
  evalgate explain --json          the same as data, for a coding agent
  evalgate explain artifact.zip    a run from CI
"""


@click.command(epilog=EPILOG)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@config_option
def explain(runs: tuple[str, ...], *, as_json: bool, config: Path) -> int:
    """Explain a stored run: what broke, where, the evidence, and the command that proves a fix.

    RUN is a run folder, its id or the start of it, `latest`, a report, or the .zip of an artifact.
    The exit code is 0, whatever the verdict was.
    """
    from evalgate.cli.output import log_safe, ways_to  # noqa: PLC0415  # heavy
    from evalgate.commands.details import find_place, named_reports  # noqa: PLC0415
    from evalgate.output.explanation import explanation  # noqa: PLC0415
    from evalgate.output.style import Style  # noqa: PLC0415
    from evalgate.output.terminal import render  # noqa: PLC0415

    reports, _ = named_reports(find_place(config), runs)
    ways = ways_to(config, runs[0] if len(runs) == 1 else "")
    if as_json:
        text = json.dumps(explanation(reports, ways), ensure_ascii=False, indent=1)
        click.echo(log_safe(text, "json"))
    else:
        click.echo(log_safe(render(reports, Style(ways=ways))), nl=False)
    return 0
