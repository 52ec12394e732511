"""The capacity plan."""

from fractions import Fraction
from random import Random

import pytest

from evalgate.quota.quota import Quota, Request
from evalgate.quota.units import SECOND
from evalgate.stress.checks.tiers import TIERS
from evalgate.stress.load.arrivals import parse_arrivals
from evalgate.stress.load.workload import (
    ArrivalLaw,
    Burst,
    Call,
    Closed,
    Group,
    Poisson,
    Ramp,
    Recorded,
    SessionPlan,
    Stage,
    Workload,
    from_arrivals,
    starts,
)
from evalgate.stress.planning.plan import (
    Trials,
    capacity_curve,
    capacity_plan,
    holds,
    largest_load,
    needed_quota,
    scaled,
)
from evalgate.stress.planning.what_if import levers
from evalgate.stress.simulation.admission import Admission
from evalgate.stress.simulation.faults import FAULTS
from evalgate.stress.simulation.retry import layers
from evalgate.stress.simulation.simulate import Scenario, simulate

ONE = SessionPlan((Stage((Call(Request(500, 200, 4000), SECOND),)),))


def _scenario(sessions: int = 100, **fields: object) -> Scenario:
    groups = (Group("a", (ONE,), sessions, tier="critical", critical=True),)
    return Scenario(Workload(groups), Quota(rpm=60), **fields)  # type: ignore[arg-type]  # short


def test_the_largest_load_of_a_bucket_is_its_burst() -> None:
    """Single calls at once without a retry: 60 of 60 fit, to the search's 3 %."""
    scenario = _scenario()
    factor, capped = largest_load(Trials(scenario), lambda o: holds(o, TIERS["critical"]))
    assert factor is not None
    assert Fraction(58, 100) <= factor <= Fraction(60, 100)
    assert not capped


def test_the_needed_quota_of_a_burst_is_its_size() -> None:
    """100 at once need 100 RPM, to the search's 2 %."""
    found = needed_quota(Trials(_scenario()), lambda o: holds(o, TIERS["critical"]))
    assert found is not None
    assert 100 <= found["rpm"] <= 103


def test_what_never_holds_is_none() -> None:
    """Where even one session fails there is no largest load."""
    scenario = _scenario()
    assert (None, False) == largest_load(Trials(scenario), lambda _: "fail")
    assert needed_quota(Trials(scenario), lambda _: "fail") is None


def test_an_endless_queue_does_not_hold() -> None:
    """Without errors, but the last of 1,000 waits a quarter of an hour for a call of a second."""
    outcome = simulate(_scenario(1000, admission=Admission()))
    assert 0 == outcome.total.failed
    assert "pass" != holds(outcome, TIERS["critical"])


def test_scaling_keeps_every_kind() -> None:
    """At least one session of each."""
    groups = (Group("a", (ONE,), 100), Group("b", (ONE,), 3))
    small = scaled(Workload(groups), Fraction(1, 100))
    assert [1, 1] == [group.sessions for group in small.groups]


def test_the_curve_climbs() -> None:
    """Error rate over sessions: none up to 60, then more and more; half of them never finish."""
    curve = capacity_curve(_scenario(), [Fraction(n, 10) for n in (3, 6, 12)])
    assert [(30, 0.0), (60, 0.0), (120, 0.5)] == [(p.sessions, p.error_rate) for p in curve]
    assert [1.0, 1.0, None] == [p.completion_p95 for p in curve]


def test_levers_that_apply() -> None:
    """Each changes one thing; prompts matter only where tokens are limited."""
    names = set(levers(_scenario(retry=layers("openai"))))
    assert {
        "as it is",
        "one retry fewer a layer",
        "1 s of full jitter on the hint",
        "queue",
        "queue and reservation",
    } == names


def test_the_whole_plan() -> None:
    """Reserve, needs and levers of 100 sessions at once, growing by a fifth."""
    scenario = _scenario(retry=layers("exact"))
    rng = Random(0)  # noqa: S311  seeded
    plan = capacity_plan(scenario, starts(scenario.workload, rng), 0.2)
    room = plan.reserve[0]
    assert ("requests", 100, 120, 60, -1.0) == (
        room.dimension,
        room.peak,
        room.needed,
        room.limit,
        room.headroom,
    )
    assert ["critical"] == [need.tier for need in plan.needs]
    as_it_is = plan.levers[0]
    assert ("as it is", 0.38) == (as_it_is.name, as_it_is.error_rate)
    queue = next(lever for lever in plan.levers if lever.name == "queue")
    assert 0.0 == queue.error_rate
    assert (queue.sessions or 0) >= (as_it_is.sessions or 0)


RAMP = Ramp(300.0)
TRACE = parse_arrivals("time\n" + "\n".join(str(n / 4) for n in range(200)), "csv")


@pytest.mark.parametrize(
    ("law", "at_least", "at_most"),
    [
        (Burst(), None, None),
        # 60 a minute from a bucket of 60: a rate that climbs to twice its mean for 300 s holds
        # 60 + 300 sessions less what its slow start leaves unused.
        (RAMP, 40.0, 72.0),
        (Poisson(0.2), 60.0, 100.0),
        (Recorded(TRACE), 60.0, 145.0),
        (Closed(3), 1.0, 180.0),
    ],
    ids=["burst", "ramp", "poisson", "recorded", "closed"],
)
def test_every_way_to_come_has_a_rate_or_comes_at_once(
    law: ArrivalLaw, at_least: float | None, at_most: float | None
) -> None:
    """Sessions a minute at the largest load, and needs that are never below the reserve."""
    groups = (Group("a", (ONE,), 200, tier="user_facing"),)
    workload = from_arrivals(TRACE) if isinstance(law, Recorded) else Workload(groups, law)
    scenario = Scenario(workload, Quota(rpm=60))
    plan = capacity_plan(scenario, starts(workload, Random(0)), 0.2)  # noqa: S311  seeded
    for need in plan.needs:
        assert need.limits is not None
        assert need.limits["rpm"] >= plan.reserve[0].needed
        assert (None, False) == (need.reason, need.sessions is None)
        if at_least is None or at_most is None:
            assert need.rate is None
        else:
            assert need.rate is not None
            assert at_least <= need.rate <= at_most


def test_what_has_no_number_has_a_reason() -> None:
    """A call that is larger than the limit, and one that fails for another reason."""
    big = SessionPlan((Stage((Call(Request(500, 200), SECOND),)),))
    workload = Workload((Group("a", (big,), 2, tier="critical"),))
    for scenario, reason in (
        (Scenario(workload, Quota(tpm=600)), "larger than a whole limit"),
        (Scenario(workload, Quota(rpm=600), faults=FAULTS["overload"]), "faults"),
    ):
        plan = capacity_plan(scenario, starts(workload, Random(0)))  # noqa: S311  seeded
        assert reason in (plan.needs[0].reason or "")
