"""The capacity plan: what to reserve, what each tier needs, how far the quota goes.

Every figure comes from the simulator or from counting; the searches assume that more load never
helps and more quota never hurts, and say where they stopped.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from evalgate.quota.quota import Quota
from evalgate.quota.units import seconds
from evalgate.schema.verdict import Outcome
from evalgate.stress.checks.statements import Share, share_outcome
from evalgate.stress.checks.tiers import TIERS, Tier
from evalgate.stress.load.workload import (
    Closed,
    Poisson,
    Ramp,
    Recorded,
    Together,
    Workload,
    grown,
    parts_of,
    session_count,
    together,
)
from evalgate.stress.planning.peaks import Arrival, ideal_arrivals, peaks, reserved
from evalgate.stress.planning.what_if import levers
from evalgate.stress.simulation.outcome import StressOutcome, combined, merge_outcomes
from evalgate.stress.simulation.simulate import Scenario, simulate

Good = Callable[[StressOutcome], Outcome]
"""Judges a run; `inconclusive` while more seeds may settle it."""

_MOST_FACTOR = 4096
_MOST_CALLS = 20_000
"""Calls after which an open claim is given up: 2,995 without an error settle 0.1 %."""
_MOST_SEEDS = 4096
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
    """Requests and tokens a window, never less than the reserve; None where nothing that was tried
    holds."""
    largest_load: Fraction | None
    """The largest multiple of today's load that holds; None: not even the smallest does."""
    sessions: int | None
    """That many sessions."""
    rate: float | None
    """Sessions a minute at that load; None: they come all at once, or none hold."""
    at_most: bool
    """Whether more was not tried."""
    reason: str | None
    """Why a figure is missing; None: none is."""


@dataclass(frozen=True, slots=True)
class Lever:
    """What one change buys."""

    name: str
    sessions: int | None
    """Sessions that hold the tier with it; None: none do."""
    rate: float | None
    """The same as sessions a minute; None: they come all at once, or none hold."""
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


def holds(outcome: StressOutcome, tier: Tier, groups: Sequence[str] | None = None) -> Outcome:
    """Say whether a run holds a tier's error limit in bearable time.

    An endless queue holds every error limit, so completion counts too: p95 within 3 times the
    recorded sessions' own p95 (60 s where these take no time). That is over sessions that finish,
    as the error limit bounds those that do not. Want of evidence is not holding.

    Args:
        outcome: What the run produced.
        tier: The business class.
        groups: Kinds of session that are in it; None: all.

    Returns:
        `inconclusive` while more seeds may settle it.
    """
    names = list(outcome.groups) if groups is None else groups
    counts = combined(outcome.groups[name] for name in names)
    share = Share(counts.failed + counts.open_calls, 0, counts.calls)
    result, _ = share_outcome(share, tier.limit, strict=tier.strict, sampled=outcome.sampled)
    if result != "pass":
        return result
    ideal = counts.ideal.quantile(_P95)
    real = counts.completion.quantile(_P95)
    bound = _SLOWEST * ideal if ideal else _BEARABLE
    return "pass" if real is not None and real <= bound else "fail"


def scaled(workload: Workload, factor: Fraction) -> Workload:
    """Return the workload with so many times the load.

    Sessions are multiplied, at least one of each kind, and with them the rate at which they come
    or the users of a closed loop; a recorded trace keeps its calls and comes faster.
    """
    law = workload.law
    if isinstance(law, Together):
        return together([scaled(part, factor) for part in parts_of(workload)])
    if isinstance(law, Recorded):
        return grown(workload, factor - 1)
    if isinstance(law, Poisson):
        law = Poisson(float(Fraction(law.rate) * factor))
    elif isinstance(law, Closed):
        law = Closed(max(1, round(law.users * factor)))
    groups = tuple(
        replace(group, sessions=max(1, round(group.sessions * factor))) for group in workload.groups
    )
    return replace(workload, groups=groups, law=law)


