"""The busiest window and what to reserve for it."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.errors import ConfigError
from evalgate.quota.quota import Quota, Request
from evalgate.quota.units import MINUTE, SECOND
from evalgate.stress.load.arrivals import parse_arrivals
from evalgate.stress.load.workload import (
    Call,
    Group,
    SessionPlan,
    Stage,
    Workload,
    from_arrivals,
    starts,
)
from evalgate.stress.planning.peaks import Arrival, busiest_window, ideal_arrivals, peaks, reserved
from evalgate.stress.simulation.simulate import Scenario, simulate


def test_reserve_is_peak_and_growth() -> None:
    """Issue: 100,000 x 1.2 = 120,000; fractions are rounded up, without a float's dust."""
    assert [120_000, 110, 4] == [reserved(100_000, 0.2), reserved(100, 0.1), reserved(3, 0.1)]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), min_size=1, max_size=40),
    st.integers(1, 60),
)
def test_the_busiest_window_is_the_largest_sum(steps: list[tuple[int, int]], window: int) -> None:
    """Against every window that starts at an arrival."""
    moments, now = [], 0
    for gap, _ in steps:
        now += gap
        moments.append(now)
    amounts = [amount for _, amount in steps]
    sums = [
        sum(a for t, a in zip(moments, amounts, strict=True) if start <= t < start + window)
        for start in moments
    ]
    start, best = busiest_window(moments, amounts, window)
    assert (max(sums), moments[sums.index(max(sums))]) == (best, start)


def test_no_call_has_no_peak() -> None:
    """Nothing to plan from."""
    with pytest.raises(ConfigError):
        busiest_window([], [], MINUTE)


def test_peaks_by_dimension() -> None:
    """Requests and tokens have their own busiest minutes."""
    calls = [Arrival(0, Request(10, 5))] * 3 + [Arrival(90 * SECOND, Request(1000, 0))]
    found = peaks(calls, Quota(rpm=10, tpm=5000))
    assert [("requests", 0.0, 3), ("tokens", 90.0, 1000)] == [
        (p.dimension, p.start, p.amount) for p in found
    ]


def test_calls_of_a_session_come_when_nothing_is_refused() -> None:
    """Gap, duration, gap."""
    call = Call(Request(1, 1), 2 * SECOND)
    workload = Workload(
        (Group("a", (SessionPlan((Stage((call,), SECOND), Stage((call,), SECOND))),), 2),)
    )
    found = ideal_arrivals(workload, starts(workload, Random(0)))  # noqa: S311  seeded
    assert [1, 1, 4, 4] == [a.time // SECOND for a in found]


def test_the_peak_of_the_real_trace(shared_data: Path) -> None:
    """Just that many requests fit a sliding minute without any refusal, one fewer does not."""
    path = shared_data / "traffic" / "AzureLLMInferenceTrace_code.csv"
    workload = from_arrivals(parse_arrivals(path.read_text(), "csv"))
    found = ideal_arrivals(workload, starts(workload, Random(0)))  # noqa: S311  seeded
    most = peaks(found, Quota(rpm=300))[0].amount
    refused = [
        simulate(Scenario(workload, Quota(rpm=rpm, limiter="sliding"))).total.throttled
        for rpm in (most, most - 1)
    ]
    assert 723 == most
    assert (0, True) == (refused[0], refused[1] > 0)
