"""`evalgate watch`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli.operations.options import at_option, find_place, moment, place_options, say
from evalgate.text.counts import number_of

if TYPE_CHECKING:
    from evalgate.alerts.signal import Alert
    from evalgate.commands.operations.place import Place
    from evalgate.commands.operations.watch import Look


@click.command()
@click.option("--once", is_flag=True, help="Look once, and exit 3 where an alert reached nobody.")
@click.option("--dry-run", is_flag=True, help="Print the alerts, and neither keep nor send any.")
@click.option("--verbose", "-v", is_flag=True, help="Print every figure, not only alerts.")
@at_option
@place_options
def watch(
    config: Path, db: str | None, at: str | None, *, once: bool, dry_run: bool, verbose: bool
) -> int:
    """Look for anomalies, and tell the team that can act (extra [history]).

    Looks at the last hour of production, at objectives, and at the runs of main. An alert is told
    once, whatever restarts, and is resolved when it is over. Nothing is sent from a pull request.
    """
    import time  # noqa: PLC0415

    from evalgate.errors import DataError  # noqa: PLC0415

    place = find_place(config, db)
    if once or dry_run:
        return _look(place, moment(at), dry_run=dry_run, verbose=verbose)
    every = 60 if place.loaded is None else place.loaded.watch.every_s
    while True:
        try:
            _look(place, moment(at), dry_run=False, verbose=verbose)
        except DataError as error:  # a database that is away comes back
            say(f"error: {error}")
        time.sleep(every)


def _look(place: "Place", now: int, *, dry_run: bool, verbose: bool) -> int:
    import os  # noqa: PLC0415
    import time  # noqa: PLC0415

    from evalgate.commands.operations import watch as work  # noqa: PLC0415  # heavy
    from evalgate.commands.operations.place import opened  # noqa: PLC0415

    work.routed(place.loaded)
    if not dry_run:
        work.refuse_pull_request(os.environ)
    with opened(place, writes=not dry_run) as database:
        seen = work.look(place, database, now)
        _show(seen, verbose=verbose)
        if dry_run:
            _print_messages(place, seen)
            return 0
        outside = work.Outside(now, time.sleep, os.environ)
        problems = work.tell(place, database, seen, outside)
    for problem in problems:
        say(f"not told: {problem}")
    return 3 if problems else 0


def _show(seen: "Look", *, verbose: bool) -> None:
    for signal in seen.signals:
        if signal.alert is not None:
            say(f"{signal.alert.severity.upper()}: {signal.alert.title}")
            say(f"  now    {signal.alert.current}")
            say(f"  usual  {signal.alert.usual}")
            say(f"  team   {signal.alert.team}: {signal.alert.cause}")
        elif verbose:
            say(f"{signal.state}: {signal.key}: {signal.why}")
    counts = dict.fromkeys(("firing", "quiet", "unknown"), 0)
    for signal in seen.signals:
        counts[signal.state] += 1
    alerts = number_of(counts["firing"], "alert")
    say(f"{alerts}, {counts['quiet']} quiet, {counts['unknown']} unknown")


def _print_messages(place: "Place", seen: "Look") -> None:
    """Print what would be sent; `$NAME` stands for what the environment holds."""
    import json  # noqa: PLC0415

    from evalgate.alerts.deliver import message_for  # noqa: PLC0415  # heavy
    from evalgate.alerts.lifecycle import receivers_of  # noqa: PLC0415
    from evalgate.commands.operations.watch import routed  # noqa: PLC0415

    receivers, routes = routed(place.loaded)
    for alert in seen.firing:
        names = receivers_of(alert.team, routes)
        if not names:
            say(f"nobody: alert_routes has neither {alert.team!r} nor default")
        for name in names:
            hidden = receivers[name]
            if hidden.pagerduty is not None and not hidden.pagerduty.startswith("$"):
                hidden = hidden.model_copy(update={"pagerduty": "[routing key]"})
            message = message_for(alert, "trigger", hidden)
            text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
            _say_message(name, alert, text)


def _say_message(name: str, alert: "Alert", text: str) -> None:
    from evalgate.text.escape import terminal  # noqa: PLC0415  # heavy

    click.echo(terminal(f"to {name}, team {alert.team}:"))
    click.echo(terminal(text, limit=20_000))
