"""Sessions: who is who, workers that change trials, and two hundred agents at once."""

import asyncio
import json
import time
from typing import Any

import httpx2
import pytest

from evalgate.gateway.cassette_index import CassetteIndex
from evalgate.gateway.sessions import GatewaySettings, Session, Sessions

Loose = Any
"""Fixtures; the types of `conftest.py` cannot be imported from here."""


def _post(url: str, content: str) -> httpx2.Response:
    body = {"model": "m", "messages": [{"role": "user", "content": content}]}
    with httpx2.Client(trust_env=False, timeout=60) as client:
        return client.post(f"{url}/chat/completions", json=body)


def test_environment_points_every_client_here() -> None:
    """OpenAI, Azure and Anthropic variables, and no proxy in between."""
    found = Session("tok").environment("http://127.0.0.1:9", {"NO_PROXY": "intern"})
    assert {
        "OPENAI_BASE_URL": "http://127.0.0.1:9/s/tok/v1",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9/s/tok",
        "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9/s/tok",
        "NO_PROXY": "intern,127.0.0.1,localhost",
    }.items() <= found.items()


def test_a_worker_keeps_its_url_while_trials_change(gateway: Loose, model: Loose) -> None:
    """The steps of each trial are its own, though the URL is the same."""
    started = gateway("off", model.origin)
    worker = started.sessions.open_worker()
    seen = []
    for number in range(3):
        started.sessions.switch(worker, f"case-{number}", number)
        _post(started.url(worker), f"I am {number}")
        seen.append(started.sessions.close(worker).steps)
    assert [1, 1, 1] == [len(steps) for steps in seen]
    assert ["I am 0", "I am 1", "I am 2"] == [steps[0].input[0]["content"] for steps in seen]
    started.sessions.release(worker)
    assert 401 == _post(started.url(worker), "late").status_code


def test_misuse_is_refused(tmp_path: Loose) -> None:
    """A trial over a trial, a close without one and a token made up are mistakes of the caller."""
    sessions = Sessions(GatewaySettings(), CassetteIndex(tmp_path), clock=time.monotonic)
    worker = sessions.open_worker()
    with pytest.raises(ValueError, match="no open trial"):
        sessions.close(worker)
    sessions.switch(worker, "case-1")
    with pytest.raises(ValueError, match="still open"):
        sessions.switch(worker, "case-2")
    with pytest.raises(ValueError, match="never opened"):
        sessions.switch(Session("made-up"), "case-1")
    with pytest.raises(ValueError, match="needs a shelf"):
        Sessions(GatewaySettings(), None, clock=time.monotonic)


def _echo(text: Loose) -> Loose:
    def answer(seen: Loose) -> Loose:
        said = seen.body["messages"][-1]["content"]
        return text.scripted(text.chat(f"answer to {said}"), delay=0.02)

    return answer


@pytest.mark.slow
def test_two_hundred_sessions_never_mix(gateway: Loose, model: Loose, text: Loose) -> None:
    """Recorded and replayed at once by 200 agents with like requests, each trace is its own."""
    model.answer = _echo(text)
    for mode, upstream in (("record", model.origin), ("replay", None)):
        started = gateway(mode, upstream)
        outcomes = asyncio.run(_many(started, 200))
        for number, outcome in enumerate(outcomes):
            expected = [f"answer to agent {number} says {turn}" for turn in range(2)]
            assert expected == [step.output["content"] for step in outcome.steps]
            assert outcome.status is None


async def _many(started: Loose, sessions: int) -> list[Loose]:
    limits = httpx2.Limits(max_connections=60)
    async with httpx2.AsyncClient(trust_env=False, timeout=120, limits=limits) as client:

        async def agent(number: int) -> Loose:
            session = started.sessions.open(f"case-{number % 50}", number // 50)
            for turn in range(2):
                said = {"role": "user", "content": f"agent {number} says {turn}"}
                body = json.dumps({"model": "m", "messages": [said]})
                reply = await client.post(f"{started.url(session)}/chat/completions", content=body)
                assert 200 == reply.status_code
            return started.sessions.close(session, duration=1.0)

        return list(await asyncio.gather(*map(agent, range(sessions))))


def test_equal_requests_of_all_sessions_at_once(gateway: Loose, model: Loose, text: Loose) -> None:
    """Where every agent asks the same, the counters of one never move those of another."""
    replies = iter(range(10_000))
    model.answer = lambda _seen: text.scripted(text.chat(f"number {next(replies)}"))
    recorder = gateway("record", model.origin)
    wanted = {}
    for number in range(8):
        outcome = recorder.during(
            lambda url: [_post(url, "same") for _ in range(3)], case=f"case-{number}"
        )
        wanted[number] = [step.output["content"] for step in outcome.steps]
    started = gateway("replay")

    async def run() -> list[Loose]:
        async with httpx2.AsyncClient(trust_env=False) as client:

            async def agent(number: int) -> Loose:
                session = started.sessions.open(f"case-{number}")
                body = {"model": "m", "messages": [{"role": "user", "content": "same"}]}
                for _ in range(3):
                    await client.post(f"{started.url(session)}/chat/completions", json=body)
                return started.sessions.close(session)

            return list(await asyncio.gather(*map(agent, range(8))))

    for number, outcome in enumerate(asyncio.run(run())):
        assert wanted[number] == [step.output["content"] for step in outcome.steps]
