"""Budgets and burn rates equal figures worked out by hand."""

from collections.abc import Callable
from fractions import Fraction
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.slo.arithmetic import PAIRS, EventCounts, Pair, burn_rate, slo_state

HOUR, DAY = 3_600, 86_400


def steady(good: int, total: int, unknown: int = 0) -> Callable[[int], EventCounts]:
    """Return the same events for every window."""
    return lambda _length: EventCounts(good, total, unknown)


def windows(**counts: tuple[int, int]) -> Callable[[int], EventCounts]:
    """Return events by window: h1, m5, h6, m30, d3, and d30 for the whole."""
    units = {"d": DAY, "h": HOUR, "m": 60}
    by = {int(name[1:]) * units[name[0]]: EventCounts(*pair) for name, pair in counts.items()}
    return lambda length: by.get(length, EventCounts(0, 0))


def test_the_published_example_has_spent_76_percent() -> None:
    """96.2 % against 95 %: 3.8 of 5 points are gone; a published board shows 34.7 %."""
    state = slo_state(0.95, 30 * DAY, steady(962, 1000))
    assert (0.962, 0.76, 0.24) == (state.sli, state.consumed, state.remaining)
    assert "met" == state.status


def test_a_budget_of_five_percent_of_30_days_is_36_hours() -> None:
    """.05 x 720 h; published."""
    assert 36 * HOUR == slo_state(0.95, 30 * DAY, steady(1, 1)).budget_s


@pytest.mark.parametrize(("pair", "spent"), [*zip(PAIRS, ("0.02", "0.05", "0.1"), strict=True)])
def test_the_pairs_spend_what_the_workbook_says(pair: Pair, spent: str) -> None:
    """Google SRE Workbook, table 5-8: 2 % in 1 h, 5 % in 6 h, 10 % in 3 d of a 30 d budget."""
    assert Fraction(spent) == pair.factor * pair.long_s / (30 * DAY)


def test_burn_is_exact() -> None:
    """144 bad of 10,000 against 99.9 % burn 14.4 times: in floats it would be a hair off."""
    assert Fraction(72, 5) == burn_rate(EventCounts(9856, 10_000), Fraction("0.999"))


def test_a_pair_fires_above_its_factor_in_both_windows() -> None:
    """14.4 exactly is no page; one failure more is; a short window that has calmed down is not."""
    whole = (999_990, 1_000_000)
    for hour, minutes, firing in (
        ((9856, 10_000), (985, 1000), False),
        ((9855, 10_000), (985, 1000), True),
        ((9855, 10_000), (999, 1000), False),
    ):
        state = slo_state(0.999, 30 * DAY, windows(d30=whole, h1=hour, m5=minutes))
        assert firing == state.burns[0].firing
        assert ("burning" if firing else "met") == state.status


def test_one_bad_event_is_no_rate() -> None:
    """1 of 1 burns 20 times too fast, and is one event; 2 of 2 are two."""
    for bad, status in ((1, "met"), (2, "burning")):
        found = windows(d30=(999, 1000), h1=(0, bad), m5=(0, bad))
        assert status == slo_state(0.95, 30 * DAY, found).status


def test_days_left_at_the_present_rate() -> None:
    """Half the budget left, burning at 2 over 3 days: .5 x 30 / 2 = 7.5 days."""
    found = windows(d30=(975, 1000), d3=(90, 100), h6=(100, 100))
    state = slo_state(0.95, 30 * DAY, found)
    assert (0.5, 7.5) == (state.remaining, state.days_left)
    assert slo_state(0.95, 30 * DAY, steady(100, 100)).days_left is None
    assert 0.0 == slo_state(0.95, 30 * DAY, steady(0, 100)).days_left


@pytest.mark.parametrize(
    ("good", "total", "status"),
    [
        (0, 0, "not enough data"),
        (19, 19, "not enough data"),  # one bad event of 19 would overspend a budget of 5 %
        (20, 20, "met"),
        (19, 20, "exhausted"),  # all of it, exactly
        (5, 12, "exhausted"),  # few, and bad beyond chance: Wilson's upper end is .68
        (11, 12, "not enough data"),
    ],
)
def test_few_events_give_no_status(good: int, total: int, status: str) -> None:
    """Unless they are bad beyond what chance does."""
    assert status == slo_state(0.95, 30 * DAY, steady(good, total)).status


def test_the_interval_is_wilsons() -> None:
    """962 of 1,000 at 95 %: [.9483, .9722] (statsmodels.stats.proportion, method wilson)."""
    interval = slo_state(0.95, 30 * DAY, steady(962, 1000)).interval
    assert interval is not None
    assert isclose(0.94830, interval[0], abs_tol=5e-5)
    assert isclose(0.97217, interval[1], abs_tol=5e-5)


def test_unknown_events_leave_the_status_open() -> None:
    """5 of 100 unknown could have spent the budget; where they are a sample, that is said."""
    state = slo_state(0.95, 30 * DAY, steady(99, 100, 5))
    assert ("not enough data", True) == (state.status, "5 of 105" in state.reason)
    assert "met" == slo_state(0.95, 30 * DAY, steady(99, 100, 5), sampled=True).status
    assert "met" == slo_state(0.95, 30 * DAY, steady(1000, 1000, 5)).status


def test_pairs_longer_than_the_window_are_left_out() -> None:
    """A window of a day has no rate over 3 days."""
    lengths = [burn.long_s for burn in slo_state(0.9, DAY, steady(99, 100)).burns]
    assert [HOUR, 6 * HOUR] == lengths


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 40), st.integers(0, 300))
def test_losing_evidence_makes_no_objective_met(
    good: int, bad: int, lost: int, unknown: int
) -> None:
    """When bad events turn unknown, an objective that was not met is not met after."""
    lost = min(lost, bad)
    before = slo_state(0.95, 30 * DAY, steady(good, good + bad, unknown)).status
    after = slo_state(0.95, 30 * DAY, steady(good, good + bad - lost, unknown + lost)).status
    assert not (before != "met" and after == "met")
