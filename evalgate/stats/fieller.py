"""Fieller's interval of the ratio of two paired means."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from evalgate.stats.student import t_quantile

Range = tuple[float, float] | None
"""A bounded interval; null is unbounded."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Means and sums of squares and products of paired case means."""

    n: int
    """Cases (or clusters)."""
    m0: float
    """Mean of the baseline."""
    m1: float
    """Mean of the candidate."""
    s00: float
    """Sum of squares of the baseline about its mean."""
    s01: float
    """Sum of products about the means."""
    s11: float
    """Sum of squares of the candidate about its mean."""
    varying: int
    """Cases (or clusters) whose difference is a matter of chance; sums are over these."""


def moments(
    y0: Sequence[float],
    y1: Sequence[float],
    scale: Sequence[float],
    varies: Sequence[bool] | None = None,
) -> Moments:
    """Return the moments of weighted pairs.

    Args:
        y0: Baseline means, one a case.
        y1: Candidate means, in the same order.
        scale: Relative weight of each case, with mean 1.
        varies: Whether a case's difference is a matter of chance; null: all are. What is exact
            is part of the means and adds nothing to their variance.
    """
    n = len(y0)
    m0 = sum(s * a for s, a in zip(scale, y0, strict=True)) / n
    m1 = sum(s * b for s, b in zip(scale, y1, strict=True)) / n
    drawn = [
        (s, a, b) for s, a, b, one in zip(scale, y0, y1, varies or [True] * n, strict=True) if one
    ]
    whole = sum(s for s, _, _ in drawn) or 1.0
    c0 = sum(s * a for s, a, _ in drawn) / whole
    c1 = sum(s * b for s, _, b in drawn) / whole
    s00 = s01 = s11 = 0.0
    for s, a, b in drawn:
        d0, d1 = s * (a - c0), s * (b - c1)
        s00 += d0 * d0
        s01 += d0 * d1
        s11 += d1 * d1
    return Moments(n, m0, m1, s00, s01, s11, len(drawn))


def ratio_interval(m: Moments, confidence: float, *, guard: float = 0.0) -> Range:
    """Return the two-sided interval of theta = m1 / m0.

    Args:
        m: Moments of the pairs.
        confidence: Two-sided confidence in (0, 1).
        guard: Added to `s11`: 3 / kmin^2 for binary scores, because the variance of a few
            trials that all passed is not zero; 0 for other scores.

    Returns:
        The ends of theta; null where the baseline's mean is not told apart from zero.
    """
    k = m.varying
    if k < 2:
        return None
    # The variance of the sum of k cases, spread over the mean of all n.
    q = t_quantile((1.0 + confidence) / 2.0, k - 1) ** 2 * k / (m.n**2 * (k - 1))
    a = m.m0 * m.m0 - q * m.s00
    if a <= 0:
        return None
    b = m.m0 * m.m1 - q * m.s01
    c = m.m1 * m.m1 - q * (m.s11 + guard)
    half = sqrt(max(b * b - a * c, 0.0))
    return ((b - half) / a, (b + half) / a)
