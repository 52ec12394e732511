"""What is offered: laws of arrival, mixes, growth."""

from array import array
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.errors import ConfigError
from evalgate.quota.quota import Request
from evalgate.quota.units import SECOND
from evalgate.stress.load.arrivals import Arrivals, parse_arrivals
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
    grown,
    ideal_time,
    session_count,
    starts,
)

ONE = SessionPlan((Stage((Call(Request(10, 5), SECOND),)),))


def _rng(seed: int = 3) -> Random:
    return Random(seed)  # noqa: S311  a seeded law


def _mix(law: ArrivalLaw, *counts: int) -> Workload:
    groups = tuple(Group(f"g{i}", (ONE,), count) for i, count in enumerate(counts))
    return Workload(groups, law)


def _times(*moments: int) -> Arrivals:
    none = array("q", [-1] * len(moments))
    return Arrivals(array("q", moments), none, none, none)


def test_a_burst_interleaves_the_groups() -> None:
    """All come at 0, each group in proportion from the first to the last."""
    found = list(starts(_mix(Burst(), 4, 2), _rng()))
    assert {0} == {start.time for start in found}
    assert [0, 1, 0, 0, 1, 0] == [start.group for start in found]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(0, 5))
def test_every_law_brings_every_session_in_order(counts: list[int], seed: int) -> None:
    """Counts by group hold, and time never runs backwards."""
    for law in (Burst(), Poisson(5.0), Ramp(60.0), Closed(2)):
        found = list(starts(_mix(law, *counts), _rng(seed)))
        assert counts == [sum(s.group == i for s in found) for i in range(len(counts))]
        assert all(a.time <= b.time for a, b in pairwise(found))


def test_a_ramp_climbs() -> None:
    """With a rate that grows from 0, the k-th of n comes at T sqrt(k / n)."""
    found = [start.time for start in starts(_mix(Ramp(10.0), 4), _rng())]
    assert [0, 5 * SECOND, 7_071_067_811, 8_660_254_037] == found


def test_poisson_has_its_rate() -> None:
    """20,000 arrivals at 4 a second take 5,000 s within five standard errors."""
    found = list(starts(_mix(Poisson(4.0), 15_000, 5_000), _rng()))
    assert abs(found[-1].time / SECOND - 5000) < 5 * 5000 / 20_000**0.5


def test_recorded_moments_are_kept() -> None:
    """Each recorded arrival brings one session, ties included."""
    workload = _mix(Recorded(_times(0, 5, 5, 9)), 1)
    assert [0, 5, 5, 9] == [start.time for start in starts(workload, _rng())]
    assert 4 == session_count(workload)


def test_recorded_moments_are_shared_out_in_proportion() -> None:
    """Of 1,000 arrivals three quarters go to the group with three quarters of the sessions."""
    workload = _mix(Recorded(_times(*range(1000))), 3, 1)
    groups = [start.group for start in starts(workload, _rng())]
    assert abs(groups.count(0) - 750) < 10


def test_plans_are_taken_in_turn() -> None:
    """Recorded sessions repeat when more come than were recorded."""
    workload = Workload((Group("a", (ONE, ONE, ONE), 7),))
    assert [0, 1, 2, 0, 1, 2, 0] == [start.plan for start in starts(workload, _rng())]


def test_growth_multiplies_the_load() -> None:
    """Counts are rounded up, rates multiplied, a recorded trace is pressed together."""
    assert [120, 60] == [group.sessions for group in grown(_mix(Burst(), 100, 50), 0.2).groups]
    assert 61 == grown(_mix(Burst(), 50), 0.2001).groups[0].sessions
    assert Poisson(6.0) == grown(_mix(Poisson(5.0), 10), 0.2).law
    law = grown(_mix(Recorded(_times(0, 120)), 1), 0.2).law
    assert isinstance(law, Recorded)
    assert [0, 100] == list(law.arrivals.times)
    assert Closed(3) == grown(_mix(Closed(2), 10), 0.2).law


def test_ideal_time_adds_the_longest_of_each_stage() -> None:
    """Gap, then the call that ends last, stage by stage, then the tail."""
    calls = (Call(Request(), 5), Call(Request(), 3, offset=4))
    plan = SessionPlan((Stage(calls, gap=10), Stage((Call(Request(), 1),), gap=2)), tail=100)
    assert 10 + 7 + 2 + 1 + 100 == ideal_time(plan)


def test_an_arrivals_file_is_a_workload() -> None:
    """Each row is a session of one call; missing tokens are told."""
    arrivals = parse_arrivals("time,input_tokens,output_tokens\n0,1,2\n1,3,\n", "csv")
    workload = from_arrivals(arrivals, duration=1.5)
    assert (2, False, True) == (
        session_count(workload),
        workload.tokens_known,
        workload.times_known,
    )


@pytest.mark.parametrize(
    ("groups", "law"),
    [
        ((), Burst()),
        ((Group("a", (ONE,), 0),), Burst()),
        ((Group("a", (), 1),), Burst()),
        ((Group("a", (ONE,), 1), Group("a", (ONE,), 1)), Burst()),
        ((Group("a", (ONE,), 1),), Poisson(0.0)),
        ((Group("a", (ONE,), 1),), Poisson(float("nan"))),
        ((Group("a", (ONE,), 1),), Ramp(-1.0)),
        ((Group("a", (ONE,), 1),), Closed(0)),
    ],
)
def test_what_cannot_be_offered(groups: tuple[Group, ...], law: ArrivalLaw) -> None:
    """Empty, doubled and absurd workloads are refused."""
    with pytest.raises(ConfigError):
        Workload(groups, law)


def test_growth_cannot_take_everything_away() -> None:
    """-100 % is no load."""
    with pytest.raises(ConfigError):
        grown(_mix(Burst(), 1), -1.0)
