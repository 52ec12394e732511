"""What a stress run produced: counts by group, completion times, a bounded series for plots."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from evalgate.quota.units import SECOND, seconds
from evalgate.stress.simulation.causes import RATE_LIMITS, Cause

_DISTINCT = 20_000
_KEPT_BITS = 12
_BINS = 256


@dataclass(slots=True)
class Distribution:
    """Times in nanoseconds, exact up to 20,000 different values, then to 1 part in 2,048."""

    counts: dict[int, int] = field(default_factory=dict)
    n: int = 0
    coarse: bool = False

    def add(self, value: int, times: int = 1) -> None:
        """Count a value."""
        if self.coarse:
            value = _coarsened(value)
        self.counts[value] = self.counts.get(value, 0) + times
        self.n += times
        if not self.coarse and len(self.counts) > _DISTINCT:
            self._coarsen()

    def _coarsen(self) -> None:
        fine, self.counts, self.coarse = self.counts, {}, True
        for value, times in fine.items():
            key = _coarsened(value)
            self.counts[key] = self.counts.get(key, 0) + times

    def merge(self, other: "Distribution") -> None:
        """Add all values of another."""
        for value, times in other.counts.items():
            self.add(value, times)

    def quantile(self, q: Fraction, beyond: int = 0) -> float | None:
        """Return a quantile of type 7, in seconds.

        Args:
            q: From 0 to 1.
            beyond: So many further values are larger than any counted one.

        Returns:
            None when there is no value, or when the quantile lies beyond the counted ones.
        """
        total = self.n + beyond
        if total == 0:
            return None
        place = q * (total - 1)
        low = place.__floor__()
        high = min(low + 1, total - 1) if place > low else low
        if high >= self.n:
            return None
        first, second = self._at(low), self._at(high)
        return float((first + (second - first) * (place - low)) / SECOND)

    def _at(self, index: int) -> int:
        passed = 0
        for value in sorted(self.counts):
            passed += self.counts[value]
            if passed > index:
                return value
        raise IndexError(index)


def _coarsened(value: int) -> int:
    shift = max(0, value.bit_length() - _KEPT_BITS)
    return value >> shift << shift


def _bins() -> list[int]:
    return [0] * _BINS


@dataclass(slots=True)
class Series:
    """Counts over time in at most 256 bins; the bin widens as the run gets longer."""

    width: int = SECOND // 16
    """Nanoseconds a bin."""
    admitted: list[int] = field(default_factory=_bins)
    """Attempts that the quota let through."""
    throttled: list[int] = field(default_factory=_bins)
    """Attempts that the quota refused."""
    turned_away: list[int] = field(default_factory=_bins)
    """Attempts answered with another error before the quota was asked."""
    finished: list[int] = field(default_factory=_bins)
    """Sessions that ended well."""
    charged: dict[str, list[int]] = field(default_factory=dict)
    """What was admitted of each limit on tokens; that of requests is `admitted`."""
    size: int = _BINS
    """Bins."""

    def place(self, now: int) -> int:
        """Return the bin of a moment; the bins widen until there is one."""
        while now // self.width >= self.size:
            self._widen()
        return now // self.width

    def columns(self) -> tuple[list[int], ...]:
        """Return all columns, those of charges last and in the order of their limits."""
        counts = (self.admitted, self.throttled, self.turned_away, self.finished)
        return (*counts, *self.charged.values())

    def column_of(self, dimension: str) -> list[int]:
        """Return the column of a limit's charges, and make it where there is none."""
        return self.charged.setdefault(dimension, _bins())

    def _widen(self) -> None:
        self.width *= 2
        for column in self.columns():
            merged = [a + b for a, b in zip(column[::2], column[1::2], strict=True)]
            column[:] = merged + [0] * len(merged)

    def merge(self, other: "Series") -> None:
        """Add another run's counts, bin by bin."""
        for dimension in other.charged:
            self.column_of(dimension)
        while self.width < other.width:
            self._widen()
        ratio = self.width // other.width
        for mine, theirs in zip(self.columns(), other.columns(), strict=True):
            for index, count in enumerate(theirs):
                mine[index // ratio] += count

    def used_bins(self) -> int:
        """Return the number of bins up to the last one that holds anything."""
        return max((i + 1 for c in self.columns() for i, n in enumerate(c) if n), default=0)


@dataclass(slots=True)
class Counts:
    """What became of the sessions and calls of one group."""

    sessions: int = 0
    finished: int = 0
    """Sessions that got all their answers."""
    planned: int = 0
    """Calls these sessions would have made."""
    calls: int = 0
    """Calls offered: later calls of a dead session never are."""
    succeeded: int = 0
    exhausted: int = 0
    """Calls whose retries ran out."""
    never_fits: int = 0
    """Calls larger than a whole limit."""
    abandoned: int = 0
    """Calls that waited too long in our own queue."""
    cancelled: int = 0
    """Calls dropped because another call of their session failed."""
    attempts: int = 0
    """HTTP requests."""
    throttled: int = 0
    """Attempts refused by the quota."""
    errors: int = 0
    """Attempts that failed for another reason."""
    useful: int = 0
    """Succeeded calls of sessions that finished: the goodput."""
    silent: int | None = None
    """Failed calls that came back as a normal answer; None: not looked for."""
    causes: dict[Cause, int] = field(default_factory=dict)
    """Failed calls by the cause of their last attempt."""
    throttles: dict[Cause, int] = field(default_factory=dict)
    """Refused attempts by dimension."""
    retries: dict[int, int] = field(default_factory=dict)
    """Calls by the most retries they made between two re-queues; those without any left out."""
    by_layer: dict[str, int] = field(default_factory=dict)
    """Retries by the layer that made them."""
    completion: Distribution = field(default_factory=Distribution)
    """Times of the sessions that finished."""
    ideal: Distribution = field(default_factory=Distribution)
    """Times all sessions would have taken without any refusal."""

    def completion_time(self, q: Fraction, lost: int = 0) -> float | None:
        """Return a quantile of the sessions' times; None where none is known.

        Sessions that take no time of their own, as those of an arrival trace, only wait.

        Args:
            q: The quantile.
            lost: Sessions that take for ever.
        """
        waits_only = self.ideal.quantile(Fraction(1)) == 0
        return None if waits_only else self.completion.quantile(q, lost)

    @property
    def failed(self) -> int:
        """Calls that failed."""
        return self.exhausted + self.never_fits + self.abandoned

    @property
    def rate_limited(self) -> int:
        """Calls that failed for want of capacity."""
        return sum(count for cause, count in self.causes.items() if cause in RATE_LIMITS)

    @property
    def open_calls(self) -> int:
        """Calls that had no end when the run was cut off."""
        return self.calls - self.succeeded - self.failed - self.cancelled

    @property
    def most_retries(self) -> int:
        """The most retries of any call between two re-queues."""
        return max(self.retries, default=0)


_SUMS = (
    "sessions",
    "finished",
    "planned",
    "calls",
    "succeeded",
    "exhausted",
    "never_fits",
    "abandoned",
    "cancelled",
    "attempts",
    "throttled",
    "errors",
    "useful",
)


def _add(total: Counts, part: Counts) -> None:
    for name in _SUMS:
        setattr(total, name, getattr(total, name) + getattr(part, name))
    for mine, theirs in (
        (total.causes, part.causes),
        (total.throttles, part.throttles),
    ):
        for cause, count in theirs.items():
            mine[cause] = mine.get(cause, 0) + count
    for number, count in part.retries.items():
        total.retries[number] = total.retries.get(number, 0) + count
    for name, count in part.by_layer.items():
        total.by_layer[name] = total.by_layer.get(name, 0) + count
    total.completion.merge(part.completion)
    total.ideal.merge(part.ideal)


@dataclass(slots=True)
class QueueUse:
    """What became of those that stood in a queue."""

    released: int = 0
    """Attempts that were let go."""
    waited: int = 0
    """Nanoseconds they waited, all together."""
    longest: int = 0
    """The most that waited at once."""
    waiting: int = 0
    """Those that wait now."""


@dataclass(frozen=True, slots=True)
class StressOutcome:
    """What one stress run, or several seeds of it, produced."""

    groups: dict[str, Counts]
    """By kind of session, in the workload's order."""
    tiers: dict[str, str | None]
    """The business class of each group."""
    utilisation: dict[str, float]
    """Admitted charge / (limit x time + burst), by dimension."""
    series: Series
    """Over time."""
    recovery: float | None
    """Seconds from the last arrival to the last refusal; 0 when none came later; None when refusals
    had not ended."""
    end: float
    """Seconds of virtual time until nothing was left to do."""
    seeds: int = 1
    """Runs added up."""
    sampled: bool = False
    """Whether chance had a part; otherwise the figures are exact."""
    engine: str = "simulate"
    """`simulate` or `live`."""
    alarms: int = 0
    """Times the budget was in use to the alarm mark."""
    times_known: bool = True
    """Whether every call's times were recorded."""
    tokens_known: bool = True
    """Whether every call's tokens were recorded, or no limit is on tokens."""
    queue: QueueUse | None = None
    """What became of those that stood in our own queue; None: there was none."""

    @property
    def total(self) -> Counts:
        """All groups together."""
        return combined(self.groups.values())

    @property
    def quota_utilisation(self) -> float | None:
        """The largest utilisation; None without any limit."""
        return max(self.utilisation.values(), default=None)


def combined(parts: Iterable[Counts]) -> Counts:
    """Add counts up."""
    total = Counts()
    silent: int | None = 0
    for part in parts:
        _add(total, part)
        silent = None if silent is None or part.silent is None else silent + part.silent
    total.silent = silent
    return total


def merge_outcomes(outcomes: list[StressOutcome]) -> StressOutcome:
    """Add the runs of several seeds up; utilisation is the mean, recovery and end the longest.

    Args:
        outcomes: At least one, all of the same scenario.
    """
    first = outcomes[0]
    groups = {name: combined(o.groups[name] for o in outcomes) for name in first.groups}
    series = Series()
    for outcome in outcomes:
        series.merge(outcome.series)
    recoveries = [o.recovery for o in outcomes]
    known = [r for r in recoveries if r is not None]
    return StressOutcome(
        groups=groups,
        tiers=first.tiers,
        utilisation={
            name: sum(o.utilisation[name] for o in outcomes) / len(outcomes)
            for name in first.utilisation
        },
        series=series,
        recovery=max(known) if len(known) == len(recoveries) else None,
        end=max(o.end for o in outcomes),
        seeds=sum(o.seeds for o in outcomes),
        sampled=any(o.sampled for o in outcomes),
        engine=first.engine,
        alarms=sum(o.alarms for o in outcomes),
        times_known=first.times_known,
        tokens_known=first.tokens_known,
        queue=_queues([o.queue for o in outcomes]),
    )


def _queues(parts: list[QueueUse | None]) -> QueueUse | None:
    known = [part for part in parts if part is not None]
    if not known:
        return None
    return QueueUse(
        sum(part.released for part in known),
        sum(part.waited for part in known),
        max(part.longest for part in known),
    )


def _queue_data(use: QueueUse | None) -> dict[str, object] | None:
    if use is None:
        return None
    mean = seconds(use.waited) / use.released if use.released else None
    return {"released": use.released, "mean_wait": mean, "longest": use.longest}


def _counts_data(counts: Counts) -> dict[str, object]:
    half, most = Fraction(1, 2), Fraction(95, 100)
    return {
        **{name: getattr(counts, name) for name in _SUMS},
        "silent_failures": counts.silent,
        "causes": dict(sorted(counts.causes.items())),
        "throttles": dict(sorted(counts.throttles.items())),
        "retries": {str(k): v for k, v in sorted(counts.retries.items())},
        "retries_by_layer": dict(counts.by_layer),
        "completion_time_p50": counts.completion_time(half),
        "completion_time_p95": counts.completion_time(most),
    }


def as_data(outcome: StressOutcome) -> dict[str, object]:
    """Return the outcome as JSON data, for the report's `stress` object.

    Times are seconds; an unknown one is null.
    """
    series = outcome.series
    bins = series.used_bins()
    return {
        "engine": outcome.engine,
        "seeds": outcome.seeds,
        "sampled": outcome.sampled,
        **_counts_data(outcome.total),
        "quota_utilisation": outcome.quota_utilisation,
        "quota_utilisation_by_dimension": outcome.utilisation,
        "recovery_time": outcome.recovery,
        "duration": outcome.end,
        "alarms": outcome.alarms,
        "queue": _queue_data(outcome.queue),
        "groups": {
            name: {"tier": outcome.tiers[name], **_counts_data(counts)}
            for name, counts in outcome.groups.items()
        },
        "series": {
            "seconds_per_bin": seconds(series.width),
            "admitted": series.admitted[:bins],
            "throttled": series.throttled[:bins],
            "turned_away": series.turned_away[:bins],
            "finished": series.finished[:bins],
            "charged": {name: column[:bins] for name, column in series.charged.items()},
        },
    }
