"""Pictures: well-formed, safe, the same bytes for the same data."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.output.svg import Limit, Mark, Panel, figure, nice_ticks

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("high", "ticks"),
    [(1.0, [0, 0.25, 0.5, 0.75, 1]), (7.0, [0, 2, 4, 6, 8]), (0.0, [0, 1]), (30, [0, 10, 20, 30])],
)
def test_ticks(high: float, ticks: list[float]) -> None:
    """Round numbers from 0 to just above."""
    assert ticks == nice_ticks(high)


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_ticks_cover(high: float) -> None:
    """The highest mark is never below the value, and there are few of them."""
    ticks = nice_ticks(high)
    assert ticks[-1] >= high * (1 - 1e-9)
    assert 2 <= len(ticks) <= 7


def panel(label: str = "admitted") -> Panel:
    """Make a panel of every kind of mark."""
    points = [(0.0, 1.0), (1.0, 3.0)]
    kinds = ("bars", "line", "area", "dots")
    marks = [Mark(label, "main", points, kind) for kind in kinds]  # type: ignore[arg-type]  # short
    return Panel("Attempts", marks, [Limit(2.0, "limit"), Limit(2.0, "same height")], "seconds")


def test_hostile_names_stay_text() -> None:
    """What a suite is called cannot become markup."""
    drawn = figure("<script>alert(1)</script>", "]]> & '", [panel("<b>")])
    root = ET.fromstring(drawn)  # noqa: S314  our own text
    assert [] == [e.tag for e in root.iter() if e.tag.endswith(("script", "}b"))]


def test_a_whole_picture() -> None:
    """One path for bars and line, two for an area, dots as circles, both limits dashed."""
    drawn = figure("title", "subtitle", [panel(), panel()])
    root = ET.fromstring(drawn)  # noqa: S314  our own text
    assert (10, 4, 4) == (
        len(root.findall(f"{SVG}path")),
        len(root.findall(f"{SVG}circle")),
        drawn.count("stroke-dasharray"),
    )
    assert drawn == figure("title", "subtitle", [panel(), panel()])
