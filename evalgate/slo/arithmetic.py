"""Service level arithmetic: SLI, error budget, burn rates, exact until it is shown.

    SLI       good / total
    consumed  (1 - SLI) / (1 - objective)
    burn      the same over a shorter window: 1 spends the budget in exactly the window

The pairs of windows and their factors are those of the Google SRE Workbook, chapter 5, for 30
days: 14.4 over an hour spends 2 % of the budget, 6 over six hours 5 %, 1 over three days 10 %.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from evalgate.stats.intervals import wilson
from evalgate.text.counts import percent_text

Status = Literal["met", "burning", "exhausted", "not enough data"]
"""`exhausted`: the budget is spent; `burning`: a pair of windows spends it too quickly."""

_HOUR: Final = 3_600
_DAY: Final = 86_400
_MIN_BAD: Final = 2
"""One bad event is no rate."""


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Events of one window."""

    good: float
    """Good events; graded ones count by their grade."""
    total: int
    """Events that are known to be good or bad."""
    unknown: int = 0
    """Events of which that is not known."""

    @property
    def sli(self) -> Fraction | None:
        """Good over total; null without events."""
        return Fraction(self.good) / self.total if self.total else None

    @property
    def worst(self) -> "EventCounts":
        """The same with every unknown event as a bad one."""
        return EventCounts(self.good, self.total + self.unknown)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two windows that must both burn faster than a factor."""

    factor: Fraction
    long_s: int
    short_s: int


PAIRS: Final = (
    Pair(Fraction(72, 5), _HOUR, 300),
    Pair(Fraction(6), 6 * _HOUR, 1_800),
    Pair(Fraction(1), 3 * _DAY, 6 * _HOUR),
)


@dataclass(frozen=True, slots=True)
class Burn:
    """What a pair of windows says."""

    factor: float
    long_s: int
    short_s: int
    long: float | None
    """Burn rate over the long window; null without events."""
    short: float | None
    """Burn rate over the short window."""
    firing: bool
    """Whether both are above the factor, on at least 2 bad events in the long window."""


@dataclass(frozen=True, slots=True)
class SloState:
    """Where an objective stands."""

    status: Status
    reason: str
    """Why, in a few words."""
    objective: float
    sli: float | None
    interval: tuple[float, float] | None
    """95 % interval of the SLI (Wilson)."""
    consumed: float | None
    """Share of the error budget that is spent; more than 1 is overspent."""
    remaining: float | None
    """1 - consumed."""
    budget_s: float
    """The error budget as time: (1 - objective) of the window."""
    burns: tuple[Burn, ...]
    days_left: float | None
    """Days until the budget is spent at the present rate; null: never, or unknown."""
    counts: EventCounts


def burn_rate(counts: EventCounts, objective: Fraction) -> Fraction | None:
    """Return how many times faster than allowed the budget is spent; null without events."""
    sli = counts.sli
    return None if sli is None else (1 - sli) / (1 - objective)


def slo_state(
    objective: float,
    window_s: int,
    counts_of: Callable[[int], EventCounts],
    *,
    sampled: bool = False,
) -> SloState:
    """Say where an objective stands.

    Args:
        objective: The share of good events that is wanted, between 0 and 1.
        window_s: The rolling window in seconds.
        counts_of: Returns the events of the last so many seconds.
        sampled: Whether unknown events are left out, as the known ones are a fair sample; else an
            unknown event that could change the status leaves it open.
    """
    wanted = Fraction(str(objective))
    pairs = [pair for pair in PAIRS if pair.long_s <= window_s]
    windows = {window_s, *(p.long_s for p in pairs), *(p.short_s for p in pairs)}
    seen = {length: counts_of(length) for length in windows}
    whole = seen[window_s]
    burns = tuple(_burn(pair, seen, wanted) for pair in pairs)
    consumed = burn_rate(whole, wanted)
    status, reason = _status(seen, window_s, wanted, pairs)
    if whole.unknown and not sampled:
        worst = {length: counts.worst for length, counts in seen.items()}
        if _status(worst, window_s, wanted, pairs)[0] != status:
            total = whole.total + whole.unknown
            status = "not enough data"
            reason = f"{whole.unknown} of {total} events are unknown, and could change the status"
    return SloState(
        status=status,
        reason=reason,
        objective=objective,
        sli=None if whole.sli is None else float(whole.sli),
        interval=wilson(round(whole.good), whole.total) if whole.total else None,
        consumed=None if consumed is None else float(consumed),
        remaining=None if consumed is None else float(1 - consumed),
        budget_s=float((1 - wanted) * window_s),
        burns=burns,
        days_left=_days_left(consumed, seen, pairs, wanted, window_s),
        counts=whole,
    )


def _burn(pair: Pair, seen: Mapping[int, EventCounts], wanted: Fraction) -> Burn:
    long, short = (burn_rate(seen[length], wanted) for length in (pair.long_s, pair.short_s))
    return Burn(
        factor=float(pair.factor),
        long_s=pair.long_s,
        short_s=pair.short_s,
        long=None if long is None else float(long),
        short=None if short is None else float(short),
        firing=_fires(pair, seen, wanted),
    )


def _fires(pair: Pair, seen: Mapping[int, EventCounts], wanted: Fraction) -> bool:
    long, short = (burn_rate(seen[length], wanted) for length in (pair.long_s, pair.short_s))
    bad = seen[pair.long_s].total - seen[pair.long_s].good
    return (
        long is not None
        and short is not None
        and min(long, short) > pair.factor
        and bad >= _MIN_BAD
    )


def _status(
    seen: Mapping[int, EventCounts], window_s: int, wanted: Fraction, pairs: list[Pair]
) -> tuple[Status, str]:
    """Decide; what the events cannot bear out is not decided."""
    whole = seen[window_s]
    consumed = burn_rate(whole, wanted)
    if consumed is None:
        return "not enough data", "there are no events in the window"
    needed = -(-1 // (1 - wanted))  # the fewest events of which one may be bad
    if whole.total < needed and wilson(round(whole.good), whole.total)[1] >= wanted:
        return "not enough data", f"{whole.total} events; a budget of one event takes {needed}"
    if consumed >= 1:
        return "exhausted", f"{percent_text(float(consumed))} of the budget is spent"
    firing = [pair for pair in pairs if _fires(pair, seen, wanted)]
    if firing:
        long_h = firing[0].long_s / _HOUR
        rate = burn_rate(seen[firing[0].long_s], wanted) or Fraction(0)
        return "burning", f"{float(rate):.1f} times too fast over {long_h:g} h"
    return "met", f"{percent_text(float(1 - consumed))} of the budget is left"


def _days_left(
    consumed: Fraction | None,
    seen: Mapping[int, EventCounts],
    pairs: list[Pair],
    wanted: Fraction,
    window_s: int,
) -> float | None:
    """Divide what is left by the rate of the longest pair of windows that has events."""
    if consumed is None:
        return None
    if consumed >= 1:
        return 0.0
    lengths = sorted((pair.long_s for pair in pairs), reverse=True)
    rates = (burn_rate(seen[length], wanted) for length in (*lengths, window_s))
    rate = next((one for one in rates if one is not None), None)
    return float((1 - consumed) * window_s / _DAY / rate) if rate else None
