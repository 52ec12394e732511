"""How many calls a claim about an error rate takes, by the exact binomial law."""

from fractions import Fraction
from math import ceil, exp, lgamma, log, log1p

_ALPHA = 0.05
_MOST = 10**9


def at_most(errors: int, calls: int, rate: float) -> float:
    """Return P(X <= errors) for X binomial with `calls` and `rate`.

    Args:
        errors: From 0 up.
        calls: From 0 up.
        rate: In (0, 1).
    """
    if errors < 0:
        return 0.0
    if errors >= calls:
        return 1.0
    term = exp(
        lgamma(calls + 1)
        - lgamma(errors + 1)
        - lgamma(calls - errors + 1)
        + errors * log(rate)
        + (calls - errors) * log1p(-rate)
    )
    if errors > calls * rate:
        return 1.0 - _upper(errors + 1, calls, rate)
    total = 0.0
    for k in range(errors, -1, -1):
        total += term
        if term < total * 1e-17:
            break
        term *= k * (1 - rate) / ((calls - k + 1) * rate)
    return min(1.0, total)


def _upper(errors: int, calls: int, rate: float) -> float:
    return at_most(calls - errors, calls, 1 - rate)


def at_least(errors: int, calls: int, rate: float) -> float:
    """Return P(X >= errors) for X binomial with `calls` and `rate`."""
    return 1.0 if errors <= 0 else _upper(errors, calls, rate)


def calls_needed(rate: Fraction, errors: int = 0) -> int | None:
    """Return the fewest calls that show an error rate below `rate` with 95 % confidence.

    Without errors that is the smallest n with (1 - rate)^n <= 0.05: 2,995 for 0.1 %, 299 for 1 %,
    59 for 5 %.

    Args:
        rate: The limit, in (0, 1).
        errors: Errors among these calls.

    Returns:
        The number; None above a thousand million.
    """
    limit = float(rate)
    low = errors
    high = max(errors + 1, ceil(log(_ALPHA) / log1p(-limit)))
    while at_most(errors, high, limit) > _ALPHA:
        low, high = high, high * 2
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if at_most(errors, middle, limit) > _ALPHA:
            low = middle
        else:
            high = middle
    return high
