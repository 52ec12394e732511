"""Scores to 4 significant digits, and their exact decimal values.

Both sides of a comparison are rounded the same way, so that a run compared with its own baseline
shows exactly no change; from there on everything is exact: `0.1` is one tenth and not its binary
neighbour.
"""

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact
from fractions import Fraction

from evalgate.schema.base import LARGEST

_LARGEST = Fraction(LARGEST)
_EXACT = Context(prec=2000, traps=[Inexact])


def round4(value: float) -> float:
    """Round a finite number to 4 significant digits."""
    if value in (0.0, 1.0):
        return value
    return float(f"{value:.4g}")


def exact(value: float) -> Fraction:
    """Return the decimal number that `value` is written as."""
    return Fraction(repr(value))


def nearest(value: Fraction) -> float:
    """Return a number as it is written down: no larger than what can be read again.

    Larger ones come of a division by almost nothing.
    """
    return float(min(max(value, -_LARGEST), _LARGEST))


def exact_sum(terms: Iterable[tuple[Decimal, Decimal]]) -> Fraction:
    """Add up products of two decimals without rounding."""
    total = Decimal(0)
    for left, right in terms:
        total = _EXACT.fma(left, right, total)
    return Fraction(total)
