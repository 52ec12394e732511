"""The capacity plan: what to reserve, what each tier needs, how far the quota goes.

Every figure comes from the simulator or from counting; the searches assume that more load never
helps and more quota never hurts, and say where they stopped.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from evalgate.capacity.admission import Admission
from evalgate.capacity.outcome import StressOutcome, combined
from evalgate.capacity.peaks import ideal_arrivals, peaks, reserved
from evalgate.capacity.quota import Quota, Request
from evalgate.capacity.retry import with_jitter, with_retries
from evalgate.capacity.simulate import Scenario, simulate, simulate_seeds
from evalgate.capacity.statements import Share, share_outcome
from evalgate.capacity.tiers import TIERS, Tier
from evalgate.capacity.workload import Call, Group, Plan, Recorded, Rows, Workload

__all__ = [
    "CapacityPlan",
    "Lever",
    "Need",
    "Reserve",
    "capacity_curve",
    "capacity_plan",
    "holds",
    "largest_load",
    "levers",
    "needed_quota",
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


def _played(scenario: Scenario, seeds: int) -> StressOutcome:
    return simulate_seeds(scenario, range(seeds))


def largest_load(
    scenario: Scenario,
    good: Callable[[StressOutcome], bool],
    *,
    seeds: int = 1,
    most: int = 64,
) -> tuple[Fraction | None, bool]:
    """Find the largest multiple of the sessions that still holds, to about 3 %.

    Args:
        scenario: Today's load.
        good: What has to hold.
        seeds: Seeds for each trial of a scenario with chance.
        most: The largest multiple that is tried.

    Returns:
        The multiple, and whether more was not tried. None: not even one session of each kind.
    """
    total = sum(group.sessions for group in scenario.workload.groups)

    def test(number: int) -> bool:
        workload = scaled(scenario.workload, Fraction(number, total))
        return good(_played(replace(scenario, workload=workload), seeds))

    kinds = len(scenario.workload.groups)
    low, high = kinds, total
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


def needed_quota(
    scenario: Scenario, good: Callable[[StressOutcome], bool], *, seeds: int = 1
) -> dict[str, int] | None:
    """Find the smallest multiple of all limits together that holds, to about 1.5 %.

    Args:
        scenario: The load, and a quota whose proportions are kept.
        good: What has to hold.
        seeds: Seeds for each trial of a scenario with chance.

    Returns:
        The limits by name; None where 4,096 times the quota does not hold either.
    """

    def test(parts: int) -> bool:
        quota = _times(scenario.quota, Fraction(parts, 64))
        return good(_played(replace(scenario, quota=quota), seeds))

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
    quota = _times(scenario.quota, Fraction(high, 64))
    names = ("rpm", "tpm", "input_tpm", "output_tpm", "max_concurrency")
    return {name: getattr(quota, name) for name in names if getattr(quota, name) is not None}


def _shrunk(workload: Workload, change: Callable[[Request], Request]) -> Workload | None:
    groups: list[Group] = []
    for group in workload.groups:
        if isinstance(group.plans, Rows):
            return None
        plans = tuple(
            Plan(
                tuple(
                    stage._replace(calls=tuple(_changed(call, change) for call in stage.calls))
                    for stage in plan.stages
                ),
                plan.tail,
            )
            for plan in group.plans
        )
        groups.append(replace(group, plans=plans))
    return replace(workload, groups=tuple(groups))


def _changed(call: Call, change: Callable[[Request], Request]) -> Call:
    return call._replace(request=change(call.request))


def _smaller(request: Request) -> Request:
    return request._replace(input_tokens=request.input_tokens * 4 // 5)


def _cached(request: Request) -> Request:
    return request._replace(cached_tokens=max(request.cached_tokens, request.input_tokens // 2))


def levers(scenario: Scenario) -> dict[str, Scenario]:
    """Return the scenario with one thing changed, for each lever that applies."""
    gate = scenario.admission
    found = {"as it is": scenario}
    if scenario.retry:
        fewer = tuple(with_retries(p, max(0, p.retries - 1)) for p in scenario.retry)
        found["one retry fewer a layer"] = replace(scenario, retry=fewer)
        jitter = tuple(with_jitter(p, 1.0) if p.hint else p for p in scenario.retry)
        if jitter != scenario.retry:
            found["1 s of full jitter on the hint"] = replace(scenario, retry=jitter)
    if gate is None:
        found["queue"] = replace(scenario, admission=Admission(reservation="none"))
    if any(group.critical for group in scenario.workload.groups):
        both = Admission() if gate is None else replace(gate, reservation="conserving")
        found["queue and reservation"] = replace(scenario, admission=both)
    smaller = _shrunk(scenario.workload, _smaller)
    if smaller is not None and any(d.name != "requests" for d in scenario.quota.dimensions):
        found["prompts 20 % smaller"] = replace(scenario, workload=smaller)
        cached = _shrunk(scenario.workload, _cached)
        if cached is not None and scenario.quota.charge == "anthropic":
            found["half of the input cached"] = replace(scenario, workload=cached)
    return found


def capacity_curve(
    scenario: Scenario, factors: Sequence[Fraction], *, seed: int = 0
) -> tuple[tuple[int, float | None], ...]:
    """Return the error rate per call at several loads, for a plot.

    Args:
        scenario: Today's load.
        factors: Multiples of its sessions.
        seed: The seed of each run.

    Returns:
        Sessions and failed calls / calls.
    """
    found = []
    for factor in factors:
        workload = scaled(scenario.workload, factor)
        total = simulate(replace(scenario, workload=workload), seed).total
        found.append((total.sessions, total.failed / total.calls if total.calls else None))
    return tuple(found)


def _need(scenario: Scenario, tier: Tier, names: Sequence[str], seeds: int) -> Need:
    def good(outcome: StressOutcome) -> bool:
        return holds(outcome, tier, names)

    if isinstance(scenario.workload.law, Recorded):
        return Need(tier.name, needed_quota(scenario, good, seeds=seeds), None, None, at_most=False)
    factor, capped = largest_load(scenario, good, seeds=seeds)
    sessions = None
    if factor is not None:
        sessions = sum(g.sessions for g in scaled(scenario.workload, factor).groups)
    limits = needed_quota(scenario, good, seeds=seeds)
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
        growth: Share that is added to the peak, e.g. 0.2.
        seeds: Seeds for each trial of a scenario with chance.
    """
    arrivals = ideal_arrivals(scenario.workload, starts)
    room = tuple(
        Reserve(peak.dimension, peak.amount, reserved(peak.amount, growth), d.limit)
        for peak, d in zip(peaks(arrivals, scenario.quota), scenario.quota.dimensions, strict=True)
    )
    named = dict.fromkeys(g.tier for g in scenario.workload.groups if g.tier is not None)
    tiers = [TIERS[name] for name in named] or [t for t in TIERS.values() if t.gates]
    needs = []
    for tier in tiers:
        of_tier = [g.name for g in scenario.workload.groups if g.tier == tier.name]
        names = of_tier or [g.name for g in scenario.workload.groups]
        needs.append(_need(scenario, tier, names, seeds))
    found = [_lever(name, changed, tiers[0], seeds) for name, changed in levers(scenario).items()]
    total = sum(g.sessions for g in scenario.workload.groups)
    return CapacityPlan(total, growth, room, tuple(needs), tuple(found))


def _lever(name: str, scenario: Scenario, tier: Tier, seeds: int) -> Lever:
    groups = [g.name for g in scenario.workload.groups if g.tier == tier.name] or None
    total = _played(scenario, seeds).total
    rate = total.failed / total.calls if total.calls else None
    if isinstance(scenario.workload.law, Recorded):
        return Lever(name, None, rate)
    factor, _ = largest_load(scenario, lambda outcome: holds(outcome, tier, groups), seeds=seeds)
    if factor is None:
        return Lever(name, None, rate)
    sessions = sum(g.sessions for g in scaled(scenario.workload, factor).groups)
    return Lever(name, sessions, rate)