def sessions_a_minute(workload: Workload, outcome: StressOutcome) -> float | None:
    """Return how many sessions come a minute; None: all come at once.

    In a closed loop they come as fast as others end, so that is what was played.
    """
    law = workload.law
    total = session_count(workload)
    if isinstance(law, Together):
        rates = [sessions_a_minute(part, outcome) for part in parts_of(workload)]
        known = [rate for rate in rates if rate is not None]
        return sum(known) if len(known) == len(rates) else None
    if isinstance(law, Poisson):
        return law.rate * 60
    if isinstance(law, Closed):
        whole = outcome.total.sessions / outcome.seeds
        return whole / outcome.end * 60 if outcome.end else None
    span = law.seconds if isinstance(law, Ramp) else 0.0
    if isinstance(law, Recorded):
        span = seconds(law.arrivals.times[-1])
    return total / span * 60 if span else None


class Trials:
    """Runs of one scenario under other loads and quotas; each is played once and remembered."""

    def __init__(self, scenario: Scenario) -> None:
        """Play nothing yet."""
        self.scenario = scenario
        self.total = session_count(scenario.workload)
        self._loads: dict[int, Run] = {}
        self._quotas: dict[int, Run] = {}

    @property
    def today(self) -> "Run":
        """The scenario as it is."""
        return self.with_load(self.total)

    def with_load(self, sessions: int) -> "Run":
        """Play about so many sessions, in today's proportions."""
        if sessions not in self._loads:
            workload = scaled(self.scenario.workload, Fraction(sessions, self.total))
            self._loads[sessions] = Run(replace(self.scenario, workload=workload))
        return self._loads[sessions]

    def with_quota(self, parts: int) -> "Run":
        """Play today's load on so many 64ths of the quota."""
        if parts not in self._quotas:
            quota = _times(self.scenario.quota, Fraction(parts, 64))
            self._quotas[parts] = Run(replace(self.scenario, quota=quota))
        return self._quotas[parts]


class Run:
    """One scenario, played with as many seeds as were asked for."""

    def __init__(self, scenario: Scenario) -> None:
        """Play one seed."""
        self.scenario = scenario
        self.outcome = simulate(scenario)

    def holds(self, good: Good) -> bool:
        """Judge the run, with as many seeds as that takes; in doubt it does not hold."""
        while (said := good(self.outcome)) == "inconclusive" and self.outcome.sampled:
            played = self.outcome.seeds
            if self.outcome.total.calls >= _MOST_CALLS or played >= _MOST_SEEDS:
                break
            more = [simulate(self.scenario, seed) for seed in range(played, 2 * played)]
            self.outcome = merge_outcomes([self.outcome, *more])
        return said == "pass"


def largest_load(trials: Trials, good: Good, *, most: int = 64) -> tuple[Fraction | None, bool]:
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
        return trials.with_load(number).holds(good)

    low, high = min(len(trials.scenario.workload.groups), total), total
    if low == high:
        high = 2 * low
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


def needed_quota(trials: Trials, good: Good, least: int = 1) -> dict[str, int] | None:
    """Find the smallest multiple of all limits together that holds, to about 1.5 %.

    Args:
        trials: Runs of the scenario; the quota's proportions are kept.
        good: What has to hold.
        least: 64ths of the quota to begin with; less is not asked for.

    Returns:
        The limits by name; None where 4,096 times the quota does not hold either.
    """

    def test(parts: int) -> bool:
        return trials.with_quota(parts).holds(good)

    low, high = least - 1, least
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
        slow = total.completion_time(_P95, total.sessions - total.finished)
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
    def good(outcome: StressOutcome) -> Outcome:
        return holds(outcome, tier, names)

    # Limits over time start at the reserve; where only concurrency is limited there is none.
    least = 64 if later.scenario.quota.dimensions else 1
    limits = needed_quota(later, good, least)
    factor, capped = largest_load(today, good)
    sessions, rate = _load(today, factor)
    return Need(tier.name, limits, factor, sessions, rate, capped, _why(today, limits, factor))


