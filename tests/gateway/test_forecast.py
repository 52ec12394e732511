"""The forecast of a live run: sums, what limits it, and that unknown stays unknown."""

from typing import Any

import httpx2
import pytest

from evalgate.gateway.cassette_index import CassetteIndex
from evalgate.gateway.forecast import PlannedCall, forecast, planned_calls
from evalgate.gateway.wire.base import Usage
from evalgate.quota.quota import Quota

Loose = Any
"""Fixtures; the types of `conftest.py` cannot be imported from here."""


def _price(model: str, usage: Usage) -> float | None:
    return None if model == "x" else (usage.input_tokens or 0) * 0.001


def _call(case: str, model: str = "m", seconds: float = 2.0) -> PlannedCall:
    return PlannedCall((case, 0), model, Usage(input=100, output=50), seconds)


def test_sums() -> None:
    """Calls, tokens and cost add up; time is the longest of work, trial and limits."""
    calls = [_call("a"), _call("a"), _call("b")]
    found = forecast(calls, Quota(), _price, concurrency=2)
    assert (2, 3, 300, 150, 4.0) == (
        found.cases,
        found.calls,
        found.input_tokens,
        found.output_tokens,
        found.seconds,
    )
    assert 0.3 == pytest.approx(found.cost_usd)
    assert "2 of 9 cases need a live run: about 0.30 USD, 1 min" == found.sentence(9)


def test_limits_take_time() -> None:
    """Three calls at one a minute take three minutes; 450 tokens at 90 a minute take five."""
    calls = [_call("a"), _call("b"), _call("c")]
    assert 180.0 == forecast(calls, Quota(rpm=1), _price, concurrency=9).seconds
    assert 300.0 == forecast(calls, Quota(tpm=90), _price, concurrency=9).seconds


def test_an_unknown_price_makes_the_cost_unknown() -> None:
    """The cost of a part is not the cost of the whole."""
    found = forecast([_call("a"), _call("b", "x")], Quota(), _price, concurrency=1)
    assert (None, ("x",)) == (found.cost_usd, found.unpriced)
    assert "an unknown sum" in found.sentence(2)


def test_unknown_tokens_stay_unknown() -> None:
    """A call without usage makes the sum of tokens unknown."""
    blind = PlannedCall(("a", 0), "m", Usage(), 1.0)
    found = forecast([_call("a"), blind], Quota(), _price, concurrency=1)
    assert (None, None) == (found.input_tokens, found.output_tokens)


def test_from_cassettes(gateway: Loose, model: Loose) -> None:
    """The calls of a cassette are what recording it again will take."""
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    recorder = gateway("record", model.origin)
    recorder.during(lambda url: httpx2.post(f"{url}/chat/completions", json=asked, trust_env=False))
    cassette = CassetteIndex(recorder.directory).cassette("case-1")
    assert not isinstance(cassette, Exception)
    (planned,) = planned_calls("case-1", cassette)
    assert ("gpt-4o-mini-2024-07-18", 11, 7) == (
        planned.model,
        planned.usage.input_tokens,
        planned.usage.output_tokens,
    )
