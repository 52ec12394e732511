"""`evalgate watch`: looks, compares with what is open, tells who can act."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from evalgate.alerts.deliver import resolved, send
from evalgate.alerts.lifecycle import (
    Delivery,
    Known,
    Send,
    changes_of,
    pending,
    receivers_of,
)
from evalgate.alerts.signal import TEAMS, Alert, Signal
from evalgate.commands.operations.objectives import Standing, objectives_in, standings
from evalgate.commands.operations.place import Place
from evalgate.commands.operations.signals import HOURS, moment_text, production_signals
from evalgate.errors import ConfigError, DataError, MissingExtra
from evalgate.history.alert_log import (
    alert_rows,
    change_alerts,
    claim,
    delivery_rows,
    finish,
)
from evalgate.history.changepoint import newest_shift
from evalgate.history.hours import hours_of
from evalgate.history.production import Filters
from evalgate.history.reads import known_suites, metric_points
from evalgate.history.series import Point
from evalgate.history.store import Database
from evalgate.schema.config import Config
from evalgate.schema.watch import Receiver, WatchConfig
from evalgate.store.git import git
from evalgate.text.counts import number_of, percent_text
from evalgate.text.redact import Redactor

_SHIFTED: Final = ("task_success_rate", "cost_per_interaction", "error_rate", "tool_call_accuracy")
_LAST_RUNS: Final = 200
_COMMITS: Final = 20
_PULLS: Final = ("pull_request", "pull_request_target", "pull_request_review", "merge_group")


@dataclass(frozen=True, slots=True)
class Outside:
    """What sending takes from the machine."""

    now: int
    """Seconds since 1970."""
    sleep: Callable[[float], None]
    """Waits so many seconds."""
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the history found."""

    signals: tuple[Signal, ...]

    @property
    def firing(self) -> tuple[Alert, ...]:
        """The alerts."""
        return tuple(signal.alert for signal in self.signals if signal.alert is not None)


def look(place: Place, database: Database, now: int) -> Look:
    """Return a signal for every figure that is watched."""
    loaded = place.loaded
    config = WatchConfig() if loaded is None else loaded.watch
    filters = Filters(environment=config.environment)
    agents = hours_of(database, now, HOURS, filters)
    signals = [*production_signals(agents, config, now)]
    if loaded is not None and loaded.slo:
        found = standings(objectives_in(place), place, database, now)
        signals += [_slo_signal(one, config, now) for one in found]
    signals += _shift_signals(place, database, config, now)
    return Look(tuple(signals))


def _slo_signal(one: Standing, config: WatchConfig, now: int) -> Signal:
    state, objective = one.state, one.objective
    key = f"slo/{objective.name}"
    if state.status == "not enough data":
        return Signal(key, "unknown", state.reason)
    if state.status == "met":
        return Signal(key, "quiet", state.reason)
    quick = any(burn.firing and burn.factor > 1 for burn in state.burns)
    alert = Alert(
        key=key,
        title=f"objective {objective.name} is {state.status}",
        severity="high" if quick or state.status == "exhausted" else "medium",
        agent=objective.agent or "all agents",
        metric=objective.metric,
        current="unknown" if state.sli is None else f"{percent_text(state.sli)}: {state.reason}",
        usual=f"objective {objective.objective:.4g} over {objective.window / 86_400:g} days",
        since=moment_text(now),
        model="unknown",
        prompt="unknown",
        team="agent",
        cause="the failures of the window, whatever their cause",
        advice="`evalgate slo` shows budget and burn; stop risky changes until it recovers",
        links=() if config.runbook is None else (config.runbook,),
    )
    return Signal(key, "firing", state.reason, alert)


def _shift_signals(
    place: Place, database: Database, config: WatchConfig, now: int
) -> Iterator[Signal]:
    branches = place.config.branches
    for suite in known_suites(database):
        for metric in _SHIFTED:
            found = metric_points(database, metric, suite=suite, branches=branches, last=_LAST_RUNS)
            for points in found.values():
                yield _shift_signal(place, suite, metric, points, config, now)


def _shift_signal(  # one call, all its facts
    place: Place, suite: str, metric: str, points: Sequence[Point], config: WatchConfig, now: int
) -> Signal:
    """Say whether the newest runs of main lie on a worse level than those before."""
    key = f"main/{suite}/{metric}"
    whole = [p for p in points if p.value is not None and not p.partial and p.at <= now]
    newest = whole[-1].definition if whole else None
    known = [p for p in whole if p.definition == newest][-_LAST_RUNS:]
    shift = newest_shift([p.value for p in known if p.value is not None])
    if shift is None:
        return Signal(
            key, "quiet" if known else "unknown", f"{number_of(len(known), 'run')} of main"
        )
    first, before = known[shift.index], known[shift.index - 1]
    worse = (
        shift.after < shift.before if first.direction == "higher" else shift.after > shift.before
    )
    why = (
        f"{shift.before:.4g} -> {shift.after:.4g} from {first.run_id} on "
        f"(p {shift.p:.1g}, {len(known) - shift.index} runs since)"
    )
    if not worse:
        return Signal(key, "quiet", why)
    alert = Alert(
        key=key,
        title=f"{suite}: {metric} of main has shifted",
        severity="high" if shift.p <= 1e-6 else "medium",
        agent=suite,
        metric=metric,
        current=f"{shift.after:.4g} since {first.run_id}",
        usual=f"{shift.before:.4g} before; {why}",
        since=moment_text(first.at),
        model="see the run's report",
        prompt="see the run's report",
        team="agent",
        cause=_commits(place, before.commit, first.commit),
        advice=f"evalgate compare --baseline {before.run_id} --current {first.run_id}",
        links=() if config.runbook is None else (config.runbook,),
    )
    return Signal(key, "firing", why, alert)


