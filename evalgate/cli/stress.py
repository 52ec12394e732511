"""`evalgate stress`."""

from pathlib import Path
from typing import Any

import click

from evalgate.cli.options import Finite, config_option, format_options
from evalgate.cli.stress_options import load_options, quota_options, source_options, stress_fields

__all__ = ["stress"]

EPILOG = """\b
Examples:
  evalgate stress                               every suite that has a `stress:` block
  evalgate stress --suite support --rpm 300 --sessions refund=100 --sessions status=50
  evalgate stress --arrivals traffic.csv --rpm 300 --retry none --format json
  evalgate stress --traces latest --tpm 200000 --retry openai+langgraph --plot stress.svg
  evalgate stress --suite support --engine live --rpm 600 --sessions all=16
"""


@click.command(epilog=EPILOG)
@config_option
@source_options(several=False)
@quota_options
@load_options
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="CHECK=VALUE",
    help="Limit of a check, which then can fail the run; may be repeated.",
)
@click.option(
    "--engine",
    type=click.Choice(["simulate", "live"]),
    help="simulate: in virtual time. live: the suite's agent over HTTP, on loopback.",
)
@click.option("--seconds", type=Finite(0.1), metavar="N", help="Time a live check may take.")
@click.option(
    "--most-seeds", type=click.IntRange(1, 1000), metavar="N", help="Seeds played for evidence."
)
@click.option(
    "--baseline",
    metavar="[PATH]",
    is_flag=False,
    flag_value="",
    help="Compare; without PATH with the suite's own baseline.",
)
@click.option(
    "--record-missing",
    is_flag=True,
    help="Ask the model what it says after a fault of a tool, where that is not recorded.",
)
@click.option(
    "--minimise",
    is_flag=True,
    help="Shrink faults of tools that fail the run to a set in which each is needed.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg",
    help="Draw throttles, use and completion over time.",
)
@format_options
@click.option("--quiet", "-q", is_flag=True, help="No progress on standard error.")
def stress(
    formats: tuple[str, ...],
    outputs: tuple[Path, ...],
    *,
    plot: Path | None,
    quiet: bool,
    **given: Any,  # noqa: ANN401  # click's options
) -> int:
    """Play recorded load against a provider's rate limits, and judge what becomes of it.

    Options win over the suite's `stress:` block. What recorded sessions and arrivals can and
    cannot show: docs/stress.md.
    """
    from evalgate.cli.output import check_outputs, emit  # noqa: PLC0415  # heavy
    from evalgate.cli.progress import progress  # noqa: PLC0415
    from evalgate.commands.stress import StressOptions, stress_check  # noqa: PLC0415
    from evalgate.stress.plot import check_plot, write_plot  # noqa: PLC0415
    from evalgate.stress.tool_faults.how import FaultPlay  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.suite.suite import Selection  # noqa: PLC0415

    pairs = check_outputs(formats, outputs)
    check_plot(plot)
    options = StressOptions(
        selection=Selection(given["config"], given["suites"]),
        traces=given["traces"],
        arrivals=given["arrivals"],
        fields=stress_fields(given),
        baseline=given["baseline"],
        faults=FaultPlay(record=given["record_missing"], minimise=given["minimise"]),
    )
    with progress(quiet=quiet) as listen:
        reports = stress_check(options, this_machine(), listen)
    if plot is not None:
        write_plot(plot, reports)
    emit(reports, pairs, given["config"])
    return reports.exit_code
