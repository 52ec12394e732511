"""A small, pure renderer of charts as SVG: panels with axes, areas, bars, lines and limits.

It knows nothing of what is drawn. The same data gives the same bytes, there is no script and no
font is loaded, and every text is escaped.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import Literal
from xml.sax.saxutils import escape

from evalgate.text.escape import xml

COLORS = {
    "good": "#2f7d4f",
    "bad": "#c43d3d",
    "warn": "#d98a1f",
    "main": "#2f6db3",
    "quiet": "#8a94a0",
}
"""Colours that stay apart for the colour-blind and in print; on white."""

_WIDTH = 860
_LEFT, _RIGHT = 66, 18
_HEAD, _PANEL, _GAP, _FOOT = 58, 168, 52, 44
_INK, _DIM, _GRID = "#1f2933", "#5b6673", "#e6e9ed"
_FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
_CHAR = 6.1
"""Width of a character of the small text, in units of the picture, on the wide side."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One series of a panel."""

    label: str
    """Its name in the legend."""
    color: str
    """A colour of `COLORS`."""
    points: Sequence[tuple[float, float]]
    """x and y; bars begin at x and are as wide as the panel's `step`."""
    kind: Literal["bars", "line", "area", "dots"] = "line"
    """How it is drawn; bars of several series stand on each other."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A dashed line at a height, with its name."""

    y: float
    label: str
    color: str = "bad"


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart."""

    title: str
    """What the y axis shows, with its unit."""
    marks: Sequence[Mark]
    """What is drawn, the first below."""
    limits: Sequence[Limit] = ()
    """Lines to hold it against."""
    x_label: str = ""
    """Name of the x axis; empty: as the panel below."""
    step: float = 1.0
    """Width of a bar."""
    percent: bool = False
    """Whether y is a share."""


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def nice_ticks(high: float, wanted: int = 4) -> list[float]:
    """Return round marks from 0 to just above a value.

    Args:
        high: The largest value, not negative.
        wanted: About how many steps.
    """
    if not isfinite(high) or high <= 0:
        return [0.0, 1.0]
    rough = high / wanted
    unit = 10.0 ** floor(log10(rough))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= rough * 0.999)
    return [round(step * i, 12) for i in range(ceil(high / step - 1e-9) + 1)]


def figure(title: str, subtitle: str, panels: Sequence[Panel]) -> str:
    """Draw panels one below the other on one x axis.

    Args:
        title: The headline.
        subtitle: What it was made of.
        panels: At least one.

    Returns:
        An SVG document.
    """
    height = _HEAD + len(panels) * (_PANEL + _GAP) + _FOOT - _GAP
    xs = [x for panel in panels for x in _xs(panel)]
    ticks = nice_ticks(max(xs, default=1.0), 8)
    across = _Scale(0.0, ticks[-1], _LEFT, _WIDTH - _RIGHT)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}" role="img" font-family="{_FONT}">'
        ),
        f"<title>{_safe(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(_LEFT, 24, title, size=16, weight=600),
        _text(_LEFT, 43, subtitle, size=12, color=_DIM),
    ]
    for number, panel in enumerate(panels):
        top = _HEAD + number * (_PANEL + _GAP)
        parts += _panel(panel, across, ticks, top + 22, top + _PANEL)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _xs(panel: Panel) -> Iterator[float]:
    for mark in panel.marks:
        wide = panel.step if mark.kind == "bars" else 0.0
        yield from (x + wide for x, _ in mark.points)


def _panel(
    panel: Panel, across: _Scale, x_ticks: Sequence[float], top: float, bottom: float
) -> Iterator[str]:
    marks = _stacked(panel.marks)
    tallest = max((high for _, spans in marks for _, _, high in spans), default=0.0)
    tallest = max([tallest, *(limit.y for limit in panel.limits)])
    ticks = nice_ticks(tallest)
    up = _Scale(0.0, ticks[-1], bottom, top)
    yield _text(_LEFT, top - 10, panel.title, size=13, weight=600)
    yield from _legend(panel, top - 10)
    for tick in ticks:
        y = up.at(tick)
        yield _line(_LEFT, y, _WIDTH - _RIGHT, y, _GRID)
        yield _text(_LEFT - 8, y + 4, _amount(tick, panel), color=_DIM, anchor="end")
    for tick in x_ticks:
        x = across.at(tick)
        yield _line(x, bottom, x, bottom + 4, _DIM)
        yield _text(x, bottom + 18, _number(tick), color=_DIM, anchor="middle")
    if panel.x_label:
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        yield _text(middle, bottom + 36, panel.x_label, size=12, color=_DIM, anchor="middle")
    for mark, spans in marks:
        yield from _drawn(mark, spans, panel.step, across, up)
    yield _line(_LEFT, bottom, _WIDTH - _RIGHT, bottom, _DIM)
    yield from _limits(panel.limits, up)


_Spans = list[tuple[float, float, float]]
"""x, low and high of each point."""


def _stacked(marks: Sequence[Mark]) -> list[tuple[Mark, _Spans]]:
    height: dict[float, float] = {}
    found = []
    for mark in marks:
        spans: _Spans = []
        for x, y in mark.points:
            low = height.get(x, 0.0) if mark.kind == "bars" else 0.0
            spans.append((x, low, low + y))
            if mark.kind == "bars":
                height[x] = low + y
        found.append((mark, spans))
    return found


def _drawn(mark: Mark, spans: _Spans, step: float, across: _Scale, up: _Scale) -> Iterator[str]:
    color = COLORS[mark.color]
    if mark.kind == "bars":
        wide = max(0.6, across.at(step) - across.at(0.0) - 0.4)
        boxes = " ".join(
            f"M{_n(across.at(x))} {_n(up.at(low))}h{_n(wide)}V{_n(up.at(high))}h{_n(-wide)}z"
            for x, low, high in spans
            if high > low
        )
        if boxes:
            yield f'<path d="{boxes}" fill="{color}" fill-opacity="0.85"/>'
        return
    places = [(across.at(x), up.at(high)) for x, _, high in spans]
    if not places:
        return
    path = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in places)
    if mark.kind == "area":
        floor_y = _n(up.at(0.0))
        closed = f"{path}L{_n(places[-1][0])} {floor_y}L{_n(places[0][0])} {floor_y}z"
        yield f'<path d="{closed}" fill="{color}" fill-opacity="0.16"/>'
    yield f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2"/>'
    if mark.kind == "dots":
        yield from (f'<circle cx="{_n(x)}" cy="{_n(y)}" r="3" fill="{color}"/>' for x, y in places)


def _limits(limits: Iterable[Limit], up: _Scale) -> Iterator[str]:
    taken: list[float] = []
    for limit in sorted(limits, key=lambda one: -one.y):
        y = up.at(limit.y)
        color = COLORS[limit.color]
        yield _line(_LEFT, y, _WIDTH - _RIGHT, y, color, dash="6 4")
        place = y - 5
        while any(abs(place - other) < 13 for other in taken):
            place += 13
        taken.append(place)
        yield _text(_WIDTH - _RIGHT - 4, place, limit.label, color=color, anchor="end", halo=True)


def _legend(panel: Panel, y: float) -> Iterator[str]:
    x: float = _WIDTH - _RIGHT
    for mark in reversed(panel.marks):
        x -= len(mark.label) * _CHAR
        yield _text(x, y, mark.label, color=_INK)
        yield (
            f'<rect x="{_n(x - 16)}" y="{_n(y - 9)}" width="11" height="11" rx="2" '
            f'fill="{COLORS[mark.color]}"/>'
        )
        x -= 32


def _text(  # noqa: PLR0913  the attributes of a text
    x: float,
    y: float,
    said: str,
    *,
    size: int = 11,
    color: str = _INK,
    weight: int = 400,
    anchor: str = "start",
    halo: bool = False,
) -> str:
    edge = ' stroke="#ffffff" stroke-width="3" paint-order="stroke"' if halo else ""
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-size="{size}" font-weight="{weight}" '
        f'fill="{color}" text-anchor="{anchor}"{edge}>{_safe(said)}</text>'
    )


def _safe(said: str) -> str:
    """Take out what XML does not allow, and let the rest be text."""
    return escape(xml(said))


def _line(x1: float, y1: float, x2: float, y2: float, color: str, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" '
        f'stroke="{color}" stroke-width="1"{dashes}/>'
    )


def _n(value: float) -> str:
    """Write a coordinate: one decimal is finer than a screen."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 and value == int(value) else f"{value:.6g}"


def _amount(value: float, panel: Panel) -> str:
    return f"{_number(round(value * 100, 9))} %" if panel.percent else _number(value)
