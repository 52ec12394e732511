"""Small charts of a page, as SVG that takes its colours from the page's style sheet."""

from collections.abc import Sequence
from math import isfinite

from evalgate.schema.verdict import Check, Interval
from evalgate.text.counts import percent_text, signed_percent
from evalgate.text.escape import html

_WIDE, _HIGH = 220, 30


def change_chart(check: Check) -> str:
    """Draw a relative change with its 90 % interval and the threshold; worse is to the right."""
    if check.change is None or check.threshold_unit not in ("relative", None):
        return ""
    limit = check.threshold or 0.0
    interval = check.interval_90 or Interval(low=check.change, high=check.change)
    ends = [abs(v) for v in (check.change, limit, interval.low, interval.high) if v is not None]
    reach = min(max(*ends, 0.02) * 1.25, 4.0)

    def at(value: float) -> float:
        return _WIDE / 2 * (1 + max(-1.0, min(1.0, value / reach)))

    low = at(-reach if interval.low is None else interval.low)
    high = at(reach if interval.high is None else interval.high)
    seen = "advisory" if check.gate == "advisory" else check.outcome
    change = f"change {signed_percent(check.change)}, limit {percent_text(limit)}"
    label = f"{change}; right of the middle is worse"
    edge = f'<line class="limit" x1="{at(limit):.1f}" x2="{at(limit):.1f}" y1="2" y2="28"/>'
    return (
        f'<svg class="change" viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{html(label)}">'
        f'<line class="axis" x1="0" x2="{_WIDE}" y1="15" y2="15"/>'
        f'<line class="zero" x1="{_WIDE / 2}" x2="{_WIDE / 2}" y1="6" y2="24"/>'
        f'<rect class="interval" x="{low:.1f}" y="11" width="{max(high - low, 1):.1f}" height="8"/>'
        f"{edge if check.threshold is not None else ''}"
        f'<circle class="point {seen}" cx="{at(check.change):.1f}" cy="15" r="5"/></svg>'
    )


def distribution(values: Sequence[float], before: Sequence[float], unit: str) -> str:
    """Draw how the means of the cases are spread: bars now, a line in the baseline.

    Args:
        values: One value a case.
        before: The same of the baseline; may be empty.
        unit: Their unit; ratios have fixed ends.
    """
    everything = [*values, *before]
    if not values or len(set(everything)) < 2:
        return ""
    low, high = (0.0, 1.0) if unit == "ratio" else (min(everything), max(everything))
    low, high = min(low, *everything), max(high, *everything)
    if not isfinite(high - low):
        return ""
    bins = 20
    now, old = _counts(values, low, high, bins), _counts(before, low, high, bins)
    tallest = max(max(now) / len(values), max(old) / max(len(before), 1))
    step = _WIDE / bins
    bars = "".join(
        f'<rect class="now" x="{i * step + 1:.1f}" y="{_up(count / len(values), tallest):.1f}" '
        f'width="{step - 2:.1f}" height="{_HIGH - _up(count / len(values), tallest):.1f}"/>'
        for i, count in enumerate(now)
        if count
    )
    line = "".join(
        f"{'L' if i else 'M'}{i * step:.1f} {_up(n / len(before), tallest):.1f}h{step:.1f}"
        for i, n in enumerate(old)
        if before
    )
    label = f"{len(values)} cases between {low:.3g} and {high:.3g}"
    return (
        f'<svg class="spread" viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{html(label)}" '
        f'preserveAspectRatio="none">{bars}<path class="before" d="{line}"/></svg>'
    )


def sparkline(values: Sequence[float | None]) -> str:
    """Draw a value over earlier runs, oldest first; gaps stay gaps. The last is the run shown."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    if not isfinite(high - low):
        return ""
    wide, high_px = 110, 24
    step = (wide - 8) / (len(values) - 1)
    path, pen_up = "", True
    for i, value in enumerate(values):
        if value is None:
            pen_up = True
            continue
        y = high_px / 2 if high == low else high_px - 4 - (value - low) / (high - low) * 16
        path += f"{'M' if pen_up else 'L'}{4 + i * step:.1f} {y:.1f}"
        last, pen_up = (4 + i * step, y), False
    label = f"{len(known)} runs, from {known[0]:.4g} to {known[-1]:.4g}"
    return (
        f'<svg class="spark" viewBox="0 0 {wide} {high_px}" role="img" aria-label="{html(label)}">'
        f'<path d="{path}"/><circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2.5"/></svg>'
    )


def bar(share: float, css: str = "") -> str:
    """Draw a share of 1 as a bar; a negative one points the other way in another colour."""
    width = min(abs(share), 1.0) * 100
    sign = "less" if share < 0 else "more"
    return (
        f'<svg class="bar {css} {sign}" viewBox="0 0 100 10" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect x="0" y="0" width="{width:.1f}" height="10"/></svg>'
    )


def _counts(values: Sequence[float], low: float, high: float, bins: int) -> list[int]:
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int((value - low) / (high - low) * bins))] += 1
    return counts


def _up(share: float, tallest: float) -> float:
    return _HIGH - share / tallest * (_HIGH - 2)
