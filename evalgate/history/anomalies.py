"""What is unusual in the last hour, against what is usual, by stated rules.

Usual is the same hour of the last 7 days where at least 5 of them have data, else the last 24
hours that have any. A value is measured in standard deviations of the usual ones: 3 is medium, 5
is high. Where that says nothing:

- fewer than 4 usual values: a rate is judged by the exact binomial test alone, a value not at all;
- no variance: 5 % of the mean stands for the standard deviation; where the mean is 0 too, any
  worse value is medium;
- a rate with its events must be unlikely by the binomial test as well (p of 3 and 5 standard
  deviations), so that 1 of 5 is no spike. The usual rate is (bad + 1) / (events + 2), Laplace's
  rule of succession, which is never 0 or 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp, fsum, lgamma, log, log1p, sqrt
from typing import Final, Literal, TypeVar

from evalgate.text.counts import number_of

Severity = Literal["medium", "high"]

_MEDIUM_Z: Final = 3.0
_HIGH_Z: Final = 5.0
_MEDIUM_P: Final = 1.3498980316301e-3
"""One-sided p of 3 standard deviations."""
_HIGH_P: Final = 2.8665157187919e-7
"""One-sided p of 5 standard deviations."""
_FEWEST: Final = 4
_NO_VARIANCE: Final = 1e-9
_SHARE_OF_MEAN: Final = 0.05
_SAME_HOURS: Final = range(24, 24 * 7 + 1, 24)
_ENOUGH_SAME_HOURS: Final = 5
_LAST_HOURS: Final = range(1, 25)
_RANK: Final = {None: 0, "medium": 1, "high": 2}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What a rule says of the last hour."""

    known: bool
    """Whether it can be told; what cannot is neither an alert nor its end."""
    severity: Severity | None
    """Null: nothing unusual."""
    value: float | None
    """The value of the last hour."""
    usual: float | None
    """Mean of the usual ones."""
    why: str
    """The rule and its figures, in words."""


def usual_hours(hours: Mapping[int, T]) -> list[T]:
    """Return the hours that the last one is compared with.

    Args:
        hours: What happened so many hours ago; the last hour is 0, hours without data are absent.
    """
    same = [hours[ago] for ago in _SAME_HOURS if ago in hours]
    if len(same) >= _ENOUGH_SAME_HOURS:
        return same
    return [hours[ago] for ago in _LAST_HOURS if ago in hours]


def value_finding(value: float | None, usual: Sequence[float], *, worse: int = 1) -> Anomaly:
    """Judge a value by its distance from the usual ones.

    Args:
        value: The value; null is unknown.
        usual: The usual values.
        worse: 1 where more is worse, -1 where less is.
    """
    mean = fsum(usual) / len(usual) if usual else None
    if value is None:
        return _unknown(None, mean, "the value is unknown")
    if len(usual) < _FEWEST or mean is None:
        return _unknown(value, mean, f"short history: {number_of(len(usual), 'value')}")
    sd = sqrt(fsum((one - mean) ** 2 for one in usual) / (len(usual) - 1))
    said = f"{len(usual)} values"
    if sd <= _NO_VARIANCE * abs(mean):
        sd = _SHARE_OF_MEAN * abs(mean)
        said = f"{len(usual)} equal values: 5 % of the mean is the measure"
    if sd == 0:
        bad = worse * value > 0
        return _told("medium" if bad else None, value, mean, "it was always 0")
    z = worse * (value - mean) / sd
    severity = _by_z(z)
    return _told(severity, value, mean, f"z {z:.1f} against {said}")


