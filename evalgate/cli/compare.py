"""`evalgate compare`."""

import gc
import os
from pathlib import Path
from typing import Any

import click

from evalgate.cli.options import config_option, format_options

EPILOG = """\b
Examples:
  evalgate compare --baseline main.json --current branch.json
  evalgate compare --baseline baselines/support.json --current .evalgate/runs/latest
  evalgate compare --baseline RUN --current latest -o page.html  (cases side by side)
  evalgate compare --baseline metrics/baseline.json --current metrics/current.json --threshold 0.05
  evalgate compare --baseline main/results.json --current branch/results.json   (of promptfoo)
  evalgate compare --baseline main.csv --current branch.csv --id case --score accuracy
"""


@click.command(epilog=EPILOG)
@click.option(
    "--baseline",
    required=True,
    type=click.Path(path_type=Path),
    help="A baseline, a report, a run folder, a flat {metric: number} file, or another tool's "
    "per-case results.",
)
@click.option(
    "--current",
    required=True,
    type=click.Path(path_type=Path),
    help="The candidate: the same kinds.",
)
@click.option("--threshold", metavar="0.05|5%|5pp", help="The drop that fails.")
@click.option("--mode", type=click.Choice(["plain", "confirmed", "strict"]), help="Gate mode.")
@click.option("--suite", metavar="NAME", help="Take the policy of this suite of the configuration.")
@config_option
@click.option("--partial", is_flag=True, help="Let a selection of the cases pass.")
@click.option("--allow-removed", is_flag=True, help="Let the golden set have lost cases.")
@click.option("--allow-new", is_flag=True, help="Other tools: leave out what only CURRENT has.")
@click.option("--from", "foreign", metavar="NAME", help="Other tools: the format of both files.")
@click.option("--id", metavar="COLUMN", help="Tables: the column of the case's id.")
@click.option("--trial", metavar="COLUMN", help="Tables: the column of the trial's number.")
@click.option(
    "--score",
    "scores",
    multiple=True,
    metavar="NAME[:lower][:0..5]",
    help="Other tools: a score that gates; repeatable. Without it all of them do.",
)
@format_options
def compare(formats: tuple[str, ...], outputs: tuple[Path, ...], **given: Any) -> int:  # noqa: ANN401
    """Compare two stored results and say the verdict; nothing is run."""
    gc.disable()  # a short-lived process that frees nothing
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # and looks for none
    from evalgate.cli.output import check_outputs, emit  # noqa: PLC0415  # heavy
    from evalgate.commands.compare import (  # noqa: PLC0415
        CompareOptions,
        compare_stored,
        is_foreign,
        with_cases,
    )
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    pairs = check_outputs(formats, outputs)
    options = CompareOptions(**given)
    reports = compare_stored(options, this_machine())
    data = [pair for pair in pairs if pair[0] == "json"]
    pages = [pair for pair in pairs if pair[0] != "json"]
    explained = reports.verdict != "pass" or any(name in ("html", "junit") for name, _ in pages)
    shown, folder = with_cases(reports, options) if pages and explained else (reports, None)
    emit(reports, data, given["config"])
    named = None if is_foreign(options) else str(folder or options.current)
    emit(shown, pages, given["config"], folder, shown=named)
    return reports.exit_code
