"""Time in whole nanoseconds, and random laws that give the same bits on every machine."""

from fractions import Fraction
from random import Random

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def nanoseconds(value: float | Fraction) -> int:
    """Turn seconds into whole nanoseconds, to the nearest one, half to even.

    Args:
        value: Seconds; a float is taken as the exact binary number it is.

    Returns:
        Nanoseconds.
    """
    return round(Fraction(value) * SECOND)


def seconds(value: int) -> float:
    """Turn whole nanoseconds into seconds."""
    return value / SECOND


def quantise(value: int, step: int) -> int:
    """Round a wait up to whole steps, so that who obeys it is not early.

    Args:
        value: Nanoseconds, not negative.
        step: The resolution in nanoseconds, at least 1.
    """
    return -(-value // step) * step


def exponential(rng: Random) -> float:
    """Draw from the exponential law with mean 1.

    Von Neumann's method (1951) only compares uniform numbers. A logarithm may differ in its last
    bit between C libraries; this does not, so a seed means the same arrivals everywhere.

    Args:
        rng: The source of uniform numbers.

    Returns:
        A number above or equal to 0.
    """
    draw = rng.random
    whole = 0
    while True:
        first = previous = draw()
        odd = True
        while (current := draw()) <= previous:
            previous = current
            odd = not odd
        if odd:
            return whole + first
        whole += 1
