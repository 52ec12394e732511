"""Counting: the busiest window of a load, and what to reserve for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from evalgate.errors import ConfigError
from evalgate.quota.quota import Quota, Request, real_cost, reserve
from evalgate.quota.units import seconds
from evalgate.stress.load.workload import Rows, Workload


@dataclass(frozen=True, slots=True)
class Arrival:
    """One call as it was offered: nanoseconds, and what it costs."""

    time: int
    request: Request


@dataclass(frozen=True, slots=True)
class Peak:
    """The busiest window of one dimension."""

    dimension: str
    start: float
    """Seconds after the first arrival."""
    amount: int
    """Units in that window."""


def reserved(peak: int, growth: float) -> int:
    """Return peak x (1 + growth), rounded up: 100,000 x 1.2 = 120,000.

    Args:
        peak: Units in the busiest window.
        growth: Share that is added, e.g. 0.2.
    """
    exact = peak * (1 + Fraction(str(growth)))
    return -(-exact.numerator // exact.denominator)


def busiest_window(moments: Sequence[int], amounts: Sequence[int], window: int) -> tuple[int, int]:
    """Find the busiest window of the limit's own length, wherever it starts.

    Args:
        moments: Nanoseconds, sorted, at least one.
        amounts: Units at each moment.
        window: Nanoseconds; what lies exactly one window apart does not count together.

    Returns:
        The start of the first busiest window and its units.
    """
    if not moments:
        raise ConfigError("capacity: expected at least one call with its time, found none")
    best_start, best, inside, last = moments[0], 0, 0, 0
    for first, start in enumerate(moments):
        while last < len(moments) and moments[last] < start + window:
            inside += amounts[last]
            last += 1
        if inside > best:
            best_start, best = start, inside
        inside -= amounts[first]
    return best_start, best


def peaks(arrivals: Iterable[Arrival], quota: Quota) -> tuple[Peak, ...]:
    """Return the busiest window of every dimension."""
    calls = list(arrivals)
    moments = [call.time for call in calls]
    cost = real_cost if quota.settles else reserve
    costs = [cost(quota, call.request) for call in calls]
    found = []
    for index, dimension in enumerate(quota.dimensions):
        amounts = [charges[index] for charges in costs]
        start, amount = busiest_window(moments, amounts, dimension.window)
        found.append(Peak(dimension.name, seconds(start - moments[0]), amount))
    return tuple(found)


def ideal_arrivals(workload: Workload, starts: Iterable[tuple[int, int, int]]) -> list[Arrival]:
    """Return all calls as they would come if nothing were ever refused, in order of time.

    Args:
        workload: What is offered.
        starts: Time, group and plan of each session.
    """
    found: list[Arrival] = []
    for time, group, index in starts:
        plans = workload.groups[group].plans
        if isinstance(plans, Rows):
            found.append(Arrival(time, plans.arrivals.request(index)))
            continue
        clock = time
        for stage in plans[index].stages:
            clock += stage.gap
            found += [Arrival(clock + call.offset, call.request) for call in stage.calls]
            clock += max((call.offset + call.duration for call in stage.calls), default=0)
    found.sort(key=lambda arrival: arrival.time)
    return found
