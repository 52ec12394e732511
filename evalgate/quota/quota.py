"""The quota model: limits as data, and one `admit` for simulator, gateway and governor.

The state belongs to the caller and is handed in; nothing else is remembered, no clock is read.
Times are whole nanoseconds and costs whole tokens, so every decision is exact (see
`docs/design/quota-model.md`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from evalgate.quota.limiters import (
    Bucket,
    FixedWindow,
    Limiter,
    SlidingCounter,
    SlidingLog,
    take_one,
    take_two,
)
from evalgate.quota.limits import (
    Charge,
    Dimension,
    DimensionName,
    Hint,
    LimiterName,
    Quota,
    Request,
)

__all__ = [
    "NO_HINT",
    "Admitted",
    "Charge",
    "Decision",
    "Dimension",
    "DimensionName",
    "DimensionUse",
    "Hint",
    "LimiterName",
    "NeverFits",
    "Quota",
    "QuotaState",
    "Rejected",
    "Request",
    "Reservation",
    "admit",
    "attempt",
    "attempt_on",
    "new_state",
    "oversized",
    "real_cost",
    "release",
    "reserve",
    "settle",
    "use",
]

NO_HINT = -1
"""The wait of a rejection that nobody can foretell: a slot frees when some call ends."""


class Reservation(NamedTuple):
    """What was taken for one admitted call: one cost a dimension, and when."""

    charges: tuple[int, ...]
    at: int


class DimensionUse(NamedTuple):
    """How full one limit is: units, and nanoseconds until nothing is in use."""

    name: DimensionName
    limit: int
    used: int
    remaining: int
    reset: int


class QuotaState:
    """What is in use at one moment. Owned by the caller; changed only by this module."""

    __slots__ = (
        "binding",
        "in_flight",
        "limiters",
        "max_concurrency",
        "names",
        "one",
        "quota",
        "requests",
        "two",
    )

    def __init__(self, quota: Quota, start: int | None) -> None:
        """Use `new_state`."""
        self.quota = quota
        self.limiters = tuple(_limiter(quota, d, start) for d in quota.dimensions)
        self.max_concurrency = quota.max_concurrency
        self.in_flight = 0
        self.binding: DimensionName = "requests"
        counted = quota.count_rejected and quota.rpm is not None
        self.requests = self.limiters[0] if counted else None
        self.names = tuple(d.name for d in quota.dimensions)
        if self.names:
            self.binding = self.names[0]
        # The shapes the inner loop takes by a shorter way; decisions are the same on both.
        plain = quota.max_concurrency is None and not counted
        buckets = [x for x in self.limiters if isinstance(x, Bucket)] if plain else []
        self.one = buckets[0] if len(buckets) == 1 else None
        self.two = (buckets[0], buckets[1]) if len(buckets) == 2 else None


def _limiter(quota: Quota, dimension: Dimension, start: int | None) -> Limiter:
    if quota.limiter == "bucket":
        room = dimension.room * dimension.window
        return Bucket(dimension.limit, dimension.window, room)
    if quota.limiter == "fixed":
        return FixedWindow(dimension.limit, dimension.window, start)
    if quota.limiter == "sliding":
        return SlidingLog(dimension.limit, dimension.window)
    return SlidingCounter(dimension.limit, dimension.window, start)


def new_state(quota: Quota, start: int | None = None) -> QuotaState:
    """Return a state in which nothing is in use.

    Args:
        quota: The limits.
        start: A moment in nanoseconds at which a fixed window starts; None: the first arrival.
    """
    return QuotaState(quota, start)


@dataclass(frozen=True, slots=True)
class Admitted:
    """The call may go ahead; `reservation` is to be settled when it ends."""

    reservation: Reservation


@dataclass(frozen=True, slots=True)
class Rejected:
    """The call does not fit now; `retry_after` nanoseconds, None where nobody can foretell."""

    retry_after: int | None
    dimension: DimensionName


@dataclass(frozen=True, slots=True)
class NeverFits:
    """The call is larger than the whole limit: waiting does not help."""

    dimension: DimensionName


Decision = Admitted | Rejected | NeverFits


def reserve(quota: Quota, request: Request) -> tuple[int, ...]:
    """Return what a call is charged at admission, one whole number a dimension."""
    rule = quota.charge
    text, ceiling = request.input_tokens, request.max_tokens
    output = request.output_tokens if request.output_tokens is not None else ceiling or 0
    total = text + output
    if rule == "anthropic":
        text -= request.cached_tokens
        # One token holds the door: with an empty output bucket nothing starts.
        output = 1
        total = text + 1
    elif rule != "actual" and ceiling is not None:
        output = ceiling
        total = max(text, ceiling) if rule == "max" else text + ceiling
    return _by_dimension(quota, total, text, output)


def real_cost(quota: Quota, request: Request) -> tuple[int, ...]:
    """Return what a finished call really cost, one whole number a dimension."""
    text = request.input_tokens
    if quota.charge == "anthropic":
        text -= request.cached_tokens
    output = request.output_tokens or 0
    return _by_dimension(quota, text + output, text, output)


def _by_dimension(quota: Quota, total: int, text: int, output: int) -> tuple[int, ...]:
    costs = {"requests": 1, "tokens": total, "input_tokens": text, "output_tokens": output}
    return tuple(costs[d.name] for d in quota.dimensions)


def oversized(quota: Quota, charges: tuple[int, ...]) -> DimensionName | None:
    """Return the dimension in which a call is larger than the whole limit, if there is one."""
    for dimension, cost in zip(quota.dimensions, charges, strict=True):
        if cost > dimension.room:
            return dimension.name
    return None


def attempt(state: QuotaState, charges: tuple[int, ...], now: int) -> int:
    """Take all costs at `now` or none of them: the inner loop of everything.

    Args:
        state: What is in use; changed when the call fits (or rejections count).
        charges: What `reserve` returned, and `oversized` found to fit.
        now: Nanoseconds, not before the last call's.

    Returns:
        0 when the costs were taken; else the nanoseconds until they would fit, or `NO_HINT`.
        `state.binding` then names the dimension with the longest wait.
    """
    if state.one is not None:
        return take_one(state.one, charges[0], now)
    if state.two is not None:
        one, two = state.two
        first, second = take_two(one, two, charges, now)
        if not first and not second:
            return 0
        state.binding = state.names[second > first]
        return first if first >= second else second  # noqa: FURB136  hot
    return _attempt_any(state, charges, now)


def attempt_on(state: QuotaState) -> Callable[[tuple[int, ...], int], int]:
    """Return `attempt` bound to a state, by the shortest way for its shape.

    Args:
        state: What is in use; the returned function changes it.
    """
    bucket = state.one
    if bucket is None:
        return lambda charges, now: attempt(state, charges, now)
    limit, window, capacity = bucket.limit, bucket.window, bucket.capacity

    def one(charges: tuple[int, ...], now: int) -> int:
        at = now * limit
        level = bucket.full_at
        if level < at:  # noqa: PLR1730  hot
            level = at
        level += charges[0] * window
        over = level - at - capacity
        if over > 0:
            return -(-over // limit)
        bucket.full_at = level
        return 0

    return one


def _attempt_any(state: QuotaState, charges: tuple[int, ...], now: int) -> int:
    if state.max_concurrency is not None and state.in_flight >= state.max_concurrency:
        state.binding = "concurrency"
        if state.requests is not None:
            state.requests.waste(1, now)
        return NO_HINT
    waits = [limiter.wait(cost, now) for limiter, cost in zip(state.limiters, charges, strict=True)]
    longest = max(waits, default=0)
    if longest:
        state.binding = state.names[waits.index(longest)]
        return longest if state.requests is None else _count_rejected(state, longest, now)
    for limiter, cost in zip(state.limiters, charges, strict=True):
        limiter.take(cost, now)
    if state.max_concurrency is not None:
        state.in_flight += 1
    return 0


def _count_rejected(state: QuotaState, wait: int, now: int) -> int:
    requests = state.limiters[0]
    requests.waste(1, now)
    counted = requests.wait(1, now)
    if counted > wait:
        state.binding = "requests"
    return max(wait, counted)


def admit(state: QuotaState, request: Request, now: int) -> Decision:
    """Decide on one attempt: atomic over requests, tokens and concurrency.

    Args:
        state: What is in use; changed in place when the call is admitted.
        request: The call.
        now: Nanoseconds on the caller's clock, not before the last call's.

    Returns:
        The decision.
    """
    charges = reserve(state.quota, request)
    dimension = oversized(state.quota, charges)
    if dimension is not None:
        if state.requests is not None:
            state.requests.waste(1, now)
        return NeverFits(dimension)
    wait = attempt(state, charges, now)
    if wait == 0:
        return Admitted(Reservation(charges, now))
    return Rejected(None if wait == NO_HINT else wait, state.binding)


def settle(
    state: QuotaState, reservation: Reservation, real: tuple[int, ...] | None, now: int
) -> None:
    """End a call: free its slot and correct its charge to the real cost.

    Args:
        state: What is in use; changed in place.
        reservation: What `admit` gave.
        real: What `real_cost` returned; None where the cost is unknown: the reservation stands.
        now: Nanoseconds.
    """
    release(state)
    if real is None or not state.quota.settles:
        return
    for limiter, taken, cost in zip(state.limiters, reservation.charges, real, strict=True):
        if cost != taken:
            limiter.take(cost - taken, now, reservation.at)


def release(state: QuotaState) -> None:
    """Free the slot of a call that ended; without a limit on concurrency none was taken."""
    if state.max_concurrency is not None:
        state.in_flight -= 1


def use(state: QuotaState, now: int) -> tuple[DimensionUse, ...]:
    """Return how full each limit over time is, for headers and for watching."""
    found = []
    for dimension, limiter in zip(state.quota.dimensions, state.limiters, strict=True):
        used = limiter.used(now)
        left = max(0, dimension.room - used)
        found.append(DimensionUse(dimension.name, dimension.limit, used, left, limiter.reset(now)))
    return tuple(found)
