"""Where the mean of a series shifted: least squares, and a t-test that knows it was searched for.

The place of a shift is the split with the smallest sum of squares, which is what ruptures' `l2`
cost finds. Its p is that of the two-sample t-test times the number of splits tried (Bonferroni).
The series is split again until nothing is left to find (binary segmentation).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import Final

from evalgate.stats.student import t_upper_tail

_SHORTEST: Final = 5
"""Values on each side of a shift, at least."""
_ALPHA: Final = 0.001
"""The series is looked at after every run, so that one level serves many looks."""


@dataclass(frozen=True, slots=True)
class Shift:
    """The newest shift of a mean."""

    index: int
    """The first value after it."""
    before: float
    """Mean of the values between the shift before it and this one."""
    after: float
    """Mean from here on."""
    p: float


def newest_shift(values: Sequence[float], shortest: int = _SHORTEST) -> Shift | None:
    """Return the newest shift, or null where the mean is one.

    Args:
        values: The series, in order of time.
        shortest: Values on each side of a shift, at least 2.
    """
    start, found = 0, None
    while True:
        shift = _best(values[start:], shortest)
        if shift is None:
            break
        found = Shift(start + shift.index, shift.before, shift.after, shift.p)
        start += shift.index
    if found is None:
        return None
    earlier = newest_shift(values[: found.index], shortest)
    begin = 0 if earlier is None else earlier.index
    before = fsum(values[begin : found.index]) / (found.index - begin)
    return Shift(found.index, before, found.after, found.p)


def _best(values: Sequence[float], shortest: int) -> Shift | None:
    n = len(values)
    splits = range(shortest, n - shortest + 1)
    if not splits:
        return None
    total = fsum(values)
    heads: list[float] = []
    running = 0.0
    for value in values:
        running += value
        heads.append(running)

    def gain(k: int) -> float:
        """Return what the split takes off the sum of squares."""
        return float(n) / (k * (n - k)) * (heads[k - 1] - total * k / n) ** 2

    k = max(splits, key=gain)
    left, right = values[:k], values[k:]
    before, after = fsum(left) / k, fsum(right) / (n - k)
    squares = fsum((v - before) ** 2 for v in left) + fsum((v - after) ** 2 for v in right)
    error = sqrt(squares / (n - 2) * (1 / k + 1 / (n - k)))
    distance = abs(after - before)
    if distance <= 1e-12 * max(abs(before), abs(after)):
        return None
    if error <= 1e-12 * distance:
        p = 0.0
    else:
        p = min(1.0, 2 * t_upper_tail(distance / error, n - 2) * len(splits))
    return Shift(k, before, after, p) if p <= _ALPHA else None
