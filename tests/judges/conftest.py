"""Shared parts: asking a chat judge live, over HTTP, with a sleep that only notes."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from evalgate.judges.base import Judge, Judged, Live, Meter, Question, Reply
from evalgate.judges.kinds.chat import Chat
from evalgate.judges.kinds.http import Http
from evalgate.schema.judge import Evidence


async def ask_live(_question: Question, live: Live) -> Reply:
    """Ask without a cache."""
    return await live()


class Asker:
    """Judges evidence with a judge behind a URL, and keeps what was spent and waited."""

    def __init__(self) -> None:
        """Nothing is spent yet."""
        self.meter = Meter()
        self.waits: list[float] = []

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def __call__(
        self,
        make: Callable[[Chat], Judge],
        url: str,
        evidence: Evidence,
        timeout_s: float = 5.0,
    ) -> Judged:
        """Judge one answer."""
        return self.run(make, url, lambda judge: judge.decide(evidence, ask_live, 0), timeout_s)

    def run(
        self,
        make: Callable[[Chat], Judge],
        url: str,
        use: Callable[[Judge], Coroutine[Any, Any, Any]],
        timeout_s: float = 5.0,
    ) -> Any:  # noqa: ANN401  # whatever the coroutine returns
        """Open the endpoint and use the judge."""

        async def main() -> object:
            async with Http(url, "key", timeout_s=timeout_s) as http:
                return await use(make(Chat(http, "judge-1", self.meter, self._sleep)))

        return asyncio.run(main())


@pytest.fixture
def asker() -> Asker:
    """Return a way to ask live."""
    return Asker()


@pytest.fixture
def refund() -> Evidence:
    """Return an answer of two claims, one of which its contexts support."""
    return Evidence(
        question="When do I get my money back?",
        answer="Refunds take 5 days. Shipping is refunded too.",
        contexts=("Refunds are paid within 5 days of the return.", "Shipping is never refunded."),
    )