def _load(trials: Trials, factor: Fraction | None) -> tuple[int | None, float | None]:
    """Return a load as sessions, and as sessions a minute."""
    if factor is None:
        return None, None
    run = trials.with_load(round(factor * trials.total))
    workload = run.scenario.workload
    return session_count(workload), sessions_a_minute(workload, run.outcome)


def _why(today: Trials, limits: dict[str, int] | None, factor: Fraction | None) -> str | None:
    outcome = today.today.outcome
    if not outcome.times_known:
        return "when calls were made, or how long they took, is not known"
    if limits is not None and factor is not None:
        return None
    if outcome.total.never_fits:
        return "a call is larger than a whole limit"
    if outcome.total.errors:
        return "calls fail for other reasons than limits: faults"
    if factor is None and limits is None:
        return "the limit of errors or of time is missed at every load and quota that was tried"
    return "not even the smallest load holds" if factor is None else "no quota tried holds it"


def _reserved(quota: Quota, room: Sequence[Reserve]) -> Quota:
    """Return the quota with the reserve as its limits, which no tier is to ask less than."""
    named = {"requests": "rpm", "tokens": "tpm"}
    named |= {"input_tokens": "input_tpm", "output_tokens": "output_tpm"}
    fields = {named[r.dimension]: max(1, _a_window(quota, r)) for r in room}
    burst = quota.burst and max(1, quota.burst * fields["rpm"] // (quota.rpm or 1))
    return replace(quota, **fields, burst=burst)  # type: ignore[arg-type]  # limits by name


def _a_window(quota: Quota, reserve: Reserve) -> int:
    """Return a reserve in units of the limit it is for: requests may be checked more finely."""
    if reserve.dimension != "requests" or quota.request_window is None or quota.limiter == "bucket":
        return reserve.needed
    exact = reserve.needed * Fraction(quota.window) / Fraction(quota.request_window)
    return exact.__ceil__()


def capacity_plan(
    scenario: Scenario,
    starts: Iterable[tuple[int, int, int]],
    growth: float = 0.0,
) -> CapacityPlan:
    """Work the whole plan out.

    Args:
        scenario: Today's load on today's quota.
        starts: Time, group and plan of today's sessions, as `workload.starts` yields them.
        growth: Share that is added to the peak and to the load that tiers need quota for,
            e.g. 0.2.
    """
    arrivals = ideal_arrivals(scenario.workload, starts)
    room = reserves(arrivals, scenario.quota, growth)
    named = dict.fromkeys(g.tier for g in scenario.workload.groups if g.tier is not None)
    tiers = [TIERS[name] for name in named] or [t for t in TIERS.values() if t.gates]
    today = Trials(scenario)
    quota = _reserved(scenario.quota, room)
    later = Trials(replace(scenario, workload=grown(scenario.workload, growth), quota=quota))
    needs = []
    for tier in tiers:
        of_tier = [g.name for g in scenario.workload.groups if g.tier == tier.name]
        names = of_tier or [g.name for g in scenario.workload.groups]
        needs.append(_need(today, later, tier, names))
    strictest = min(tiers, key=lambda tier: tier.limit)
    found = [
        _lever(name, today if changed is scenario else Trials(changed), strictest)
        for name, changed in levers(scenario).items()
    ]
    return CapacityPlan(today.total, growth, room, tuple(needs), tuple(found))


def _lever(name: str, trials: Trials, tier: Tier) -> Lever:
    scenario = trials.scenario
    groups = [g.name for g in scenario.workload.groups if g.tier == tier.name] or None
    total = trials.today.outcome.total
    failed = total.failed / total.calls if total.calls else None
    factor, _ = largest_load(trials, lambda outcome: holds(outcome, tier, groups))
    return Lever(name, *_load(trials, factor), failed)
