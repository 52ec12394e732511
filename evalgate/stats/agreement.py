"""How far a judge can be trusted: agreement with people, with itself, and what that corrects.

Labels and verdicts are binary: `True` is the good outcome (the answer is faithful, the goal is
reached). What cannot be computed is None, never 0: a kappa of one class, a sensitivity without a
positive label.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of label and verdict."""

    true_good: int
    """Label good, verdict good."""
    false_good: int
    """Label bad, verdict good: what the judge lets through."""
    false_bad: int
    """Label good, verdict bad."""
    true_bad: int
    """Label bad, verdict bad."""

    @property
    def n(self) -> int:
        """Labelled answers."""
        return self.true_good + self.false_good + self.false_bad + self.true_bad

    @property
    def good(self) -> int:
        """Answers labelled good."""
        return self.true_good + self.false_bad

    @property
    def bad(self) -> int:
        """Answers labelled bad."""
        return self.n - self.good


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of a judge with labels; each share is in [0, 1]."""

    confusion: Confusion
    """The counts it is made of."""
    accuracy: float | None
    """Equal verdicts over all; None without labels."""
    kappa: float | None
    """Cohen's kappa in [-1, 1]; None where labels and verdicts are all of one class."""
    kappa_interval: tuple[float, float] | None
    """95 % interval of kappa, from its asymptotic standard error."""
    sensitivity: float | None
    """Good verdicts over answers labelled good."""
    specificity: float | None
    """Bad verdicts over answers labelled bad."""


def confusion(pairs: Iterable[tuple[bool, bool]]) -> Confusion:
    """Count pairs of label and verdict."""
    counts = {(True, True): 0, (False, True): 0, (True, False): 0, (False, False): 0}
    for pair in pairs:
        counts[pair] += 1
    return Confusion(*counts.values())


def agreement(counts: Confusion) -> Agreement:
    """Compute every measure of agreement."""
    table = ((counts.true_good, counts.false_bad), (counts.false_good, counts.true_bad))
    found = cohens_kappa(table)
    return Agreement(
        confusion=counts,
        accuracy=_share(counts.true_good + counts.true_bad, counts.n),
        kappa=None if found is None else found[0],
        kappa_interval=None if found is None else found[1],
        sensitivity=_share(counts.true_good, counts.good),
        specificity=_share(counts.true_bad, counts.bad),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def cohens_kappa(
    table: Sequence[Sequence[int]], confidence: float = _CONFIDENCE
) -> tuple[float, tuple[float, float]] | None:
    """Return Cohen's kappa and its interval.

    Standard error: Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969), formula 13.

    Args:
        table: Square table of counts; rows are labels, columns verdicts.
        confidence: Two-sided confidence.

    Returns:
        Kappa, and the interval cut to [-1, 1]; None for an empty table and where chance alone
        agrees always (all in one cell of the diagonal).
    """
    total = sum(map(sum, table))
    size = range(len(table))
    rows = [sum(table[i]) for i in size]
    columns = [sum(table[i][j] for i in size) for j in size]
    chance_count = sum(rows[i] * columns[i] for i in size)
    if total == 0 or chance_count == total * total:
        return None
    observed = sum(table[i][i] for i in size) / total
    chance = chance_count / total**2
    kappa = (observed - chance) / (1 - chance)
    p = [[table[i][j] / total for j in size] for i in size]
    row, column = [r / total for r in rows], [c / total for c in columns]
    same = sum(p[i][i] * (1 - (row[i] + column[i]) * (1 - kappa)) ** 2 for i in size)
    other = sum(p[i][j] * (column[i] + row[j]) ** 2 for i in size for j in size if i != j)
    variance = same + (1 - kappa) ** 2 * other - (kappa - chance * (1 - kappa)) ** 2
    error = sqrt(max(variance, 0.0) / total) / (1 - chance)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return kappa, (max(kappa - half, -1.0), min(kappa + half, 1.0))


def self_consistency(repeats: Iterable[Sequence[bool]]) -> float | None:
    """Return the chance that two verdicts on one answer agree.

    Args:
        repeats: The verdicts on each answer; those with fewer than two say nothing.

    Returns:
        Agreeing pairs over pairs, averaged over answers; None where no answer has two verdicts.
    """
    shares = []
    for verdicts in repeats:
        n, good = len(verdicts), sum(verdicts)
        if n > 1:
            bad = n - good
            shares.append((good * (good - 1) + bad * (bad - 1)) / (n * (n - 1)))
    return sum(shares) / len(shares) if shares else None


@dataclass(frozen=True, slots=True)
class Corrected:
    """A share, corrected for the judge's errors."""

    share: float
    """The corrected share, in [0, 1]."""
    interval: tuple[float, float]
    """95 % interval, in [0, 1]; holds the uncertainty of the judge's errors too."""


def corrected_share(good: int, n: int, judge: Confusion) -> Corrected | None:
    """Correct a share of good verdicts for the judge's known sensitivity and specificity.

    Rogan and Gladen, American Journal of Epidemiology 107 (1978), with their variance for
    estimated sensitivity and specificity.

    Args:
        good: Good verdicts.
        n: Verdicts.
        judge: Counts of a calibration.

    Returns:
        None without verdicts, without labels of both classes, or where the judge is no better
        than chance (sensitivity + specificity <= 1).
    """
    measured = agreement(judge)
    sensitivity, specificity = measured.sensitivity, measured.specificity
    if not n or sensitivity is None or specificity is None or sensitivity + specificity <= 1:
        return None
    apparent, youden = good / n, sensitivity + specificity - 1
    share = _clipped((apparent + specificity - 1) / youden)
    variance = (
        apparent * (1 - apparent) / n
        + share**2 * sensitivity * (1 - sensitivity) / judge.good
        + (1 - share) ** 2 * specificity * (1 - specificity) / judge.bad
    ) / youden**2
    half = NormalDist().inv_cdf((1 + _CONFIDENCE) / 2) * sqrt(variance)
    return Corrected(share, (_clipped(share - half), _clipped(share + half)))


def _clipped(value: float) -> float:
    return min(max(value, 0.0), 1.0)
