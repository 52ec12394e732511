"""`evalgate score`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli.options import config_option, format_options, judge_option

if TYPE_CHECKING:
    from evalgate.suite.plan import JudgeMode


EPILOG = """\b
Examples:
  evalgate score latest
  evalgate score .evalgate/runs/20260101T120000.000Z-support --baseline
"""


@click.command(epilog=EPILOG)
@click.argument("run", metavar="RUN")
@config_option
@click.option(
    "--baseline",
    metavar="[PATH]",
    is_flag=False,
    flag_value="",
    help="Compare; without PATH with the suite's own baseline.",
)
@judge_option
@format_options
def score(  # click's options
    run: str,
    config: Path,
    baseline: str | None,
    judge: "JudgeMode",
    formats: tuple[str, ...],
    outputs: tuple[Path, ...],
) -> int:
    """Score the stored traces of RUN (a run folder, its id or `latest`) with today's scorers.

    The agent is not run. The result is a new run folder; RUN stays as it is.
    """
    from evalgate.cli.output import check_outputs, emit  # noqa: PLC0415  # heavy
    from evalgate.commands.score import rescore  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    pairs = check_outputs(formats, outputs)
    reports = rescore(run, config, baseline, this_machine(), judge)
    emit(reports, pairs, config)
    return reports.exit_code
