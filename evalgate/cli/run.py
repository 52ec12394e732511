"""`evalgate run`."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from evalgate.cli.options import config_option, format_options, suite_option

__all__ = ["run"]

EPILOG = """\b
Examples:
  evalgate run                                  every suite, limits only
  evalgate run --baseline                       compare with each suite's own baseline
  evalgate run --suite support --case refund-1  one case
  evalgate run --golden g.jsonl --agent recorded:traces.jsonl --format json
  evalgate run --baseline --format json --output report.json --format github
"""


@click.command(epilog=EPILOG)
@config_option
@suite_option
@click.option("--golden", type=click.Path(path_type=Path), help="Golden set, without a config.")
@click.option(
    "--agent",
    metavar="SPEC",
    help="python:MODULE:NAME, command:..., http://... or recorded:FILE, without a config.",
)
@click.option(
    "--baseline",
    metavar="[PATH]",
    is_flag=False,
    flag_value="",
    help="Compare; without PATH with the suite's own baseline.",
)
@click.option("--trials", type=click.IntRange(1, 1000), help="Trials a case.")
@click.option(
    "--max-trials",
    type=click.IntRange(1, 1000),
    help="Settle: more trials of every case while noise can explain a gated change.",
)
@click.option("--concurrency", type=click.IntRange(1, 10_000), help="Trials at once.")
@click.option("--timeout", type=click.FloatRange(0.001), metavar="SECONDS", help="Per trial.")
@click.option("--filter", "filters", multiple=True, metavar="tag:NAME", help="Only such cases.")
@click.option("--case", "cases", multiple=True, metavar="ID", help="Only this case.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first failed trial.")
@click.option("--max-cost", type=click.FloatRange(0, min_open=True), metavar="USD")
@click.option("--max-tokens", type=click.IntRange(1), metavar="N")
@click.option("--max-time", type=click.FloatRange(0, min_open=True), metavar="SECONDS")
@click.option("--mode", type=click.Choice(["plain", "confirmed", "strict"]), help="Gate mode.")
@click.option("--threshold", metavar="0.05|5%|5pp", help="The drop that fails.")
@click.option("--partial", is_flag=True, help="Let a selection of the cases pass.")
@click.option("--allow-removed", is_flag=True, help="Let the golden set have lost cases.")
@click.option(
    "--resume",
    metavar="[RUN]",
    is_flag=False,
    flag_value="latest",
    help="Go on with a run that was cut off; finished trials are kept.",
)
@format_options
@click.option("--quiet", "-q", is_flag=True, help="No progress on standard error.")
def run(
    formats: tuple[str, ...],
    outputs: tuple[Path, ...],
    *,
    quiet: bool,
    **given: Any,  # noqa: ANN401  # click's options
) -> int:
    """Run suites, score every trial, compare with the baseline, say the verdict.

    Without --baseline only min and max limits are checked and the report says so.
    """
    from evalgate.cli.output import check_outputs, emit  # noqa: PLC0415  # heavy
    from evalgate.cli.progress import progress  # noqa: PLC0415
    from evalgate.pipeline.run import RunOptions, run_suites  # noqa: PLC0415
    from evalgate.pipeline.suite import Selection, find_suites  # noqa: PLC0415

    pairs = check_outputs(formats, outputs)
    suites = find_suites(
        Selection(given.pop("config"), given.pop("suites"), given.pop("golden"), given.pop("agent"))
    )
    options = RunOptions.from_cli(command=shlex.join(["evalgate", *sys.argv[1:]]), **given)
    with progress(quiet=quiet) as listen:
        reports = run_suites(suites, options, listen)
    emit(reports, pairs)
    return reports.exit_code
