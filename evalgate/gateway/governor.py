"""The governor of our own spending: live calls pass it, one organisation's limits hold for all.

Calls wait in one queue, by priority and then by arrival, until the shared quota model admits them;
a throttled call pauses the whole queue for as long as the server says, plus full jitter, instead
of every session retrying on its own. A budget in USD is reserved before a call and settled after.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from random import Random

from evalgate.gateway.wire.errors import ProviderError
from evalgate.quota.backoff import backoff
from evalgate.quota.quota import (
    Admitted,
    NeverFits,
    Quota,
    Request,
    Reservation,
    admit,
    new_state,
    real_cost,
    settle,
)
from evalgate.quota.units import nanoseconds, seconds
from evalgate.schema.usage import Usage

Price = Callable[[str, Usage], float | None]
"""Model and tokens to USD; None where the price is unknown."""

_CHARACTERS_A_TOKEN = 4
_OUTPUT_IF_UNSAID = 4096
"""Output tokens that are reserved for where the request sets no limit."""

_BASE, _CAP = 0.5, 20.0
"""Seconds: full jitter is drawn from 0 to min(cap, base * 2^n)."""


@dataclass(frozen=True, slots=True)
class GovernorSettings:
    """Under which limits live calls are made."""

    quota: Quota
    """The account's limits; a `Quota()` without any limits nothing."""
    max_retries: int = 4
    """Times a throttled or overloaded call is sent again."""
    max_wait: float = 120.0
    """Seconds; a longer hint of the server ends the retries."""
    budget_usd: float | None = None
    """What may be spent; None: no limit."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call will need, before it is made."""

    model: str
    input_tokens: int
    max_tokens: int | None
    """The output limit asked for."""


@dataclass(frozen=True, slots=True)
class Permit:
    """A call may be made now."""

    estimate: Estimate
    """What it was granted for."""
    reservation: Reservation
    """What was taken from the quota."""
    reserved_usd: float
    """What was taken from the budget."""


def estimate_tokens(body: bytes) -> int:
    """Estimate the input tokens of a request from its size, as providers' limiters do."""
    return -(-len(body) // _CHARACTERS_A_TOKEN)


class Governor:
    """One queue for all live calls of this process."""

    def __init__(
        self,
        settings: GovernorSettings,
        price: Price,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        rng: Random,
    ) -> None:
        """Start with nothing spent."""
        self.settings = settings
        self.spent_usd = 0.0
        """What the finished calls cost; an unknown cost counts as what was reserved."""
        self.calls = 0
        """Calls that were admitted."""
        self._price = price
        self._clock = clock
        self._sleep = sleep
        self._rng = rng
        self._state = new_state(settings.quota)
        self._reserved = 0.0
        self._paused_until = 0.0
        self._numbers = count()
        self._queue: list[tuple[int, int, Estimate, asyncio.Future[Reservation | str]]] = []
        self._pump: asyncio.Task[None] | None = None
        self._freed = asyncio.Event()

    async def enter(self, estimate: Estimate, *, priority: int = 0) -> Permit | ProviderError:
        """Wait for a place.

        Args:
            estimate: What the call will need.
            priority: Lower goes first.

        Returns:
            The permit, to be given back with `leave`; or why the call is not made.
        """
        reserved = self._reserve(estimate)
        if isinstance(reserved, ProviderError):
            return reserved
        waiter: asyncio.Future[Reservation | str] = asyncio.get_running_loop().create_future()
        heappush(self._queue, (priority, next(self._numbers), estimate, waiter))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._admit_in_order())
        try:
            place = await waiter
        except asyncio.CancelledError:
            self._reserved -= reserved
            raise
        if isinstance(place, str):
            self._reserved -= reserved
            message = f"evalgate: the request is larger than the whole limit of {place}"
            return ProviderError(400, "never_fits", message)
        self.calls += 1
        return Permit(estimate, place, reserved)

    def _reserve(self, estimate: Estimate) -> float | ProviderError:
        output = _OUTPUT_IF_UNSAID if estimate.max_tokens is None else estimate.max_tokens
        usage = Usage(input=estimate.input_tokens, output=output)
        cost = self._price(estimate.model, usage)
        budget = self.settings.budget_usd
        if budget is not None and cost is None:
            message = (
                f"evalgate: the price of {estimate.model!r} is unknown, so the budget of "
                f"{budget:g} USD cannot be kept; set its price, or no budget"
            )
            return ProviderError(403, "price_unknown", message)
        cost = cost or 0.0
        if budget is not None and self.spent_usd + self._reserved + cost > budget:
            message = (
                f"evalgate: this call may cost {cost:.4f} USD, and {self.spent_usd:.4f} of the "
                f"budget of {budget:g} USD are spent, {self._reserved:.4f} reserved"
            )
            return ProviderError(403, "budget_exhausted", message)
        self._reserved += cost
        return cost

    async def _admit_in_order(self) -> None:
        while self._queue:
            _, _, estimate, waiter = self._queue[0]
            if waiter.done():
                heappop(self._queue)
                continue
            now = self._clock()
            if now < self._paused_until:
                await self._sleep(self._paused_until - now)
                continue
            request = Request(estimate.input_tokens, max_tokens=estimate.max_tokens)
            decision = admit(self._state, request, nanoseconds(now))
            if isinstance(decision, Admitted):
                heappop(self._queue)
                waiter.set_result(decision.reservation)
            elif isinstance(decision, NeverFits):
                heappop(self._queue)
                waiter.set_result(decision.dimension)
            elif decision.retry_after is None:
                self._freed.clear()
                await self._freed.wait()
            else:
                await self._sleep(seconds(decision.retry_after))

    def leave(self, permit: Permit, usage: Usage | None) -> None:
        """Give a permit back.

        Args:
            permit: What `enter` gave.
            usage: What the call used; None where that is not known: what was reserved counts.
        """
        self._reserved -= permit.reserved_usd
        cost = None if usage is None else self._price(permit.estimate.model, usage)
        self.spent_usd += permit.reserved_usd if cost is None else cost
        settle(self._state, permit.reservation, self._real(usage), nanoseconds(self._clock()))
        self._freed.set()

    def _real(self, usage: Usage | None) -> tuple[int, ...] | None:
        if usage is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        cached = usage.cached_tokens or 0
        used = Request(usage.input_tokens, usage.output_tokens, cached_tokens=cached)
        return real_cost(self.settings.quota, used)

    def wait_before_retry(self, tries: int, hint: float | None) -> float | None:
        """Return how long to wait after a throttled or overloaded attempt, and pause the queue.

        Args:
            tries: Attempts made so far, at least 1.
            hint: Seconds the server asked for; None: it did not.

        Returns:
            Seconds, the hint plus full jitter; None where the call is given up.
        """
        if tries > self.settings.max_retries or (hint or 0.0) > self.settings.max_wait:
            return None
        jitter = self._rng.uniform(0.0, backoff(tries, _BASE, _CAP))
        if hint is not None:
            self._paused_until = max(self._paused_until, self._clock() + hint)
        return (hint or 0.0) + jitter
