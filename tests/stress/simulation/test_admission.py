"""Queue, priority, reservation, backpressure, dynamic concurrency."""

import pytest

from evalgate.errors import ConfigError
from evalgate.quota.quota import Quota, Request
from evalgate.quota.units import SECOND
from evalgate.stress.load.workload import Call, Group, SessionPlan, Stage, Workload
from evalgate.stress.simulation.admission import (
    Admission,
    Aimd,
    Blocked,
    Expired,
    Governor,
    Released,
    Ticket,
    enqueue,
    finish,
    fits_some_time,
    leave,
    release_next,
    throttled,
)
from evalgate.stress.simulation.retry import layers
from evalgate.stress.simulation.simulate import Scenario, simulate


def _governor(quota: Quota, **fields: object) -> Governor:
    return Governor(Admission(**fields), quota, [0, 1, 2])  # type: ignore[arg-type]  # short


def _put(governor: Governor, name: str, rank: int = 1, now: int = 0, cost: int = 1) -> Ticket:
    ticket = Ticket((cost,), name, rank, critical=rank == 0)
    enqueue(governor, ticket, now)
    return ticket


def _released(governor: Governor, now: int) -> list[str]:
    found = []
    while isinstance(step := release_next(governor, now), Released):
        found.append(step.ticket.item)
    return found


def test_first_come_first_served_within_a_rank() -> None:
    """And lower ranks wait for higher ones."""
    governor = _governor(Quota(rpm=60), reservation="none")
    for name, rank in (("a", 2), ("b", 1), ("c", 0), ("d", 1), ("e", 0)):
        _put(governor, name, rank)
    assert ["c", "e", "b", "d", "a"] == _released(governor, 0)


def test_the_wait_is_told_to_the_nanosecond() -> None:
    """A drained bucket of one a second gives the next call at the second."""
    governor = _governor(Quota(rpm=60, burst=1), reservation="none")
    _put(governor, "a")
    _put(governor, "b")
    assert ["a"] == _released(governor, 0)
    assert Blocked(SECOND) == release_next(governor, 0)
    assert ["b"] == _released(governor, SECOND)
    assert (2, SECOND) == (governor.queue.released, governor.queue.waited)
    _put(governor, "c", now=SECOND)
    assert ["c"] == _released(governor, 2 * SECOND)
    assert 2 * SECOND == governor.queue.waited


def test_a_strict_reserve_leaves_all_of_the_rest() -> None:
    """160 of 200 for who is not critical: no further guard is kept."""
    governor = _governor(Quota(rpm=200), reservation="strict")
    for i in range(170):
        _put(governor, str(i))
    assert 160 == len(_released(governor, 0))


@pytest.mark.parametrize(("calls", "expected"), [(101, (1, 160)), (100, (0, 200))])
def test_calls_in_flight_are_a_budget_too(calls: int, expected: tuple[int, int]) -> None:
    """101 of 112 at once are 90 %: an alarm, and less concurrency; 100 are 89 %."""
    governor = _governor(Quota(max_concurrency=112), reservation="none", aimd=Aimd(200, most=200))
    for i in range(calls):
        enqueue(governor, Ticket((), str(i)), 0)
    assert calls == len(_released(governor, 0))
    governor.last_change = -15 * SECOND
    enqueue(governor, Ticket((), "next"), 0)
    release_next(governor, 0)
    assert expected == (governor.alarms, governor.limit)


def test_nobody_overtakes_a_large_call() -> None:
    """A small call behind a large one of a higher rank waits with it."""
    governor = _governor(Quota(tpm=100), reservation="none")
    _put(governor, "first", 1, cost=80)
    assert ["first"] == _released(governor, 0)
    _put(governor, "large", 0, cost=90)
    _put(governor, "small", 1, cost=5)
    assert [] == _released(governor, 0)


def test_the_reserve_keeps_a_stock_for_critical_work() -> None:
    """Of 10 at once others get 8, critical work the rest; refill is for all."""
    governor = _governor(Quota(rpm=10))
    for i in range(12):
        _put(governor, f"other{i}", 1)
    assert 8 == len(_released(governor, 0))
    for i in range(4):
        _put(governor, f"critical{i}", 0)
    assert ["critical0", "critical1"] == _released(governor, 0)


