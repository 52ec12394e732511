"""Small exact statistics: intervals of a share, discordant pairs, pass^k, multiple tests."""

from collections.abc import Sequence
from fractions import Fraction
from math import comb, sqrt
from statistics import NormalDist


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a share.

    Args:
        successes: Successes, 0 to `trials`.
        trials: Trials, at least 1.
        confidence: Two-sided confidence.

    Returns:
        Lower and upper end; exactly 0 (1) where there is no success (no failure).
    """
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    share = successes / trials
    centre = share + z2 / (2 * trials)
    half = sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials * trials)))
    scale = 1 + z2 / trials
    low = 0.0 if successes == 0 else (centre - half) / scale
    high = 1.0 if successes == trials else (centre + half) / scale
    return low, high


def mcnemar_one_sided(gained: int, lost: int) -> Fraction:
    """Return P(X <= gained) for X ~ Binomial(gained + lost, 1/2): exact, against a drop."""
    n = gained + lost
    return Fraction(sum(comb(n, x) for x in range(gained + 1)), 2**n)


def mcnemar_two_sided(gained: int, lost: int) -> Fraction:
    """Return the exact two-sided p: twice the smaller tail, at most 1."""
    return min(Fraction(1), 2 * mcnemar_one_sided(min(gained, lost), max(gained, lost)))


def holm(p_values: Sequence[float | Fraction]) -> tuple[float | Fraction, ...]:
    """Return Holm's step-down adjusted p-values, in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted: list[float | Fraction] = list(p_values)
    largest: float | Fraction = 0
    for rank, i in enumerate(order):
        largest = max(largest, min((len(p_values) - rank) * p_values[i], 1))
        adjusted[i] = largest
    return tuple(adjusted)
