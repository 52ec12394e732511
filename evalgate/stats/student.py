"""Student's t, from the regularised incomplete beta function; standard library only."""

from math import exp, inf, lgamma, log, log1p, pi, sqrt, tan
from statistics import NormalDist

_TINY = 1e-300
_PRECISION = 1e-15


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Continued fraction of the incomplete beta function (Lentz; DLMF 8.17.22)."""
    c = 1.0
    d = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 500):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 / _away_from_zero(1.0 + factor * d)
            c = _away_from_zero(1.0 + factor / c)
            value *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Return I_x(a, b) for x in [0, 1]."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(x, a, b) / a
    return 1.0 - front * _beta_fraction(1.0 - x, b, a) / b


def t_upper_tail(t: float, df: int) -> float:
    """Return P(T >= t) for Student's t.

    Args:
        t: Any finite value.
        df: Degrees of freedom, at least 1.
    """
    half = 0.5 * _incomplete_beta(df / (df + t * t), df / 2.0, 0.5)
    return half if t >= 0 else 1.0 - half


def _density(t: float, df: int) -> float:
    scale = lgamma((df + 1) / 2.0) - lgamma(df / 2.0) - 0.5 * log(df * pi)
    return exp(scale - (df + 1) / 2.0 * log1p(t * t / df))


def t_quantile(p: float, df: int) -> float:
    """Return the t with P(T <= t) = p.

    Args:
        p: A probability in [0.5, 1).
        df: Degrees of freedom, at least 1.
    """
    if df == 1:
        return tan(pi * (p - 0.5))
    if df == 2:
        return (2.0 * p - 1.0) / sqrt(2.0 * p * (1.0 - p))
    low, high = 0.0, inf
    t = NormalDist().inv_cdf(p)
    for _ in range(100):
        excess = (1.0 - p) - t_upper_tail(t, df)
        low, high = (low, t) if excess > 0 else (t, high)
        step = t - excess / _density(t, df)
        if not low <= step <= high:
            step = 2.0 * low + 1.0 if high == inf else (low + high) / 2.0
        if abs(step - t) <= 1e-13 * (1.0 + abs(t)):
            return step
        t = step
    return t