def rate_finding(
    bad: float, events: int, usual: Sequence[tuple[float, int]], fewest: int = 1
) -> Anomaly:
    """Judge a rate of bad events by its distance from the usual rates and by the binomial test.

    Args:
        bad: Bad events of the last hour.
        events: Events of the last hour.
        usual: Bad events and events of the usual hours.
        fewest: Events below which the rate is no evidence.
    """
    with_events = [(one, total) for one, total in usual if total]
    all_bad, all_events = fsum(one for one, _ in with_events), sum(n for _, n in with_events)
    mean = all_bad / all_events if all_events else None
    if events < fewest or not events:
        return _unknown(None, mean, f"{number_of(events, 'event is', 'events are')} too few")
    value = bad / events
    if not all_events:
        return _unknown(value, None, "there is no history")
    p = binomial_tail(ceil(bad), events, (all_bad + 1) / (all_events + 2))
    severity = _by_p(p)
    why = f"{bad:g} of {events}, usually {all_bad:g} of {all_events}: binomial p {p:.2g}"
    spread = value_finding(value, [one / total for one, total in with_events])
    if len(with_events) >= _FEWEST and not _is_constant(with_events):
        severity = min(severity, spread.severity, key=lambda one: _RANK[one])
        why += f", {spread.why}"
    return _told(severity, value, mean, why)


def _is_constant(usual: Sequence[tuple[float, int]]) -> bool:
    rates = [bad / events for bad, events in usual]
    return max(rates) - min(rates) <= _NO_VARIANCE * max(rates)


def above_limit(
    value: float | None, limit: float | None, *, evidence: bool = True, partial: bool = False
) -> Anomaly:
    """Hold a value against an absolute limit; twice the limit is high.

    Args:
        value: The value; null is unknown.
        limit: The limit; null: there is none.
        evidence: Whether there are enough events.
        partial: Whether the value leaves out something unknown, and may be larger.
    """
    if limit is None:
        return Anomaly(known=True, severity=None, value=value, usual=None, why="")
    if value is None or not evidence:
        return _unknown(value, None, "not enough events for the limit")
    if value > limit:
        return _told("high" if value >= 2 * limit else "medium", value, None, f"limit {limit:g}")
    return (
        _unknown(value, None, "part of it is unknown") if partial else _told(None, value, None, "")
    )


def missing_traffic(events: int, usual: Sequence[int]) -> Anomaly:
    """Judge an hour without interactions: the chance of none where so many are usual (Poisson)."""
    mean = fsum(usual) / len(usual) if usual else 0.0
    chance = exp(-mean)
    severity = None if events else _by_p(chance)
    return _told(severity, float(events), mean, f"chance of none {chance:.2g}")


def worst(*findings: Anomaly) -> Anomaly:
    """Put the findings of one figure together: the gravest decides, then what is not known."""
    grave = max(findings, key=lambda one: (_RANK[one.severity], not one.known))
    why = "; ".join(one.why for one in findings if one.severity == grave.severity and one.why)
    usual = next((one.usual for one in findings if one.usual is not None), None)
    value = next((one.value for one in findings if one.value is not None), None)
    return Anomaly(grave.known, grave.severity, value, usual, why)


def binomial_tail(bad: int, events: int, rate: float) -> float:
    """Return P(X >= bad) for X ~ Binomial(events, rate), rate in (0, 1)."""
    if bad <= 0:
        return 1.0
    if bad > events * rate:
        return min(1.0, _sum_from(bad, events, rate))
    return max(0.0, 1.0 - _sum_from(events - bad + 1, events, 1 - rate))


def _sum_from(first: int, n: int, p: float) -> float:
    """Add the terms from `first` up; it lies above the mean, so that they shrink."""
    choose = lgamma(n + 1) - lgamma(first + 1) - lgamma(n - first + 1)
    term = exp(choose + first * log(p) + (n - first) * log1p(-p))
    total, k = term, first
    while k < n and term > total * 1e-17:
        term *= (n - k) / (k + 1) * p / (1 - p)
        total, k = total + term, k + 1
    return total


def _told(severity: Severity | None, value: float, usual: float | None, why: str) -> Anomaly:
    return Anomaly(known=True, severity=severity, value=value, usual=usual, why=why)


def _unknown(value: float | None, usual: float | None, why: str) -> Anomaly:
    return Anomaly(known=False, severity=None, value=value, usual=usual, why=why)


def _by_z(z: float) -> Severity | None:
    return "high" if z >= _HIGH_Z else "medium" if z >= _MEDIUM_Z else None


def _by_p(p: float) -> Severity | None:
    return "high" if p <= _HIGH_P else "medium" if p <= _MEDIUM_P else None
