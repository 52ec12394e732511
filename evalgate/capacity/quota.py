"""The quota model: limits as data, and one `admit` for simulator, gateway and governor.

The state belongs to the caller and is handed in; nothing else is remembered, no clock is read.
Times are whole nanoseconds and costs whole tokens, so every decision is exact (see
`docs/design/quota-model.md`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from evalgate.capacity.limiters import (
    Bucket,
    FixedWindow,
    Limiter,
    SlidingLog,
    take_one,
    take_two,
)
from evalgate.capacity.units import nanoseconds
from evalgate.errors import ConfigError

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

LimiterName = Literal["bucket", "fixed", "sliding"]
"""Token bucket with continuous refill, fixed window, sliding log."""

Charge = Literal["actual", "max", "sum", "anthropic"]
"""What a call costs when it is admitted.

`actual`: input + output. `max`: the larger of max_tokens and the input (OpenAI). `sum`: input +
max_tokens (Azure). `anthropic`: input without cache reads, output as it is produced. Where
max_tokens is not known, `max` and `sum` charge the real cost.
"""

Hint = Literal["exact", "ms", "s", "none"]
"""How finely the server tells the wait: exactly, in ms, in whole seconds, or not at all."""

DimensionName = Literal["requests", "tokens", "input_tokens", "output_tokens", "concurrency"]

NO_HINT = -1
"""The wait of a rejection that nobody can foretell: a slot frees when some call ends."""

_LARGEST = 10**12


class Request(NamedTuple):
    """What the quota model needs to know of one call, in tokens."""

    input_tokens: int = 0
    """All input, cache reads included."""
    output_tokens: int | None = None
    """The real output where it is known beforehand (replay, simulation)."""
    max_tokens: int | None = None
    """The output limit that was asked for."""
    cached_tokens: int = 0
    """Input read from the provider's prompt cache."""


class Reservation(NamedTuple):
    """What was taken for one admitted call: one cost a dimension, and when."""

    charges: tuple[int, ...]
    at: int


class Dimension(NamedTuple):
    """One limit: `limit` units flow in every `window` nanoseconds, at most `room` at once."""

    name: DimensionName
    limit: int
    window: int
    room: int


class DimensionUse(NamedTuple):
    """How full one limit is: units, and nanoseconds until nothing is in use."""

    name: DimensionName
    limit: int
    used: int
    remaining: int
    reset: int


@dataclass(frozen=True)
class Quota:
    """The limits of one account at one provider.

    Raises:
        ConfigError: A limit is not a whole number from 1 to 10^12, or fields contradict.
    """

    rpm: int | None = None
    """Requests a window; None: no such limit."""
    tpm: int | None = None
    """Tokens, input and output together, a window."""
    input_tpm: int | None = None
    """Input tokens a window."""
    output_tpm: int | None = None
    """Output tokens a window."""
    max_concurrency: int | None = None
    """Calls in flight at once."""
    burst: int | None = None
    """Requests that a full bucket holds; None: as many as a window's."""
    limiter: LimiterName = "bucket"
    """How requests and tokens are counted."""
    window: float = 60.0
    """Seconds the limits are for."""
    request_window: float | None = None
    """Seconds over which requests are checked where that is finer than `window` (Azure)."""
    charge: Charge = "actual"
    """What a call costs when it is admitted."""
    settles: bool = True
    """Whether the difference to the real cost is given back (or taken) when the call ends."""
    count_rejected: bool = False
    """Whether a rejected attempt counts as a request, up to the limit."""
    hint: Hint = "ms"
    """How finely the wait is told to the client."""
    profile: str = "custom"
    """Whose error bodies and headers are sent."""

    def __post_init__(self) -> None:
        """Refuse what cannot be a quota."""
        for name in ("rpm", "tpm", "input_tpm", "output_tpm", "max_concurrency", "burst"):
            _check_count(name, getattr(self, name))
        for name in ("window", "request_window"):
            _check_window(name, getattr(self, name))
        if self.burst is not None and (self.rpm is None or self.limiter != "bucket"):
            raise ConfigError(
                f"burst: {self.burst!r} is the size of a bucket of requests, but limiter is "
                f"{self.limiter!r} and rpm is {self.rpm!r}",
                fix="set rpm and limiter: bucket, or leave burst out",
            )
        if self.count_rejected and self.rpm is None:
            raise ConfigError(
                "count_rejected: true counts requests, but there is no rpm",
                fix="set rpm, or leave count_rejected out",
            )

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The limits over time, in the order of every tuple of costs."""
        window = nanoseconds(self.window)
        found = [] if self.rpm is None else [self._requests(self.rpm, window)]
        tokens: tuple[tuple[DimensionName, int | None], ...] = (
            ("tokens", self.tpm),
            ("input_tokens", self.input_tpm),
            ("output_tokens", self.output_tpm),
        )
        found += [Dimension(name, n, window, n) for name, n in tokens if n is not None]
        return tuple(found)

    def _requests(self, rpm: int, window: int) -> Dimension:
        fine = window if self.request_window is None else nanoseconds(self.request_window)
        share = max(1, rpm * fine // window)
        if self.limiter == "bucket":
            return Dimension("requests", rpm, window, share if self.burst is None else self.burst)
        return Dimension("requests", share, fine, share)


def _check_count(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LARGEST:
        raise ConfigError(
            f"{name}: expected a whole number from 1 to 10^12, found {value!r}",
            fix=f"give {name} the provider's limit, or leave it out for no limit",
        )


def _check_window(name: str, value: float | None) -> None:
    if value is not None and not 1e-3 <= value <= 366 * 86_400:
        raise ConfigError(
            f"{name}: expected seconds from 0.001 to a year, found {value!r}",
            fix=f"set {name}: 60 for limits a minute",
        )


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
    return SlidingLog(dimension.limit, dimension.window)


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
    """Return what a finished call really cost, one whole number a dimension.

    Args:
        quota: The limits.
        request: The call with its real `output_tokens`.
    """
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
