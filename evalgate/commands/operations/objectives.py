"""`evalgate slo`: where the objectives stand."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from evalgate.commands.operations.place import Place
from evalgate.errors import ConfigError, ExitCode
from evalgate.history.production import RATES, VALUES, Filters, undated, window_counts
from evalgate.history.reads import metric_points
from evalgate.history.series import Point
from evalgate.history.store import Database
from evalgate.metrics.registry import METRICS, find_metric
from evalgate.schema.objectives import Objective
from evalgate.slo.arithmetic import PAIRS, EventCounts, SloState, slo_state
from evalgate.slo.openslo import objectives_of
from evalgate.store.strict_yaml import parse_documents
from evalgate.text.counts import number_of
from evalgate.text.suggest import did_you_mean

_TOOLS: Final = "tool_failure_rate"
_MAX_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Standing:
    """An objective and where it stands."""

    objective: Objective
    state: SloState
    notes: tuple[str, ...] = ()


def objectives_in(place: Place, files: tuple[Path, ...] = ()) -> tuple[Objective, ...]:
    """Return the objectives of the configuration and of OpenSLO files.

    Raises:
        ConfigError: There is none, one is not valid, or a name stands twice.
    """
    given = () if place.loaded is None else place.loaded.slo
    found = [one for one in given if isinstance(one, Objective)]
    named = [place.root / one for one in given if isinstance(one, str)]
    for path in (*named, *files):
        found += objectives_of(parse_documents(_text(path), source=str(path)), str(path))
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"two objectives are named {twice!r}")
    if not found:
        raise ConfigError(
            "there is no objective",
            fix="slo: [{name: success, metric: task_success_rate, objective: 95%}]",
        )
    for one in found:
        _refuse_unknown(one)
    return tuple(found)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if len(data) > _MAX_BYTES:
            raise ConfigError(f"{path}: {len(data)} bytes, more than {_MAX_BYTES} allowed")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error


def _refuse_unknown(objective: Objective) -> None:
    """Refuse a metric that has no events of the kind asked for."""
    name, limited = objective.metric, _limits(objective) != (None, None)
    if objective.source == "production":
        known = [*VALUES, *RATES] if limited else [*RATES, _TOOLS]
        if name not in known:
            hint = did_you_mean(name, known)
            limit = "" if limited or name not in VALUES else "; it needs at_most or at_least"
            raise ConfigError(
                f"objective {objective.name!r}: {name!r} is no rate of production{hint}{limit}",
                fix=f"one of {', '.join(known)}, or `source: runs`",
            )
    elif find_metric(name) is None and did_you_mean(name, METRICS):
        raise ConfigError(
            f"objective {objective.name!r}: no metric {name!r}{did_you_mean(name, METRICS)}"
        )


def _limits(objective: Objective) -> tuple[float | None, float | None]:
    return objective.at_most, objective.at_least


def standings(
    objectives: tuple[Objective, ...], place: Place, database: Database, now: int
) -> tuple[Standing, ...]:
    """Say where each objective stands.

    Args:
        objectives: What is wanted.
        place: The history's branches.
        database: The history.
        now: The end of every window, in seconds since 1970.
    """
    left_out = undated(database)
    notes = (
        (f"{number_of(left_out, 'interaction has', 'interactions have')} no time: in no window",)
        if left_out
        else ()
    )
    made = []
    for one in objectives:
        production = one.source == "production"
        counts = (_production if production else _runs)(one, place, database, now)
        state = slo_state(one.objective, one.window, counts, sampled=one.sampled)
        made.append(Standing(one, state, notes if production else ()))
    return tuple(made)


def _production(
    objective: Objective, place: Place, database: Database, now: int
) -> Callable[[int], EventCounts]:
    environment = None if place.loaded is None else place.loaded.watch.environment
    lengths = {objective.window, *(p.long_s for p in PAIRS), *(p.short_s for p in PAIRS)}
    found = window_counts(
        database,
        objective.metric,
        now,
        sorted(lengths),
        Filters(objective.agent, environment),
        _limits(objective),
    )
    return lambda length: EventCounts(*found[length])


def _runs(
    objective: Objective, place: Place, database: Database, now: int
) -> Callable[[int], EventCounts]:
    since = now - objective.window
    found = metric_points(
        database,
        objective.metric,
        suite=objective.agent,
        branches=place.config.branches,
        since=since,
    )
    points = [p for own in found.values() for p in own if not p.partial and p.at <= now]
    if _limits(objective) == (None, None):
        bare = next((p for p in points if p.den is None and p.value is not None), None)
        if bare is not None:
            raise ConfigError(
                f"objective {objective.name!r}: {objective.metric!r} has no counts of events",
                fix="at_most or at_least makes an event of each run",
            )
    return partial(_of_points, objective, points, now)


def _of_points(objective: Objective, points: list[Point], now: int, length: int) -> EventCounts:
    inside = [point for point in points if point.at > now - length]
    most, least = _limits(objective)
    if most is None and least is None:
        known = [p for p in inside if p.den is not None and p.num is not None]
        total = sum(p.den or 0 for p in known)
        good = sum(
            (p.num or 0.0) if p.direction == "higher" else (p.den or 0) - (p.num or 0.0)
            for p in known
        )
        return EventCounts(good, total, sum(p.unknown for p in inside))
    values = [point.value for point in inside]
    good = sum(
        value is not None and (value <= most if most is not None else value >= (least or 0.0))
        for value in values
    )
    unknown = sum(value is None for value in values)
    return EventCounts(good, len(values) - unknown, unknown)


def exit_code(found: tuple[Standing, ...], fail_on: str | None) -> ExitCode:
    """Fail where an objective is as bad as asked; what is not known is inconclusive."""
    if fail_on is None:
        return ExitCode.PASSED
    bad = {"exhausted"} if fail_on == "exhausted" else {"exhausted", "burning"}
    statuses = {one.state.status for one in found}
    if statuses & bad:
        return ExitCode.FAILED
    return ExitCode.INCONCLUSIVE if "not enough data" in statuses else ExitCode.PASSED


def states_json(found: tuple[Standing, ...]) -> list[Mapping[str, Any]]:
    """Return the states as plain data."""
    return [
        {"name": one.objective.name, "metric": one.objective.metric,
         "window_s": one.objective.window, **asdict(one.state), "notes": list(one.notes)}
        for one in found
    ]  # fmt: skip
