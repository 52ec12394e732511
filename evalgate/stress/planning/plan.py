"""The capacity plan: what to reserve, what each tier needs, how far the quota goes.

Every figure comes from the simulator or from counting; the searches assume that more load never
helps and more quota never hurts, and say where they stopped.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from evalgate.quota.quota import Quota
from evalgate.stress.checks.statements import Share, share_outcome
from evalgate.stress.checks.tiers import TIERS, Tier
from evalgate.stress.load.workload import Recorded, Workload, grown
from evalgate.stress.planning.peaks import Arrival, ideal_arrivals, peaks, reserved
from evalgate.stress.planning.what_if import levers
from evalgate.stress.simulation.outcome import StressOutcome, combined
from evalgate.stress.simulation.simulate import Scenario, simulate, simulate_seeds

__all__ = [
    "CapacityPlan",
    "CurvePoint",
    "Lever",
    "Need",
    "Reserve",
    "Trials",
    "capacity_curve",
    "capacity_plan",
    "holds",
    "largest_load",
    "needed_quota",
    "reserves",
    "scaled",
]

_MOST_FACTOR = 4096
_P95 = Fraction(95, 100)
_SLOWEST = 3
_BEARABLE = 60.0


@dataclass(frozen=True, slots=True)
class Reserve:
    """What to reserve in one dimension."""

    dimension: str
    peak: int
    needed: int
    """Peak x (1 + growth), rounded up to whole units."""
    limit: int
    """What the quota has."""

    @property
    def headroom(self) -> float:
        """Share of the limit that is left above the need; negative where it falls short."""
        return (self.limit - self.needed) / self.limit


@dataclass(frozen=True, slots=True)
class Need:
    """What one tier needs."""

    tier: str
    limits: dict[str, int] | None
    """Requests and tokens a window; None where no multiple of the quota that was tried holds."""
    largest_load: Fraction | None
    """The largest multiple of today's sessions that holds; None: not even the smallest does."""
    sessions: int | None
    """That many sessions."""
    at_most: bool
    """Whether more was not tried."""


@dataclass(frozen=True, slots=True)
class Lever:
    """What one change buys."""

    name: str
    sessions: int | None
    """Sessions that hold the tier with it; None: none do."""
    error_rate: float | None
    """Failed calls / calls at today's load with it."""


@dataclass(frozen=True, slots=True)
class CapacityPlan:
    """The whole plan."""

    sessions: int
    """Sessions offered today."""
    growth: float
    reserve: tuple[Reserve, ...]
    needs: tuple[Need, ...]
    levers: tuple[Lever, ...]


def holds(outcome: StressOutcome, tier: Tier, groups: Sequence[str] | None = None) -> bool:
    """Say whether a run holds a tier's error limit in bearable time.

    An endless queue holds every error limit, so completion counts too: p95 within 3 times the
    recorded sessions' own p95 (60 s where these take no time). That is over sessions that finish,
    as the error limit bounds those that do not. Want of evidence is not holding.

    Args:
        outcome: What the run produced.
        tier: The business class.
        groups: Kinds of session that are in it; None: all.
    """
    names = list(outcome.groups) if groups is None else groups
    counts = combined(outcome.groups[name] for name in names)
    share = Share(counts.failed + counts.open_calls, 0, counts.calls)
    result, _ = share_outcome(share, tier.limit, strict=tier.strict, sampled=outcome.sampled)
    if result != "pass":
        return False
    ideal = counts.ideal.quantile(_P95)
    real = counts.completion.quantile(_P95)
    bound = _SLOWEST * ideal if ideal else _BEARABLE
    return real is not None and real <= bound


def scaled(workload: Workload, factor: Fraction) -> Workload:
    """Return the workload with so many times the sessions, at least one of each kind."""
    groups = tuple(
        replace(group, sessions=max(1, round(group.sessions * factor))) for group in workload.groups
    )
    return replace(workload, groups=groups)


