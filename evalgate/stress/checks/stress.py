"""One stress check from end to end: play, judge, and play more seeds while evidence is wanting."""

from dataclasses import dataclass

from evalgate.schema.verdict import Outcome
from evalgate.stress.checks.checks import judge, overall, tier_outcomes
from evalgate.stress.checks.statements import StressCheck, StressPolicy
from evalgate.stress.load.sessions import Loops
from evalgate.stress.simulation.outcome import StressOutcome, merge_outcomes
from evalgate.stress.simulation.simulate import Scenario, simulate


@dataclass(frozen=True, slots=True)
class StressResult:
    """What a stress check says."""

    outcome: StressOutcome
    checks: tuple[StressCheck, ...]
    verdict: Outcome
    """Over all gating checks."""
    tiers: dict[str, Outcome]
    """The verdict of each named tier."""


def evaluate(
    outcome: StressOutcome,
    policy: StressPolicy | None = None,
    loops: Loops | None = None,
) -> StressResult:
    """Judge an outcome, simulated or live."""
    checks = judge(outcome, policy, loops)
    return StressResult(outcome, checks, overall(checks), tier_outcomes(checks))


def stress(
    scenario: Scenario,
    policy: StressPolicy | None = None,
    loops: Loops | None = None,
    *,
    seed: int = 0,
    most_seeds: int = 128,
) -> StressResult:
    """Play a scenario until its gating claims are settled, or so many seeds are spent.

    A scenario without chance is exact and played once.

    Args:
        scenario: What is offered, to which limits, by which clients.
        policy: Configured limits; None: the defaults.
        loops: How the agent loops; None: there is no evidence of it.
        seed: The first seed; more are counted up from it.
        most_seeds: Seeds to spend, at least 1.
    """
    outcome = simulate(scenario, seed)
    result = evaluate(outcome, policy, loops)
    while outcome.sampled and outcome.seeds < most_seeds and _wants_evidence(result):
        more = min(outcome.seeds, most_seeds - outcome.seeds)
        first = seed + outcome.seeds
        runs = [simulate(scenario, first + i) for i in range(more)]
        outcome = merge_outcomes([outcome, *runs])
        result = evaluate(outcome, policy, loops)
    return result


def _wants_evidence(result: StressResult) -> bool:
    return any(
        check.gates and check.outcome == "inconclusive" and check.needed is not None
        for check in result.checks
    )
