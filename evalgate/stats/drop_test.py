"""One-sided tests of a drop between two sets of trials of the same cases.

Binary scores: case i passed c0 of k0 trials in the baseline and c1 of k1 in the candidate. Under
the null its t = c0 + c1 passes fall among the k0 + k1 trials by chance, so that
c1 ~ Hypergeometric(k0 + k1, t, k1); p = P(sum c1 <= observed). With one trial on each side this
is the exact one-sided McNemar test. Other scores: paired t on case means.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, sqrt
from statistics import NormalDist

from evalgate.stats.student import t_upper_tail

EXACT_UP_TO = 1000
"""Largest number of candidate trials that is convolved exactly; above it a normal is used."""


@dataclass(frozen=True, slots=True)
class PassCounts:
    """Passes of one case on both sides."""

    passed0: int
    """Passed trials of the baseline."""
    trials0: int
    """Trials of the baseline."""
    passed1: int
    """Passed trials of the candidate."""
    trials1: int
    """Trials of the candidate."""

    @property
    def undecided(self) -> bool:
        """Whether chance could have split the passes in more than one way."""
        return 0 < self.passed0 + self.passed1 < self.trials0 + self.trials1


def drop_p_value(cases: Iterable[PassCounts]) -> Fraction | float:
    """Return the one-sided p of a drop of binary scores.

    Args:
        cases: Counts of each case; every case with the same number of candidate trials.

    Returns:
        An exact fraction up to `EXACT_UP_TO` candidate trials in cases that could differ, else
        the normal approximation with continuity correction.
    """
    open_cases = [case for case in cases if case.undecided]
    if sum(case.trials1 for case in open_cases) <= EXACT_UP_TO:
        return exact_drop_p(open_cases)
    return _normal_drop_p(open_cases)


def exact_drop_p(cases: Sequence[PassCounts]) -> Fraction:
    """Return P(sum X_i <= observed) by convolution with big integers.

    All generating polynomials are packed into one integer each, a coefficient every `width`
    bytes, so that the convolution is a product of integers.
    """
    groups = Counter((case.trials0, case.trials1, case.passed0 + case.passed1) for case in cases)
    ways = 1
    for (trials0, trials1, _), times in groups.items():
        ways *= comb(trials0 + trials1, trials1) ** times
    width = ways.bit_length() // 8 + 1
    product = 1
    for (trials0, trials1, passed), times in groups.items():
        packed = sum(
            comb(passed, x) * comb(trials0 + trials1 - passed, trials1 - x) << (8 * width * x)
            for x in range(min(passed, trials1) + 1)
        )
        product *= packed**times
    observed = sum(case.passed1 for case in cases)
    digits = product.to_bytes((product.bit_length() + 7) // 8 or 1, "little")
    tail = sum(
        int.from_bytes(digits[start : start + width], "little")
        for start in range(0, (observed + 1) * width, width)
    )
    return Fraction(tail, ways)


def _normal_drop_p(cases: Sequence[PassCounts]) -> float:
    mean = variance = 0.0
    for case in cases:
        total = case.trials0 + case.trials1
        passed = case.passed0 + case.passed1
        mean += case.trials1 * passed / total
        variance += (
            case.trials0 * case.trials1 * passed * (total - passed) / (total**2 * (total - 1))
        )
    observed = sum(case.passed1 for case in cases)
    return NormalDist().cdf((observed + 0.5 - mean) / sqrt(variance))


def paired_t_p(drops: Sequence[float], scale: Sequence[float]) -> float | None:
    """Return the one-sided p of a mean drop above zero, by the paired t-test.

    Args:
        drops: How much worse each case (or cluster) got, in the metric's unit.
        scale: Relative weight of each, with mean 1.

    Returns:
        The p-value; null for fewer than two cases. Where all drops are equal, a t-test would
        trust a zero variance: the sign test (2^-n) is given instead.
    """
    n = len(drops)
    if n < 2:
        return None
    mean = sum(s * d for s, d in zip(scale, drops, strict=True)) / n
    squares = sum((s * (d - mean)) ** 2 for s, d in zip(scale, drops, strict=True))
    if squares <= 1e-24 * mean * mean * n:
        return 1.0 if mean <= 0 else 0.5**n
    return t_upper_tail(mean / sqrt(squares / (n * (n - 1))), n - 1)
