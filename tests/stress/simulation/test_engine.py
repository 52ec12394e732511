"""The engine's clock, its series, and who comes next."""

from fractions import Fraction

import pytest

from evalgate.quota.quota import Quota, Request, reserve
from evalgate.quota.units import SECOND
from evalgate.stress.load.workload import Call, Closed, Group, SessionPlan, Stage, Workload
from evalgate.stress.simulation.admission import Admission
from evalgate.stress.simulation.faults import FAULTS
from evalgate.stress.simulation.outcome import StressOutcome
from evalgate.stress.simulation.retry import RetryBudget, layers
from evalgate.stress.simulation.simulate import Scenario, simulate

ONE = SessionPlan((Stage((Call(Request(500, 200, 4000)),)),))


def _burst(sessions: int, plan: SessionPlan = ONE) -> Workload:
    return Workload((Group("a", (plan,), sessions),))


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(_burst(80), Quota(rpm=60), layers("openai")),
        Scenario(_burst(80), Quota(rpm=60), layers("langgraph")),
        Scenario(_burst(80), Quota(rpm=60, tpm=90_000), faults=FAULTS["datadog-2026"]),
        Scenario(_burst(30), Quota(rpm=60, burst=5), admission=Admission()),
    ],
)
def test_what_is_counted_over_time_is_what_is_counted(scenario: Scenario) -> None:
    """Each column of the series adds up to the count of the whole run."""
    outcome: StressOutcome = simulate(scenario)
    total, series = outcome.total, outcome.series
    assert total.throttled == sum(series.throttled)
    assert total.finished == sum(series.finished)
    assert total.attempts == sum(series.admitted) + sum(series.throttled) + sum(series.turned_away)


def test_the_horizon_itself_is_played() -> None:
    """A call at the very end of the time is made; a nanosecond less, and it is not."""
    plan = SessionPlan((Stage((Call(Request()),)), Stage((Call(Request()),), 10 * SECOND)))
    made = [
        simulate(Scenario(_burst(1, plan), Quota(), horizon=end)).total.calls
        for end in (10.0, 9.999999999)
    ]
    assert [2, 1] == made


def test_a_retry_budget_counts_each_call_once() -> None:
    """Of 100 calls at once half are refused, and 20 of these may be tried again."""
    scenario = Scenario(_burst(100), Quota(rpm=50), layers("openai"), budget=RetryBudget())
    assert 120 == simulate(scenario).total.attempts


def test_without_a_retry_no_call_has_any() -> None:
    """A refused call that nobody tries again is in no row of the retries."""
    total = simulate(Scenario(_burst(5), Quota(rpm=1, burst=1))).total
    assert (4, {}) == (total.throttled, total.retries)


def test_a_closed_loop_of_calls_admitted_at_once_goes_on() -> None:
    """The end of one session lets the next user come."""
    total = simulate(Scenario(Workload((Group("a", (ONE,), 6),), Closed(2)), Quota())).total
    assert [6] * 5 == [total.sessions, total.finished, total.calls, total.succeeded, total.useful]


def test_the_order_of_two_is_drawn() -> None:
    """With room for one of two, each has it in some seeds."""
    groups = (Group("a", (ONE,), 1), Group("b", (ONE,), 1))
    scenario = Scenario(Workload(groups), Quota(rpm=1))
    assert {0, 1} == {simulate(scenario, seed).groups["a"].succeeded for seed in range(20)}


def test_a_full_queue_turns_a_call_away() -> None:
    """One goes, one waits, and the third is told so."""
    scenario = Scenario(_burst(3), Quota(rpm=60, burst=1), admission=Admission(max_queue=1))
    total = simulate(scenario).total
    assert (2, {"queue_full": 1}) == (total.succeeded, {k: n for k, n in total.causes.items() if n})


def test_tokens_over_time_are_those_of_what_was_admitted() -> None:
    """Every admitted call adds its reservation to its bin, by whichever way it is admitted."""
    quota = Quota(rpm=600, tpm=1_000_000)
    (_, charge) = reserve(quota, Request(500, 200, 4000))
    for admission in (None, Admission()):
        series = simulate(Scenario(_burst(10), quota, admission=admission)).series
        assert 10 * charge == sum(series.charged["tokens"])


def test_a_lone_call_waits_for_its_gap() -> None:
    """Five seconds after its session came: the shortcut of calls made at once is not its."""
    plan = SessionPlan((Stage((Call(Request()),), 5 * SECOND),))
    series = simulate(Scenario(_burst(1, plan), Quota(rpm=60))).series
    assert [80] == [place for place, count in enumerate(series.admitted) if count]


def test_one_critical_kind_among_others_has_its_share_kept() -> None:
    """A reserve of 20 % of ten: one critical call and seven others go at once."""
    groups = (Group("bulk", (ONE,), 20), Group("orders", (ONE,), 1, rank=0, critical=True))
    scenario = Scenario(Workload(groups), Quota(rpm=10), admission=Admission())
    assert 8 == simulate(scenario).series.admitted[0]


def test_each_session_has_its_ideal_time() -> None:
    """Those whose only call was admitted at once are among them, and their calls were of use."""
    total = simulate(Scenario(_burst(3, ONE), Quota())).total
    assert (3, 3) == (sum(total.ideal.counts.values()), total.useful)


def test_one_call_uses_one_of_the_burst() -> None:
    """Nothing flows back in no time: 1 of 60, to the last digit."""
    assert {"requests": 1 / 60} == simulate(Scenario(_burst(1), Quota(rpm=60))).utilisation


def test_calls_that_never_fit_use_requests_up() -> None:
    """Where refused requests count, one that is too large takes one, and the next is refused."""
    large = SessionPlan((Stage((Call(Request(50_000)),)),))
    workload = Workload((Group("large", (large,), 1), Group("small", (ONE,), 1)))

    def served(rpm: int) -> set[int]:
        quota = Quota(rpm=rpm, tpm=10_000, count_rejected=True)
        runs = [simulate(Scenario(workload, quota), seed) for seed in range(10)]
        return {run.groups["small"].succeeded for run in runs}

    assert [{0, 1}, {1}] == [served(1), served(2)]


def test_one_call_of_a_second_keeps_one_of_ten_slots_for_all_of_its_time() -> None:
    """A tenth of what could be in flight, to the last digit; its requests have no limit."""
    plan = SessionPlan((Stage((Call(Request(), SECOND),)),))
    outcome = simulate(Scenario(_burst(1, plan), Quota(max_concurrency=10)))
    assert {"concurrency": 0.1} == outcome.utilisation


def test_a_session_ends_after_its_tail() -> None:
    """Three seconds after its only answer, a second after it began."""
    plan = SessionPlan((Stage((Call(Request(), SECOND),)),), tail=3 * SECOND)
    outcome = simulate(Scenario(_burst(1, plan), Quota(max_concurrency=10)))
    assert (1, 4.0, 4.0) == (
        outcome.total.finished,
        outcome.end,
        outcome.total.completion.quantile(Fraction(1)),
    )
