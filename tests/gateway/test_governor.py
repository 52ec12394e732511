"""The governor: one queue, the quota model's limits, jittered retries, a budget that holds."""

import asyncio
from random import Random

import pytest

from evalgate.gateway.governor import Estimate, Governor, GovernorSettings, Permit
from evalgate.gateway.wire.base import Usage
from evalgate.gateway.wire.errors import ProviderError
from evalgate.quota.quota import Quota

SMALL = Estimate("m", 100, 100)


class VirtualTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        """Start at zero."""
        self.now = 0.0

    def clock(self) -> float:
        """Return the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let everybody else run as far as they get, then move the clock."""
        for _ in range(5):
            await asyncio.sleep(0)
        self.now += seconds


def _price(model: str, usage: Usage) -> float | None:
    if model == "unknown":
        return None
    return ((usage.input_tokens or 0) + (usage.output_tokens or 0)) / 1000


def _governor(time: VirtualTime, **settings: object) -> Governor:
    chosen = GovernorSettings(**{"quota": Quota(), **settings})  # type: ignore[arg-type]
    return Governor(chosen, _price, clock=time.clock, sleep=time.sleep, rng=Random(7))  # noqa: S311  jitter


def _run(governor: Governor, estimates: list[Estimate], time: VirtualTime) -> list[float]:
    async def one(estimate: Estimate) -> float:
        permit = await governor.enter(estimate)
        assert isinstance(permit, Permit)
        entered = time.now
        governor.leave(permit, Usage(input=100, output=100))
        return entered

    async def everything() -> list[float]:
        return list(await asyncio.gather(*map(one, estimates)))

    return asyncio.run(everything())


def test_requests_a_minute_hold() -> None:
    """60 requests a minute with a burst of 10: ten at once, then one a second, in order."""
    time = VirtualTime()
    governor = _governor(time, quota=Quota(rpm=60, burst=10))
    entered = _run(governor, [SMALL] * 15, time)
    assert [0.0] * 10 + [1.0, 2.0, 3.0, 4.0, 5.0] == pytest.approx(entered)
    assert 15 == governor.calls


def test_tokens_a_minute_hold() -> None:
    """6,000 tokens a minute, 200 a call: thirty at once, then one every two seconds."""
    time = VirtualTime()
    entered = _run(_governor(time, quota=Quota(tpm=6_000)), [SMALL] * 32, time)
    assert [0.0] * 30 + [2.0, 4.0] == pytest.approx(entered)


def test_concurrency_holds() -> None:
    """With one place, a call waits until the one before it has left."""
    time = VirtualTime()
    governor = _governor(time, quota=Quota(max_concurrency=1))

    async def run() -> list[str]:
        order: list[str] = []
        first = await governor.enter(SMALL)
        waiting = asyncio.create_task(governor.enter(SMALL))
        await asyncio.sleep(0.01)
        order.append("waiting" if not waiting.done() else "entered")
        assert isinstance(first, Permit)
        governor.leave(first, None)
        assert isinstance(await waiting, Permit)
        return order

    assert ["waiting"] == asyncio.run(run())


def test_priority_goes_first() -> None:
    """Of those that wait, the lower number enters first."""
    time = VirtualTime()
    governor = _governor(time, quota=Quota(rpm=60, burst=1))

    async def run() -> list[int]:
        order: list[int] = []

        async def one(priority: int) -> None:
            await governor.enter(SMALL, priority=priority)
            order.append(priority)

        await governor.enter(SMALL)
        await asyncio.gather(*(one(priority) for priority in (2, 1, 0)))
        return order

    assert [0, 1, 2] == asyncio.run(run())


def test_what_never_fits_is_refused() -> None:
    """A call larger than the whole limit does not wait for ever."""
    time = VirtualTime()
    governor = _governor(time, quota=Quota(tpm=1_000))
    refused = asyncio.run(governor.enter(Estimate("m", 2_000, 0)))
    assert isinstance(refused, ProviderError)
    assert "never_fits" == refused.code


def test_the_budget_holds_at_any_concurrency() -> None:
    """Reserved costs count: calls at once cannot overdraw what calls one by one could not."""
    time = VirtualTime()
    governor = _governor(time, budget_usd=0.5)

    async def run() -> list[object]:
        return list(await asyncio.gather(*(governor.enter(SMALL) for _ in range(4))))

    found = asyncio.run(run())
    assert [True, True, False, False] == [isinstance(entered, Permit) for entered in found]
    assert isinstance(found[2], ProviderError)
    assert "budget_exhausted" == found[2].code
    for permit in found[:2]:
        assert isinstance(permit, Permit)
        governor.leave(permit, Usage(input=10, output=10))
    assert 0.04 == pytest.approx(governor.spent_usd)
    assert isinstance(asyncio.run(governor.enter(SMALL)), Permit)


def test_an_unknown_price_cannot_be_budgeted() -> None:
    """Unknown is not zero: with a budget such a call is refused, without one it is made."""
    time = VirtualTime()
    stranger = Estimate("unknown", 1, 1)
    refused = asyncio.run(_governor(time, budget_usd=1.0).enter(stranger))
    assert isinstance(refused, ProviderError)
    assert "price_unknown" == refused.code
    assert isinstance(asyncio.run(_governor(time).enter(stranger)), Permit)


def test_unknown_usage_costs_what_was_reserved() -> None:
    """A call that was cut counts in full."""
    time = VirtualTime()
    governor = _governor(time, budget_usd=1.0)
    permit = asyncio.run(governor.enter(SMALL))
    assert isinstance(permit, Permit)
    governor.leave(permit, None)
    assert 0.2 == pytest.approx(governor.spent_usd)


def test_retries_wait_for_the_hint_plus_jitter_and_end() -> None:
    """Hint + U(0, 0.5 * 2^n), at most N times; a hint beyond the cap ends it at once."""
    governor = _governor(VirtualTime(), max_retries=2)
    waits = [governor.wait_before_retry(tries, 3.0) for tries in (1, 2)]
    assert [True, True] == [
        wait is not None and 3.0 <= wait <= 3.0 + ceiling
        for wait, ceiling in zip(waits, (0.5, 1.0), strict=True)
    ]
    assert governor.wait_before_retry(3, 3.0) is None
    assert governor.wait_before_retry(1, 500.0) is None


def test_a_hint_pauses_the_whole_queue() -> None:
    """After a 429 nobody is sent before the server's time is over."""
    time = VirtualTime()
    governor = _governor(time)
    governor.wait_before_retry(1, 7.0)
    assert [7.0] == _run(governor, [SMALL], time)