def _commits(place: Place, before: str | None, after: str | None) -> str:
    """Name the commits between two runs."""
    if before is None or after is None:
        return "the commits between are unknown"
    if before == after:
        return f"no commit lies between: both ran at {after[:10]}"
    listed = git(place.root, "log", "--format=%h %s", f"-{_COMMITS}", f"{before}..{after}")
    lines = (listed or "").splitlines()
    return "; ".join(lines) if lines else f"the commits from {before[:10]} to {after[:10]}"


def refuse_pull_request(environ: Mapping[str, str]) -> None:
    """Let no pull request tell anybody anything.

    Raises:
        ConfigError: This is one.
    """
    event = environ.get("GITHUB_EVENT_NAME", "")
    if event in _PULLS or environ.get("CI_MERGE_REQUEST_IID"):
        raise ConfigError(
            f"alerts are not sent from a pull request (found {event or 'a merge request'!r})",
            fix="run `evalgate watch` on a schedule or on the main branch; --dry-run prints",
        )


def routed(config: Config | None) -> tuple[dict[str, Receiver], dict[str, tuple[str, ...]]]:
    """Return receivers and routes.

    Raises:
        ConfigError: A route names no root cause or no receiver.
    """
    if config is None:
        return {}, {}
    for team, names in config.alert_routes.items():
        if team not in (*TEAMS, "default"):
            raise ConfigError(
                f"alert_routes: {team!r} is no root cause",
                fix=f"one of {', '.join(TEAMS)}, default",
            )
        for name in names:
            if name not in config.receivers:
                known = ", ".join(config.receivers) or "none"
                raise ConfigError(f"alert_routes.{team}: no receiver {name!r}; there is {known}")
    return dict(config.receivers), dict(config.alert_routes)


def tell(place: Place, database: Database, seen: Look, outside: Outside) -> list[str]:
    """Open and close alerts, and send what is still to be sent.

    Returns:
        What could not be delivered, in words.
    """
    receivers, routes = routed(place.loaded)
    redactor, now = Redactor.build(outside.environ), outside.now
    change_alerts(database, now, lambda bodies: _decided(seen, bodies, redactor))
    known = known_alerts(database, now)
    problems = [
        f"{one.alert.key}: alert_routes has neither {one.alert.team!r} nor default"
        for one in known
        if one.closed is None and not receivers_of(one.alert.team, routes)
    ]
    rows = delivery_rows(database, now)
    done = [Delivery(r.key, r.opened, r.receiver, r.action, r.at, r.state) for r in rows]
    sends, waiting = pending(known, done, routes, receivers, now)
    if waiting:
        wait = number_of(waiting, "message waits", "messages wait")
        problems.append(f"{wait}: the receivers had their hour's share")
    last = {(d.key, d.opened, d.receiver, d.action): d.at for d in done}
    for one in sends:
        stale = last.get((one.alert.key, one.opened, one.receiver, one.step))
        problem = _deliver(database, one, receivers[one.receiver], outside, stale)
        if problem is not None:
            problems.append(problem)
    tried = {(one.alert.key, one.opened, one.receiver, one.step) for one in sends}
    return [*problems, *_untold(known, done, tried)]


def _untold(
    known: Sequence[Known], done: Sequence[Delivery], tried: Collection[tuple[str, int, str, str]]
) -> Iterator[str]:
    """Name the messages of open alerts that were refused before, and are not due yet."""
    open_now = {(one.alert.key, one.opened) for one in known if one.closed is None}
    for one in done:
        message = (one.key, one.opened, one.receiver, one.action)
        if one.state == "refused" and message[:2] in open_now and message not in tried:
            yield f"{one.receiver}: {one.key}: refused; it is tried again within the hour"


def _decided(
    seen: Look, bodies: Mapping[str, str], redactor: Redactor
) -> tuple[dict[str, tuple[str, str]], list[str]]:
    changes = changes_of(seen.signals, {key: _read(body) for key, body in bodies.items()})
    wanted: dict[str, tuple[str, str]] = {}
    for alert in (*changes.opened, *changes.raised):
        clean = redactor.redact_json(json.loads(json.dumps(asdict(alert))))
        wanted[alert.key] = (alert.severity, json.dumps(clean))
    return wanted, list(changes.closed)


def _read(body: str) -> Alert:
    fields = json.loads(body)
    return Alert(**{**fields, "links": tuple(fields["links"])})


def known_alerts(database: Database, now: int) -> list[Known]:
    """Return the alerts that are open or were closed of late."""
    rows = alert_rows(database, now)
    return [Known(_read(row.body), row.opened, row.closed) for row in rows]


def _deliver(
    database: Database, one: Send, receiver: Receiver, outside: Outside, stale: int | None
) -> str | None:
    """Send one message, and say what went wrong."""
    message = (one.alert.key, one.opened, one.receiver, one.step)
    now = outside.now
    if not claim(database, message, now, stale=stale):
        return None
    outcome: tuple[str, int, str | None]
    try:
        sent = send(one.alert, one.action, resolved(receiver, outside.environ), now, outside.sleep)
        outcome = (sent.state, sent.attempts, sent.error)
    except (ConfigError, MissingExtra, DataError) as error:
        outcome = ("refused", 0, error.message)
    finish(database, message, now, outcome)
    if outcome[0] == "sent":
        return None
    return f"{one.receiver}: {one.alert.key}: {outcome[0]} after {outcome[1]} tries: {outcome[2]}"
