"""The simulator: one scenario and one seed in, one outcome out; the same bytes every time."""

from dataclasses import dataclass, field

from evalgate.quota.quota import Quota
from evalgate.quota.units import nanoseconds, seconds
from evalgate.stress.load.workload import Workload, is_sampled, starts, without_rows
from evalgate.stress.simulation.admission import Admission
from evalgate.stress.simulation.engine import Engine
from evalgate.stress.simulation.faults import FaultProfile
from evalgate.stress.simulation.outcome import StressOutcome
from evalgate.stress.simulation.retry import RetryBudget, RetryPolicy
from evalgate.stress.simulation.rules import Dice, Rules, dice


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything a stress run depends on but the seed."""

    workload: Workload
    """What is offered."""
    quota: Quota
    retry: tuple[RetryPolicy, ...] = ()
    """Retry layers, innermost first."""
    faults: FaultProfile = field(default_factory=FaultProfile)
    """Errors that are not throttles."""
    admission: Admission | None = None
    """Capacity control on our side; None: there is none."""
    budget: RetryBudget | None = None
    """A cap on all retries together."""
    horizon: float | None = None
    """Seconds of virtual time after which everything stops; None: when all is done."""
    window_start: int | None = None
    """Nanoseconds after the first arrival at which a fixed window starts; None: 0."""
    retry_of: tuple[tuple[RetryPolicy, ...], ...] = ()
    """Retry layers of each group, where they differ; empty: `retry` for all."""


def simulate(scenario: Scenario, seed: int = 0) -> StressOutcome:
    """Play a scenario in virtual time.

    Args:
        scenario: What is offered, to which limits, by which clients.
        seed: Fixes arrivals, jitter and faults.

    Returns:
        The outcome. `sampled` says whether chance had any part in it: jitter, faults, drawn
        arrivals, or the order of what comes at one moment.
    """
    return play(scenario, dice(seed))


def play(scenario: Scenario, chance: Dice) -> StressOutcome:
    """Play a scenario with chance from outside."""
    before = [source.getstate() for source in chance[1:]]
    horizon = None if scenario.horizon is None else nanoseconds(scenario.horizon)
    rules = Rules(
        scenario.quota,
        scenario.retry_of or (scenario.retry,) * len(scenario.workload.groups),
        scenario.faults,
        scenario.admission,
        scenario.budget,
        horizon,
        scenario.window_start,
    )
    workload = without_rows(scenario.workload, scenario.quota)
    engine = Engine(workload, rules, chance)
    engine.run(starts(workload, chance.arrivals))
    engine.close()
    drawn = before != [source.getstate() for source in chance[1:]]
    return _outcome(scenario, engine, sampled=drawn or is_sampled(scenario.workload))


def _outcome(scenario: Scenario, engine: Engine, *, sampled: bool) -> StressOutcome:
    groups = scenario.workload.groups
    quota = scenario.quota
    token_limits = any(d.name != "requests" for d in quota.dimensions)
    last = max(engine.last_end, engine.last_refusal or 0, engine.last_admission)
    return StressOutcome(
        groups={g.name: c for g, c in zip(groups, engine.counts, strict=True)},
        tiers={g.name: g.tier for g in groups},
        utilisation=_utilisation(quota, engine),
        series=engine.series,
        recovery=_recovery(engine),
        end=seconds(last),
        sampled=sampled,
        alarms=0 if engine.governor is None else engine.governor.alarms,
        queue=None if engine.governor is None else engine.governor.queue,
        times_known=scenario.workload.times_known,
        tokens_known=scenario.workload.tokens_known or not token_limits,
    )


def _recovery(engine: Engine) -> float | None:
    if engine.times:
        return None
    if engine.last_refusal is None:
        return 0.0
    return seconds(max(0, engine.last_refusal - engine.last_arrival))


def _utilisation(quota: Quota, engine: Engine) -> dict[str, float]:
    """Admitted charge / (limit x time from first arrival to last admission + burst)."""
    span = max(0, engine.last_admission - engine.first_arrival)
    found: dict[str, float] = {
        d.name: charged * d.window / (d.limit * span + d.room * d.window)
        for d, charged in zip(quota.dimensions, engine.charged.charges, strict=True)
    }
    if quota.max_concurrency is not None:
        whole = max(engine.last_end - engine.first_arrival, 1)
        found["concurrency"] = engine.charged.busy / (quota.max_concurrency * whole)
    return found
