"""Distributions, series, sums and their JSON."""

import json
from fractions import Fraction
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.quota.quota import Quota, Request
from evalgate.quota.units import SECOND
from evalgate.stress.checks.metrics import stress_metrics
from evalgate.stress.load.workload import Call, Group, SessionPlan, Stage, Workload
from evalgate.stress.simulation.outcome import (
    Counts,
    Distribution,
    Series,
    as_data,
    combined,
    merge_outcomes,
)
from evalgate.stress.simulation.retry import layers
from evalgate.stress.simulation.simulate import Scenario, simulate

ONE = SessionPlan((Stage((Call(Request(10, 5), SECOND),)),))


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=80))
def test_quantiles_are_of_type_7(values: list[int]) -> None:
    """Against the standard library's inclusive method."""
    found = Distribution()
    for value in values:
        found.add(value * SECOND)
    expected = quantiles(values, n=20, method="inclusive")
    assert pytest.approx([expected[9], expected[18]]) == [
        found.quantile(Fraction(1, 2)),
        found.quantile(Fraction(95, 100)),
    ]


def test_no_value_has_no_quantile() -> None:
    """Unknown is not zero."""
    assert Distribution().quantile(Fraction(1, 2)) is None


def test_values_beyond_count() -> None:
    """Half of the values lie beyond: the median does too, the first quarter does not."""
    found = Distribution()
    found.add(SECOND, 5)
    assert found.quantile(Fraction(1, 2), beyond=5) is None
    assert 1.0 == found.quantile(Fraction(1, 4), beyond=5)


def test_many_values_stay_small_and_close() -> None:
    """100,000 different values keep under 20,000 keys, and quantiles to 1 part in 2,048."""
    found = Distribution()
    for i in range(100_000):
        found.add(i * 1_000_003)
    assert found.coarse
    assert len(found.counts) < 20_000
    exact = 50_000 * 1_000_003 / SECOND
    assert found.quantile(Fraction(1, 2)) == pytest.approx(exact, rel=1 / 2048)


@given(st.lists(st.integers(0, 10**13), max_size=50))
def test_a_series_keeps_every_count_in_256_bins(moments: list[int]) -> None:
    """However long the run."""
    series = Series()
    for moment in moments:
        series.admitted[series.place(moment)] += 1
    assert (len(moments), 256) == (sum(series.admitted), len(series.admitted))


def test_series_of_different_widths_add_up() -> None:
    """A short run and a long one."""
    short, long = Series(), Series()
    short.admitted[short.place(SECOND)] += 3
    long.admitted[long.place(3600 * SECOND)] += 5
    short.merge(long)
    assert (8, long.width) == (sum(short.admitted), short.width)


def test_sums_of_counts() -> None:
    """Silent failures that nobody looked for in one part are unknown in the sum."""
    both = combined([Counts(calls=1, silent=2), Counts(calls=2, silent=3)])
    assert (3, 5) == (both.calls, both.silent)
    assert combined([Counts(silent=2), Counts()]).silent is None


def test_only_want_of_capacity_is_a_rate_limit() -> None:
    """Two of five failures; no retry was the most of no retries."""
    counts = Counts(causes={"throttled_requests": 1, "concurrency": 1, "timeout": 3})
    assert (2, 0) == (counts.rate_limited, counts.most_retries)
    assert 4 == Counts(retries={1: 9, 4: 1}).most_retries


def test_bins_are_used_up_to_the_last_that_holds_something() -> None:
    """Six where the sixth does, in whichever column; none of an empty series."""
    series = Series()
    assert 0 == series.used_bins()
    series.admitted[0] = series.throttled[5] = 1
    assert 6 == series.used_bins()


def _outcome() -> Scenario:
    return Scenario(Workload((Group("a", (ONE,), 180),)), Quota(rpm=60), layers("exact"))


def test_the_json_has_the_named_fields() -> None:
    """Issue: the fields that the report's stress object has at least; it is valid JSON."""
    data = as_data(simulate(_outcome()))
    names = {
        "sessions",
        "calls",
        "succeeded",
        "exhausted",
        "never_fits",
        "attempts",
        "throttled",
        "errors",
        "quota_utilisation",
        "completion_time_p50",
        "completion_time_p95",
    }
    assert names <= set(data)
    assert data == json.loads(json.dumps(data, allow_nan=False))


def test_merged_runs_add_up() -> None:
    """Two runs of the same scenario."""
    outcome = simulate(_outcome())
    both = merge_outcomes([outcome, simulate(_outcome())])
    assert (2, 360, 1.0) == (both.seeds, both.total.calls, both.quota_utilisation)
    assert [2 * n for n in outcome.series.throttled] == both.series.throttled


def test_metrics_for_the_baseline() -> None:
    """Ratios carry their counts; a p95 that 118 deaths push out of sight is unknown."""
    found = stress_metrics(simulate(_outcome()))
    rate = found["stress_rate_limit_error_rate"]
    assert ((118, 180), "lower", "simulated") == (rate.pooled, rate.direction, rate.source)
    assert found["stress_completion_time_p95"].value is None
    assert 62 / 180 == found["stress_session_continuity_rate"].value
