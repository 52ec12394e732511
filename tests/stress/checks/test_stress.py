"""From scenario to verdict, with more seeds while evidence is wanting."""

from evalgate.quota.quota import Quota, Request
from evalgate.stress.checks.statements import StressPolicy
from evalgate.stress.checks.stress import stress
from evalgate.stress.load.workload import Call, Group, Poisson, SessionPlan, Stage, Workload
from evalgate.stress.simulation.faults import FAULTS
from evalgate.stress.simulation.retry import layers
from evalgate.stress.simulation.simulate import Scenario

ONE = SessionPlan((Stage((Call(Request(10, 5)),)),))
POLICY = StressPolicy({}, traces=False)


def _workload(tier: str, sessions: int = 100) -> Workload:
    return Workload((Group("a", (ONE,), sessions, tier=tier),), Poisson(1.0))


def test_seeds_are_added_until_the_claim_is_settled() -> None:
    """100 calls a seed show 0.1 % after 2,995: 32 seeds."""
    result = stress(Scenario(_workload("critical"), Quota(rpm=6000)), POLICY)
    assert (32, "pass") == (result.outcome.seeds, result.verdict)


def test_too_few_seeds_are_inconclusive() -> None:
    """The number needed is named."""
    result = stress(Scenario(_workload("critical"), Quota(rpm=6000)), POLICY, most_seeds=8)
    check = result.checks[0]
    assert (8, "inconclusive", 2995) == (result.outcome.seeds, result.verdict, check.needed)


def test_a_clear_failure_needs_no_more() -> None:
    """Half of 100 calls refused is no chance."""
    scenario = Scenario(_workload("critical"), Quota(rpm=10, burst=1))
    result = stress(scenario, POLICY)
    assert (1, "fail", {"critical": "fail"}) == (
        result.outcome.seeds,
        result.verdict,
        result.tiers,
    )


def test_faults_of_2026_break_the_critical_tier_without_retries() -> None:
    """2 % of attempts fail for other reasons than rate limits; two retries cure that."""
    wild = Scenario(_workload("critical", 1000), Quota(), faults=FAULTS["datadog-2026"])
    assert "fail" == stress(wild, POLICY).verdict
    held = Scenario(_workload("critical", 4000), Quota(), layers("openai"), FAULTS["datadog-2026"])
    assert "pass" == stress(held, POLICY).verdict