def test_a_conserving_reserve_wastes_no_refill() -> None:
    """Without critical work others get the full rate of 60 a minute once their stock is gone."""
    governor = _governor(Quota(rpm=60))
    for i in range(200):
        _put(governor, str(i), 1)
    counts = [len(_released(governor, second * SECOND)) for second in range(61)]
    assert [48, 1, 60] == [counts[0], counts[1], sum(counts[1:])]


def test_a_strict_reserve_is_a_quota_of_its_own() -> None:
    """Others get 48 at once and 48 a minute, whether critical work comes or not."""
    governor = _governor(Quota(rpm=60), reservation="strict")
    for i in range(200):
        _put(governor, str(i), 1)
    counts = [len(_released(governor, second * SECOND)) for second in range(61)]
    assert [48, 48] == [counts[0], sum(counts[1:])]
    for i in range(20):
        _put(governor, f"critical{i}", 0)
    assert 12 == len(_released(governor, 60 * SECOND))


def test_a_call_larger_than_the_unguarded_part_is_not_starved() -> None:
    """90 of 100 tokens with 20 reserved: it may use the reserve when all is free."""
    governor = _governor(Quota(tpm=100))
    _put(governor, "large", 1, cost=90)
    assert ["large"] == _released(governor, 0)


def test_what_can_never_fit_is_known_before() -> None:
    """A strict reserve leaves 80 of 100 tokens to others."""
    governor = _governor(Quota(tpm=100), reservation="strict")
    assert [True, False, False] == [
        fits_some_time(governor, (80,), critical=False),
        fits_some_time(governor, (81,), critical=False),
        fits_some_time(governor, (81,), critical=True),
    ]


def test_backpressure_holds_everything_while_the_provider_throttles() -> None:
    """Until the hint has passed, or a second where there is none."""
    governor = _governor(Quota(rpm=60), reservation="none")
    throttled(governor, 5 * SECOND, 0)
    _put(governor, "a")
    assert Blocked(5 * SECOND) == release_next(governor, 0)
    assert ["a"] == _released(governor, 5 * SECOND)
    throttled(governor, None, 10 * SECOND)
    _put(governor, "b")
    assert Blocked(11 * SECOND) == release_next(governor, 10 * SECOND)


def test_a_call_waits_no_longer_than_it_may() -> None:
    """At its deadline it goes if it fits, else it is given up."""
    governor = _governor(Quota(rpm=60, burst=1), reservation="none", max_wait=1.0)
    for name in "abc":
        _put(governor, name)
    assert ["a"] == _released(governor, 0)
    steps = [release_next(governor, SECOND) for _ in range(3)]
    assert [Released, Expired, Blocked] == [type(step) for step in steps]
    assert isinstance(steps[1], Expired)
    assert "c" == steps[1].ticket.item


