"""Case bootstrap of a quantile's relative change, with a fixed seed.

Whole cases are drawn, both sides together, so that the pairing and the trials of a case stay
together. The interval is the percentile interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from evalgate.metrics.metric import QUANTILES, Metric
from evalgate.stats.fieller import Range
from evalgate.stats.pairing import Row

SEED = 20_261_121
_WORK = 2_000_000
"""Values that are visited at most; the number of draws follows from it."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Percentile intervals of rho, and the share of draws that show no drop."""

    interval_90: Range
    """90 % interval; null where a draw's baseline was 0."""
    interval_80: Range
    """80 % interval; null where a draw's baseline was 0."""
    p_value: float
    """(Draws without a drop + 1) / (draws + 1)."""


def bootstrap_quantile(metric: Metric, rows: Sequence[Row]) -> Bootstrap:
    """Draw cases with replacement and return the intervals of the relative change.

    Args:
        metric: A quantile, `p50` or `p95`.
        rows: The compared cases, at least one.
    """
    share = float(QUANTILES[metric.aggregate])
    sides = (
        sorted((value, i) for i, row in enumerate(rows) for value in row.baseline),
        sorted((value, i) for i, row in enumerate(rows) for value in row.candidate),
    )
    draws = max(199, min(999, _WORK // max(1, len(sides[0]) + len(sides[1]))))
    generator = Random(SEED)  # noqa: S311 - a fixed seed is the point
    changes: list[float] = []
    n = len(rows)
    for _ in range(draws):
        times = [0] * n
        for i in generator.choices(range(n), k=n):
            times[i] += 1
        old, new = (_weighted_quantile(side, times, share) for side in sides)
        if old == 0:
            return Bootstrap(None, None, 1.0)
        rho = (old - new) / abs(old)
        changes.append(rho if metric.direction == "higher" else -rho)
    changes.sort()
    level = [_at(changes, p) for p in (0.05, 0.95, 0.1, 0.9)]
    without = sum(change <= 0 for change in changes)
    return Bootstrap((level[0], level[1]), (level[2], level[3]), (without + 1) / (draws + 1))


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[round((len(ordered) - 1) * share)]


def _weighted_quantile(
    ordered: Sequence[tuple[float, int]], times: Sequence[int], share: float
) -> float:
    """Return the type-7 quantile of the values, each repeated as often as its case was drawn."""
    place = (sum(times[i] for _, i in ordered) - 1) * share
    low = int(place)
    seen = 0
    lower = 0.0
    found = False
    for value, i in ordered:
        seen += times[i]
        if not found and seen > low:
            lower, found = value, True
        if seen > low + 1:
            return lower + (value - lower) * (place - low)
    return lower
