"""`evalgate capacity`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalgate.cli.options import config_option
from evalgate.cli.stress_options import load_options, quota_options, source_options, stress_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalgate.schema.base import Json


EPILOG = """\b
Examples:
  evalgate capacity                             every suite of evalgate.yaml, as one organisation
  evalgate capacity --suite support --rpm 300 --sessions refund=30 --sessions status=50
  evalgate capacity --arrivals traffic.csv --growth 0.2
  evalgate capacity --traces latest --rpm 600 --growth 0.2 --format markdown -o plan.md
"""


@click.command(epilog=EPILOG)
@config_option
@source_options(several=True)
@quota_options
@load_options
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg",
    help="Draw errors and completion against sessions.",
)
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(["terminal", "markdown", "json"]),
    default="terminal",
    show_default=True,
    help="Format of the plan.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File; without it, standard output.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress on standard error.")
def capacity(
    *,
    form: str,
    output: Path | None,
    plot: Path | None,
    quiet: bool,
    **given: Any,  # noqa: ANN401  # click's options
) -> None:
    """Plan capacity: what to reserve, what each tier needs, how many sessions a quota holds.

    Reserve is the busiest window of the limit's own length x (1 + growth). The rest is searched
    in the simulator: docs/stress.md.
    """
    from evalgate.cli.progress import progress  # noqa: PLC0415  # heavy
    from evalgate.commands.capacity import CapacityOptions, as_json, plan_capacity  # noqa: PLC0415
    from evalgate.output.capacity import capacity_figure  # noqa: PLC0415
    from evalgate.stress.plot import check_plot, write_picture  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.suite.suite import Selection  # noqa: PLC0415

    check_plot(plot)
    options = CapacityOptions(
        selection=Selection(given["config"], given["suites"]),
        traces=given["traces"],
        arrivals=given["arrivals"],
        fields=stress_fields({**given, "growth": None}),
        growth=given["growth"] or 0.0,
    )
    with progress(quiet=quiet) as listen:
        plan = as_json(plan_capacity(options, this_machine(), listen))
    if plot is not None:
        write_picture(plot, capacity_figure(plan))
    _emit(_written(plan, form), output)


def _written(plan: "Mapping[str, Json]", form: str) -> str:
    import json  # noqa: PLC0415  # only here

    from evalgate.output.capacity import capacity_markdown, capacity_text  # noqa: PLC0415  # heavy

    if form == "json":
        return json.dumps(plan, indent=1) + "\n"
    return capacity_markdown(plan) if form == "markdown" else capacity_text(plan)


def _emit(text: str, output: Path | None) -> None:
    from evalgate.store.atomic import write_text  # noqa: PLC0415  # heavy

    if output is None:
        click.echo(text, nl=False)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_text(output, text)