def test_who_is_blocked_is_woken_at_its_deadline() -> None:
    """Half a second, which is sooner than the second until it would fit."""
    governor = _governor(Quota(rpm=60, burst=1), reservation="none", max_wait=0.5)
    _put(governor, "a")
    _put(governor, "b")
    assert ["a"] == _released(governor, 0)
    assert Blocked(SECOND // 2) == release_next(governor, 0)


def test_slots_come_back() -> None:
    """A concurrency limit blocks until a call ends, then the next goes."""
    governor = _governor(Quota(max_concurrency=1), reservation="none")
    first = Ticket((), "a")
    enqueue(governor, first, 0)
    enqueue(governor, Ticket((), "b"), 0)
    assert ["a"] == _released(governor, 0)
    assert Blocked(None) == release_next(governor, 7)
    finish(governor, first, None, 8)
    assert ["b"] == _released(governor, 8)


def test_who_is_gone_is_passed_over() -> None:
    """A call of a dead session leaves no gap."""
    governor = _governor(Quota(rpm=60), reservation="none")
    _put(governor, "a").gone = True
    _put(governor, "b")
    assert ["b"] == _released(governor, 0)


def test_those_who_wait_are_counted() -> None:
    """In, out by being released, and out by leaving."""
    governor = _governor(Quota(rpm=60, burst=1), reservation="none")
    _put(governor, "a")
    ticket = _put(governor, "b")
    assert 2 == governor.queue.waiting
    assert ["a"] == _released(governor, 0)
    assert 1 == governor.queue.waiting
    leave(governor, ticket)
    assert (0, True) == (governor.queue.waiting, ticket.gone)


def test_concurrency_rises_while_there_is_room() -> None:
    """One more call for each cooldown while less than 80 % of the budget is in use."""
    governor = _governor(Quota(rpm=6000), reservation="none", aimd=Aimd(start=1))
    for i in range(9):
        _put(governor, str(i))
    assert [1, 0, 1, 1] == [len(_released(governor, t * SECOND)) for t in (0, 1, 15, 30)]
    assert 3 == governor.limit


@pytest.mark.parametrize(("start", "calls"), [(5, 1), (80, 80), (85, 85)])
def test_concurrency_stays_where_it_is_not_used_or_the_budget_is(start: int, calls: int) -> None:
    """One of five calls in flight; or all of them, and with them 80 % of the budget or more."""
    governor = _governor(Quota(rpm=100), reservation="none", aimd=Aimd(start=start))
    for i in range(calls):
        _put(governor, str(i))
    assert calls == len(_released(governor, 0))
    governor.last_change = -15 * SECOND
    _put(governor, "next")
    release_next(governor, 0)
    assert start == governor.limit


def test_concurrency_is_cut_at_90_percent() -> None:
    """An alarm is counted, and 80 % of the concurrency is kept."""
    governor = _governor(Quota(rpm=10), reservation="none", aimd=Aimd(start=20))
    for i in range(10):
        _put(governor, str(i), now=0)
    assert 10 == len(_released(governor, 0))
    governor.last_change = -15 * SECOND
    _put(governor, "next")
    release_next(governor, 0)
    assert (1, 16) == (governor.alarms, governor.limit)


def test_the_ends_of_admission_are_taken() -> None:
    """No reserve, no wait and no queue at all are things to ask for."""
    assert Admission(reserve=0, max_wait=0, max_queue=0) != Admission()
    assert Admission(reserve=99, max_wait=1e9, max_queue=10**9) != Admission()


@pytest.mark.parametrize("fields", [{"reserve": 100}, {"reserve": -1}, {"max_wait": float("nan")}])
def test_absurd_admission_is_refused(fields: dict[str, float]) -> None:
    """Numbers outside their range are named."""
    with pytest.raises(ConfigError):
        Admission(**fields)  # type: ignore[arg-type]  # that is the point


def _three_kinds() -> Workload:
    def plan(calls: int, tokens: int) -> SessionPlan:
        call = Call(Request(tokens, 150, 1000), 2 * SECOND)
        return SessionPlan(tuple(Stage((call,), 2 * SECOND) for _ in range(calls)))

    return Workload(
        (
            Group("info", (plan(3, 800),), 100, rank=2, tier="internal"),
            Group("orders", (plan(5, 1500),), 50, rank=0, critical=True, tier="critical"),
            Group("support", (plan(4, 1200),), 30, rank=1, tier="frontier"),
        )
    )


def test_100_and_50_and_30_sessions_at_once() -> None:
    """Without control critical calls fail; with queue and reservation none does."""
    quota = Quota(rpm=300, tpm=400_000, charge="max", settles=False)
    wild = simulate(Scenario(_three_kinds(), quota, layers("openai")))
    held = simulate(Scenario(_three_kinds(), quota, layers("openai"), admission=Admission()))
    assert wild.groups["orders"].failed > 0
    assert (0, 0, 50) == (
        held.groups["orders"].failed,
        held.total.throttled,
        held.groups["orders"].finished,
    )


def test_critical_work_is_faster_with_a_reservation() -> None:
    """p95 of the critical kind, with and without its reserve and rank."""
    quota = Quota(rpm=300)
    even = tuple(
        Group(g.name, g.plans, g.sessions, 1, critical=False) for g in _three_kinds().groups
    )
    flat = simulate(
        Scenario(Workload(even), quota, admission=Admission(reservation="none"))
    ).groups["orders"]
    first = simulate(Scenario(_three_kinds(), quota, admission=Admission())).groups["orders"]
    assert max(first.completion.counts) < max(flat.completion.counts)
