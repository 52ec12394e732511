"""`evalgate slo`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli.operations.options import at_option, find_place, moment, place_options, say

if TYPE_CHECKING:
    from evalgate.commands.operations.objectives import Standing


@click.command()
@click.option(
    "--openslo",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="An OpenSLO v1 file; may be repeated.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["exhausted", "burning"]),
    help="Exit 1 where an objective is so, and 3 where there is not enough data to tell.",
)
@click.option(
    "--format",
    "-f",
    "format_name",
    type=click.Choice(["terminal", "json"]),
    default="terminal",
    show_default=True,
    help="Format of the table.",
)
@at_option
@place_options
def slo(files: tuple[Path, ...], config: Path, db: str | None, **given: str | None) -> int:
    """Show objectives: SLI, error budget, burn rates, status (extra [history])."""
    import json  # noqa: PLC0415

    from evalgate.commands.operations import objectives  # noqa: PLC0415  # heavy
    from evalgate.commands.operations.place import opened  # noqa: PLC0415

    place = find_place(config, db)
    wanted = objectives.objectives_in(place, files)
    now = moment(given["at"])
    with opened(place) as database:
        found = objectives.standings(wanted, place, database, now)
    if given["format_name"] == "json":
        click.echo(json.dumps(objectives.states_json(found), indent=2))
    else:
        for one in found:
            _show(one)
        for note in dict.fromkeys(note for one in found for note in one.notes):
            say(f"note: {note}")
    return int(objectives.exit_code(found, given["fail_on"]))


def _show(one: "Standing") -> None:
    from evalgate.text.counts import percent_text  # noqa: PLC0415  # light help

    state, objective = one.state, one.objective
    days = objective.window / 86_400
    say(f"{objective.name}: {state.status.upper()}: {state.reason}")
    limit = "" if objective.at_most is None else f" at most {objective.at_most:g}"
    limit += "" if objective.at_least is None else f" at least {objective.at_least:g}"
    say(f"  metric      {objective.metric}{limit}, {objective.source}")
    say(f"  objective   {objective.objective:.4g} over {days:g} days")
    if state.sli is None or state.interval is None:
        return
    low, high = state.interval
    unknown = f", {state.counts.unknown} unknown" if state.counts.unknown else ""
    say(f"  current     {state.sli:.4f} [{low:.4f}, {high:.4f}] of {state.counts.total}{unknown}")
    if state.consumed is not None and state.remaining is not None:
        say(
            f"  budget      {state.budget_s / 3_600:.4g} h: {percent_text(state.consumed)} spent, "
            f"{percent_text(state.remaining)} left"
        )
    for burn in state.burns:
        rates = " / ".join(
            "no events" if r is None else f"{r:.2f}" for r in (burn.long, burn.short)
        )
        windows = f"{_length(burn.long_s)} / {_length(burn.short_s)}"
        mark = "  BURNING" if burn.firing else ""
        say(f"  burn        {rates} over {windows}, limit {burn.factor:g}{mark}")
    if state.days_left is not None:
        say(f"  exhausted   in {state.days_left:.1f} days at the present rate")


def _length(seconds: int) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
