"""What is unusual equals figures worked out by hand, and by scipy."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from evalgate.history.anomalies import (
    above_limit,
    binomial_tail,
    missing_traffic,
    rate_finding,
    usual_hours,
    value_finding,
    worst,
)

ABOUT_02 = [0.018, 0.019, 0.02, 0.02, 0.02, 0.021, 0.022]
"""Mean .02, squares 1e-6 x (4 + 1 + 1 + 4) = 1e-5, so a standard deviation of .00129."""


def test_the_published_example_is_high() -> None:
    """.08 against 7 values about .02: z = .06 / sqrt(1e-5 / 6) = 46.5."""
    found = value_finding(0.08, ABOUT_02)
    assert ("high", True) == (found.severity, "z 46.5 against 7 values" in found.why)


@pytest.mark.parametrize(
    ("z", "severity"), [(2.99, None), (3.01, "medium"), (4.99, "medium"), (5.01, "high")]
)
def test_three_is_medium_and_five_is_high(z: float, severity: str | None) -> None:
    """Against 1, 2, 3, 4, 5: mean 3, standard deviation sqrt(2.5)."""
    usual = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert severity == value_finding(3 + z * 2.5**0.5, usual).severity
    assert severity == value_finding(3 - z * 2.5**0.5, usual, worse=-1).severity
    assert value_finding(3 - z * 2.5**0.5, usual).severity is None


@pytest.mark.parametrize(
    ("usual", "said"), [([1.0, 2.0, 3.0], "3 values"), ([1.0], "1 value"), ([], "0 values")]
)
def test_a_short_history_tells_nothing_of_a_value(usual: list[float], said: str) -> None:
    """Three values have no spread to speak of."""
    found = value_finding(9.0, usual)
    assert (False, None, f"short history: {said}") == (found.known, found.severity, found.why)


@pytest.mark.parametrize(
    ("value", "severity"), [(22.9, None), (23.1, "medium"), (25.1, "high"), (10.0, None)]
)
def test_no_variance_is_measured_by_five_percent_of_the_mean(
    value: float, severity: str | None
) -> None:
    """Always 20: 1 stands for the standard deviation, 23 is 3 of them."""
    assert severity == value_finding(value, [20.0] * 7).severity


def test_always_zero() -> None:
    """The first cost is worth a look, and nothing is divided by."""
    assert "medium" == value_finding(0.01, [0.0] * 7).severity
    assert value_finding(0.0, [0.0] * 7).severity is None


def test_levels_of_p_are_those_of_three_and_five() -> None:
    """Scipy's normal distribution; a rate that is exactly as likely is medium, or high."""
    for p, z in ((1.3498980316301e-3, 3), (2.8665157187919e-7, 5)):
        assert isclose(p, norm.sf(z), rel_tol=1e-12)


@given(st.integers(1, 3000), st.floats(1e-6, 1 - 1e-6), st.data())
def test_the_binomial_tail_is_scipys(events: int, rate: float, data: st.DataObject) -> None:
    """P(X >= x), also far out in the tail."""
    bad = data.draw(st.integers(0, events))
    expected = float(binom.sf(bad - 1, events, rate))
    assert isclose(expected, binomial_tail(bad, events, rate), rel_tol=1e-7, abs_tol=1e-12)


def test_one_of_five_is_no_spike() -> None:
    """20 % against steady 2 %: z is enormous, and p = 1 - (1 - 15/702)^5 = .102 says chance."""
    found = rate_finding(1, 5, [(2, 100)] * 6 + [(2, 100)])
    assert (True, None) == (found.known, found.severity)
    assert "binomial p 0.1" in found.why


def test_a_rate_without_variance_is_judged_by_the_binomial_test() -> None:
    """Always 2 of 100: 12 of 100 has p = 1.3e-6 at 15/702 (scipy), which is medium; 20 is high."""
    usual = [(2.0, 100)] * 7
    assert isclose(1.3e-6, binom.sf(11, 100, 15 / 702), rel_tol=0.5)
    assert "medium" == rate_finding(12, 100, usual).severity
    assert "high" == rate_finding(20, 100, usual).severity


def test_a_rate_of_always_zero_divides_by_nothing() -> None:
    """0 of 700 before: 5 of 100 has p = 3.9e-7 at 1/702 (scipy), which is 4.9 sigma; 6 is high."""
    assert isclose(3.9e-7, binom.sf(4, 100, 1 / 702), rel_tol=0.02)
    assert "high" == rate_finding(6, 100, [(0.0, 100)] * 7).severity
    assert "medium" == rate_finding(5, 100, [(0.0, 100)] * 7).severity
    assert rate_finding(0, 100, [(0.0, 100)] * 7).severity is None


def test_a_wide_rate_is_judged_by_its_spread_too() -> None:
    """Between 0 and 40 %, 50 % of many is beyond the binomial test and within the spread."""
    usual = [(n, 1000) for n in (0.0, 400.0, 50.0, 350.0, 100.0, 300.0, 200.0)]
    found = rate_finding(500, 1000, usual)
    assert (True, None) == (found.known, found.severity)


def test_no_events_and_no_history_are_unknown() -> None:
    """Neither is quiet."""
    assert not rate_finding(0, 0, [(1, 100)]).known
    assert not rate_finding(1, 19, [(1, 100)], fewest=20).known
    assert not rate_finding(1, 100, []).known


@pytest.mark.parametrize(
    ("value", "severity"), [(20, None), (100, None), (100.01, "medium"), (200, "high")]
)
def test_limits(value: float, severity: str | None) -> None:
    """$100 an hour; twice as much is high."""
    assert severity == above_limit(value, 100).severity


def test_a_limit_without_evidence_is_unknown() -> None:
    """An unknown cost may hide more than the limit, and an alert stands on what is known."""
    assert not above_limit(20, 100, partial=True).known
    assert "medium" == above_limit(120, 100, partial=True).severity
    assert not above_limit(0.5, 0.1, evidence=False).known
    assert above_limit(5, None).known


def test_missing_traffic() -> None:
    """None where 7 are usual: e^-7 = .0009 is medium; where 20 are: 2e-9 is high; 3: .05 is not."""
    assert ["medium", "high", None] == [missing_traffic(0, [n] * 7).severity for n in (7, 20, 3)]
    assert missing_traffic(1, [20] * 7).severity is None


def test_the_gravest_finding_decides_and_the_unknown_is_kept() -> None:
    """A quiet rule beside an unknown one is unknown; an alert beside it is an alert."""
    quiet, unknown = above_limit(1, 2), above_limit(None, 2)
    assert not worst(quiet, unknown).known
    assert "medium" == worst(unknown, above_limit(3, 2), quiet).severity


def test_the_same_hour_of_other_days_comes_first() -> None:
    """With five of seven days; else the last 24 hours that have data."""
    days = {24 * n: f"day {n}" for n in range(1, 6)}
    near = {n: f"hour {n}" for n in (1, 2, 30)}
    assert list(days.values()) == usual_hours(days | near)
    del days[24]
    assert ["hour 1", "hour 2"] == usual_hours(days | near)
