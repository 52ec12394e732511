"""Small charts: marks stay inside, and figures that cannot be drawn are left out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.output.html.charts import bar, change_chart, distribution, sparkline
from evalgate.schema.verdict import Check, Interval

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def numbers(svg: str) -> list[float]:
    """Return every coordinate of a chart."""
    return [
        float(value)
        for found in re.findall(r' (?:x|y|x1|x2|cx|cy|width|height|d)="([^"]*)"', svg)
        for value in re.findall(r"-?\d+(?:\.\d+)?", found)
    ]


@given(FINITE, FINITE, st.none() | FINITE, st.none() | FINITE)
def test_a_change_stays_on_its_axis(
    change: float, limit: float, low: float | None, high: float | None
) -> None:
    """Whatever the numbers; ends that are open reach the edge."""
    check = Check(
        id="a",
        kind="relative",
        outcome="fail",
        change=change,
        threshold=limit,
        interval_90=Interval(low=low, high=high),
        reason="r",
    )
    assert all(0 <= number <= 220 for number in numbers(change_chart(check)))


@given(st.lists(FINITE, max_size=20), st.lists(FINITE, max_size=20))
def test_a_distribution_stays_in_its_box(values: list[float], before: list[float]) -> None:
    """Whatever the numbers, those that overflow a difference included."""
    assert all(-1e-6 <= number <= 221 for number in numbers(distribution(values, before, "s")))


def test_a_distribution_counts_cases() -> None:
    """Three of four at 1 is a bar of full height, one at 0 a third of it."""
    svg = distribution([1.0, 1.0, 1.0, 0.0], [], "ratio")
    heights = [float(found) for found in re.findall(r'class="now".*?height="([\d.]+)"', svg)]
    assert [pytest.approx(28 / 3, abs=0.1), 28.0] == heights


@given(st.lists(st.none() | FINITE, max_size=20))
def test_a_sparkline_stays_in_its_box(values: list[float | None]) -> None:
    """Gaps are gaps, and one known value is no line."""
    svg = sparkline(values)
    assert all(0 <= number <= 110 for number in numbers(svg))
    assert svg == "" or svg.count("M") >= 1


def test_a_bar_is_a_share() -> None:
    """A negative share points the other way in another colour."""
    assert 'class="bar  less"' in bar(-0.5)
    assert 'width="50.0"' in bar(-0.5)