class Trials:
    """Runs of one scenario under other loads and quotas; each is played once and remembered."""

    def __init__(self, scenario: Scenario, seeds: int = 1) -> None:
        """Play nothing yet.

        Args:
            scenario: Today's load on today's quota.
            seeds: Seeds for each run of a scenario with chance.
        """
        self.scenario = scenario
        self.total = sum(group.sessions for group in scenario.workload.groups)
        self._seeds = range(seeds)
        self._loads: dict[int, StressOutcome] = {}
        self._quotas: dict[int, StressOutcome] = {}

    def with_load(self, sessions: int) -> StressOutcome:
        """Play about so many sessions, in today's proportions."""
        if sessions not in self._loads:
            workload = scaled(self.scenario.workload, Fraction(sessions, self.total))
            changed = replace(self.scenario, workload=workload)
            self._loads[sessions] = simulate_seeds(changed, self._seeds)
        return self._loads[sessions]

    def with_quota(self, parts: int) -> StressOutcome:
        """Play today's load on so many 64ths of the quota."""
        if parts not in self._quotas:
            quota = _times(self.scenario.quota, Fraction(parts, 64))
            changed = replace(self.scenario, quota=quota)
            self._quotas[parts] = simulate_seeds(changed, self._seeds)
        return self._quotas[parts]


