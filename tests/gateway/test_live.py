"""Live calls under the governor: over real sockets, with real waits."""

import asyncio
import time
from random import Random
from typing import Any

import openai
import pytest

from evalgate.gateway.governor import Governor, GovernorSettings
from evalgate.gateway.wire.base import Usage
from evalgate.quota.quota import Quota

Loose = Any
"""Fixtures; the types of `conftest.py` cannot be imported from here."""

ASKED: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 50}


def _price(_model: str, usage: Usage) -> float | None:
    return ((usage.input_tokens or 0) + (usage.output_tokens or 0)) / 1000


def _governed(gateway: Loose, model: Loose, mode: str = "record", **settings: object) -> Loose:
    chosen: Any = {"quota": Quota(), **settings}
    governor = Governor(
        GovernorSettings(**chosen),
        _price,
        clock=time.monotonic,
        sleep=asyncio.sleep,
        rng=Random(7),  # noqa: S311  jitter
    )
    return gateway(mode, model.origin, app={"governor": governor}), governor


def _agent(url: str) -> str | None:
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        return client.chat.completions.create(**ASKED).choices[0].message.content


def test_our_own_retries_are_not_the_agents(gateway: Loose, model: Loose, text: Loose) -> None:
    """Throttled attempts of a recording are ours: in the trace as such, no wait in its time."""
    throttled = text.scripted(b'{"error":{}}', 429, headers={"retry-after-ms": "300"})
    model.then(throttled, throttled)
    started, governor = _governed(gateway, model)
    begun = time.monotonic()
    outcome = started.during(_agent)
    (call,) = outcome.steps
    assert [429, 429, 200] == [attempt.status for attempt in call.attempts]
    assert ["throttled", "throttled", None] == [attempt.error for attempt in call.attempts]
    assert (3, 0.3, None) == (len(model.seen), call.attempts[0].retry_after, call.error)
    assert time.monotonic() - begun > 0.6
    assert call.end - call.start < 0.3
    assert (1, 0.018) == (governor.calls, pytest.approx(governor.spent_usd))
    (replayed,) = gateway("replay").during(_agent).steps
    assert call.model_copy(update={"attempts": call.attempts[-1:]}) == replayed


def test_a_date_is_a_hint_too(gateway: Loose, model: Loose, text: Loose) -> None:
    """`Retry-After` as an HTTP date (RFC 9110, 10.2.3) is waited for, by the server's clock."""
    later = "Wed, 21 Oct 2026 07:28:01 GMT"
    now = "Wed, 21 Oct 2026 07:28:00 GMT"
    model.then(text.scripted(b'{"error":{}}', 429, headers={"retry-after": later, "date": now}))
    started, _ = _governed(gateway, model)
    begun = time.monotonic()
    (call,) = started.during(_agent).steps
    assert 1.0 == call.attempts[0].retry_after
    assert time.monotonic() - begun > 1.0


def test_an_error_inside_a_success_is_an_attempt(gateway: Loose, model: Loose, text: Loose) -> None:
    """An error that comes with status 200 is an outage: a repeat is an attempt of the same call."""
    model.then(text.scripted(b'{"error": {"message": "Provider returned error", "code": 502}}'))

    def twice(url: str) -> None:
        with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
            for _ in range(2):
                client.chat.completions.create(**ASKED)

    started, _ = _governed(gateway, model)
    (call,) = started.during(twice).steps
    assert ["server_error", None] == [attempt.error for attempt in call.attempts]
    assert (call,) == gateway("replay").during(twice).steps


def test_an_outage_is_no_recording(gateway: Loose, model: Loose, text: Loose) -> None:
    """A stream that turns into an error is not recorded as the answer."""
    error = {"error": {"code": "502", "message": "overloaded"}}
    broken = text.sse(text.chat_chunk({"content": "he"}), error)
    model.then(text.scripted(content_type="text/event-stream", chunks=broken))

    def ask(url: str) -> None:
        with (
            openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client,
            pytest.raises(openai.APIError),
        ):
            list(client.chat.completions.create(**ASKED, stream=True))

    started, _ = _governed(gateway, model)
    outcome = started.during(ask)
    assert ["server_error"] == [attempt.error for attempt in outcome.steps[0].attempts]
    assert "not recorded" in outcome.problems[0]
    assert "not_measured" == gateway("replay").during(ask).status


def test_retries_end_and_the_agent_sees_the_last(gateway: Loose, model: Loose, text: Loose) -> None:
    """After N retries of ours the provider's own error reaches the agent."""
    model.answer = lambda _seen: text.scripted(
        b'{"error":{}}', 529, headers={"retry-after-ms": "1"}
    )
    started, _ = _governed(gateway, model, max_retries=2)
    session = started.sessions.open("case-1")
    with pytest.raises(openai.InternalServerError):
        _agent(started.url(session))
    assert 3 == len(model.seen)
    assert "overloaded" == started.sessions.close(session).steps[0].error


def test_an_empty_budget_is_no_evidence(gateway: Loose, model: Loose) -> None:
    """A call that the budget does not cover is not made, and the trial is not measured."""
    started, governor = _governed(gateway, model, budget_usd=0.09)
    assert started.during(_agent).status is None
    session = started.sessions.open("case-2")
    _agent(started.url(session))
    for _ in range(2):
        with pytest.raises(openai.PermissionDeniedError) as caught:
            _agent(started.url(session))
    outcome = started.sessions.close(session)
    assert ("budget_exhausted", "not_measured") == (caught.value.code, outcome.status)
    assert "of the budget of 0.09 USD" in outcome.error
    assert governor.spent_usd < 0.09


def test_requests_a_minute_hold_over_sockets(gateway: Loose, model: Loose) -> None:
    """Twelve agents at once under 600 requests a minute, burst 2: a queue, no 429, no storm."""
    started, _ = _governed(gateway, model, mode="off", quota=Quota(rpm=600, burst=2))

    async def run() -> float:
        begun = time.monotonic()
        sessions = [started.sessions.open(f"case-{n}") for n in range(12)]

        async def one(url: str) -> None:
            async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
                await client.chat.completions.create(**ASKED)

        await asyncio.gather(*(one(started.url(session)) for session in sessions))
        return time.monotonic() - begun

    assert asyncio.run(run()) >= 0.99
    assert 12 == len(model.seen)