def largest_load(
    trials: Trials, good: Callable[[StressOutcome], bool], *, most: int = 64
) -> tuple[Fraction | None, bool]:
    """Find the largest multiple of the sessions that still holds, to about 3 %.

    Args:
        trials: Runs of the scenario.
        good: What has to hold.
        most: The largest multiple that is tried.

    Returns:
        The multiple, and whether more was not tried. None: not even one session of each kind.
    """
    total = trials.total

    def test(number: int) -> bool:
        return good(trials.with_load(number))

    low, high = len(trials.scenario.workload.groups), total
    if not test(low):
        return None, False
    while test(high):
        low, high = high, high * 2
        if low >= most * total:
            return Fraction(low, total), True
    while high - low > max(1, low // 32):
        middle = (low + high) // 2
        if test(middle):
            low = middle
        else:
            high = middle
    return Fraction(low, total), False


def _times(quota: Quota, factor: Fraction) -> Quota:
    def more(value: int | None) -> int | None:
        return None if value is None else max(1, -(-value * factor.numerator // factor.denominator))

    return replace(
        quota,
        rpm=more(quota.rpm),
        tpm=more(quota.tpm),
        input_tpm=more(quota.input_tpm),
        output_tpm=more(quota.output_tpm),
        max_concurrency=more(quota.max_concurrency),
        burst=more(quota.burst),
    )


def needed_quota(trials: Trials, good: Callable[[StressOutcome], bool]) -> dict[str, int] | None:
    """Find the smallest multiple of all limits together that holds, to about 1.5 %.

    Args:
        trials: Runs of the scenario; the quota's proportions are kept.
        good: What has to hold.

    Returns:
        The limits by name; None where 4,096 times the quota does not hold either.
    """

    def test(parts: int) -> bool:
        return good(trials.with_quota(parts))

    low, high = 0, 1
    while not test(high):
        low, high = high, high * 2
        if high > _MOST_FACTOR * 64:
            return None
    while high - low > max(1, low // 64):
        middle = (low + high) // 2
        if test(middle):
            high = middle
        else:
            low = middle
    quota = _times(trials.scenario.quota, Fraction(high, 64))
    names = ("rpm", "tpm", "input_tpm", "output_tpm", "max_concurrency")
    return {name: getattr(quota, name) for name in names if getattr(quota, name) is not None}


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What becomes of one load."""

    sessions: int
    error_rate: float | None
    """Failed calls / calls; None: nothing was offered."""
    completion_p95: float | None
    """Seconds; None: more than 5 % of the sessions never finish."""


def capacity_curve(
    scenario: Scenario, factors: Sequence[Fraction], *, seed: int = 0
) -> tuple[CurvePoint, ...]:
    """Return errors and completion at several loads, for a plot.

    Args:
        scenario: Today's load.
        factors: Multiples of its sessions.
        seed: The seed of each run.
    """
    found: dict[int, CurvePoint] = {}
    for factor in factors:
        workload = scaled(scenario.workload, factor)
        total = simulate(replace(scenario, workload=workload), seed).total
        rate = total.failed / total.calls if total.calls else None
        slow = total.completion.quantile(_P95, total.sessions - total.finished)
        found[total.sessions] = CurvePoint(total.sessions, rate, slow)
    return tuple(found[sessions] for sessions in sorted(found))


def reserves(arrivals: list[Arrival], quota: Quota, growth: float) -> tuple[Reserve, ...]:
    """Return what to reserve in each dimension: peak x (1 + growth).

    Args:
        arrivals: Calls in order of time, as if nothing were ever refused.
        quota: Its dimensions and windows.
        growth: Share that is added, e.g. 0.2.
    """
    return tuple(
        Reserve(peak.dimension, peak.amount, reserved(peak.amount, growth), d.limit)
        for peak, d in zip(peaks(arrivals, quota), quota.dimensions, strict=True)
    )


def _need(today: Trials, later: Trials, tier: Tier, names: Sequence[str]) -> Need:
    def good(outcome: StressOutcome) -> bool:
        return holds(outcome, tier, names)

    limits = needed_quota(later, good)
    if isinstance(today.scenario.workload.law, Recorded):
        return Need(tier.name, limits, None, None, at_most=False)
    factor, capped = largest_load(today, good)
    sessions = None
    if factor is not None:
        sessions = sum(g.sessions for g in scaled(today.scenario.workload, factor).groups)
    return Need(tier.name, limits, factor, sessions, capped)


def capacity_plan(
    scenario: Scenario,
    starts: Iterable[tuple[int, int, int]],
    growth: float = 0.0,
    *,
    seeds: int = 1,
) -> CapacityPlan:
    """Work the whole plan out.

    Args:
        scenario: Today's load on today's quota.
        starts: Time, group and plan of today's sessions, as `workload.starts` yields them.
        growth: Share that is added to the peak and to the load that tiers need quota for,
            e.g. 0.2.
        seeds: Seeds for each trial of a scenario with chance.
    """
    arrivals = ideal_arrivals(scenario.workload, starts)
    room = reserves(arrivals, scenario.quota, growth)
    named = dict.fromkeys(g.tier for g in scenario.workload.groups if g.tier is not None)
    tiers = [TIERS[name] for name in named] or [t for t in TIERS.values() if t.gates]
    today = Trials(scenario, seeds)
    later = Trials(replace(scenario, workload=grown(scenario.workload, growth)), seeds)
    needs = []
    for tier in tiers:
        of_tier = [g.name for g in scenario.workload.groups if g.tier == tier.name]
        names = of_tier or [g.name for g in scenario.workload.groups]
        needs.append(_need(today, later, tier, names))
    strictest = min(tiers, key=lambda tier: tier.limit)
    found = [
        _lever(name, today if changed is scenario else Trials(changed, seeds), strictest)
        for name, changed in levers(scenario).items()
    ]
    total = sum(g.sessions for g in scenario.workload.groups)
    return CapacityPlan(total, growth, room, tuple(needs), tuple(found))


def _lever(name: str, trials: Trials, tier: Tier) -> Lever:
    scenario = trials.scenario
    groups = [g.name for g in scenario.workload.groups if g.tier == tier.name] or None
    total = trials.with_load(trials.total).total
    rate = total.failed / total.calls if total.calls else None
    if isinstance(scenario.workload.law, Recorded):
        return Lever(name, None, rate)
    factor, _ = largest_load(trials, lambda outcome: holds(outcome, tier, groups))
    if factor is None:
        return Lever(name, None, rate)
    sessions = sum(g.sessions for g in scaled(scenario.workload, factor).groups)
    return Lever(name, sessions, rate)
