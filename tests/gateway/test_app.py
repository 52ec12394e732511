"""Bad input and bad upstreams: the right error, a name in the trace, and the server goes on."""

import json
import socket
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from evalgate.errors import ConfigError
from evalgate.gateway.server import bind, serve_in_thread
from evalgate.gateway.upstream import Endpoint
from evalgate.gateway.wire.base import Usage
from evalgate.quota.profiles import WireResponse

Loose = Any
"""Fixtures; the types of `conftest.py` cannot be imported from here."""

ASKED: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def _post(url: str, body: Loose = None, *, content: bytes | None = None) -> httpx2.Response:
    with httpx2.Client(trust_env=False, timeout=60) as client:
        return client.post(f"{url}/chat/completions", json=body, content=content)


def _live(gateway: Loose, model: Loose, **more: object) -> Loose:
    return gateway("off", model.origin, **more)


def test_unknown_token_gets_401(gateway: Loose) -> None:
    """A token that was not handed out, or was taken back, gets the provider's own 401."""
    started = gateway()
    session = started.sessions.open("case-1")
    started.sessions.close(session)
    for url in (started.url(session), f"{started.origin}/s/made-up/v1", f"{started.origin}/v1"):
        with openai.OpenAI(base_url=url, api_key="k") as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                client.chat.completions.create(**ASKED)
            assert "unknown_session" == caught.value.code


def test_no_trial_behind_a_worker(gateway: Loose) -> None:
    """A call that comes between two trials of a worker belongs to neither."""
    started = gateway()
    worker = started.sessions.open_worker()
    reply = _post(started.url(worker), ASKED)
    assert (409, "no_trial") == (reply.status_code, reply.json()["error"]["code"])
    assert "false" == reply.headers["x-should-retry"]


def test_unknown_path_gets_404(gateway: Loose) -> None:
    """An unknown path gets a 404 in the provider's form, and a named step in the trace."""
    started = gateway()
    session = started.sessions.open("case-1")
    with httpx2.Client(trust_env=False) as client:
        plain = client.post(f"{started.url(session)}/batches", json={})
        other = client.get(f"{started.url(session)}/nope", headers={"anthropic-version": "x"})
    assert (404, "unknown_path") == (plain.status_code, plain.json()["error"]["code"])
    assert "not_found_error" == other.json()["error"]["type"]
    steps = started.sessions.close(session).steps
    assert ["unknown_path", "unknown_path"] == [step.name for step in steps]
    assert "/v1/batches" == steps[0].metadata["path"]


@pytest.mark.parametrize("raw", [b"{", b"[1]", b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_invalid_json_gets_400(gateway: Loose, raw: bytes) -> None:
    """A body that is no JSON object gets 400, is a failed call, and the next one is served."""
    started = gateway()
    session = started.sessions.open("case-1")
    reply = _post(started.url(session), content=raw)
    again = _post(started.url(session), ASKED)
    assert (400, "invalid_json") == (reply.status_code, reply.json()["error"]["code"])
    assert "cassette_miss" == again.json()["error"]["code"]
    errors = {step.error for step in started.sessions.close(session).steps}
    assert {"invalid_json", "cassette_miss"} == errors


def test_lone_surrogates_do_not_break_the_server(gateway: Loose, model: Loose) -> None:
    """Half a character in a prompt is recorded as a replacement, not as a crash."""
    raw = b'{"model":"m","messages":[{"role":"user","content":"\\ud83d"}]}'
    started = gateway("record", model.origin)
    outcome = started.during(lambda url: _post(url, content=raw))
    assert "?" == outcome.steps[0].input[0]["content"]
    assert () == outcome.problems


def test_fifty_megabytes_get_413(gateway: Loose, model: Loose) -> None:
    """A 50 MB prompt is refused with the provider's 413, and the server goes on."""
    started = _live(gateway, model)
    session = started.sessions.open("case-1")
    huge = {**ASKED, "messages": [{"role": "user", "content": "x" * 50_000_000}]}
    with (
        openai.OpenAI(base_url=started.url(session), api_key="k") as client,
        pytest.raises(openai.APIStatusError) as caught,
    ):
        client.chat.completions.create(**huge)
    assert (413, "too_large") == (caught.value.status_code, caught.value.code)
    assert 200 == _post(started.url(session), ASKED).status_code
    assert "too_large" == started.sessions.close(session).steps[0].error


def test_half_a_request(gateway: Loose, model: Loose) -> None:
    """A client that dies in the middle of its request leaves no call and no damage."""
    started = _live(gateway, model)
    session = started.sessions.open("case-1")
    host, port = started.origin.removeprefix("http://").split(":")
    path = started.url(session).removeprefix(started.origin)
    with socket.create_connection((host, int(port))) as raw:
        head = f"POST {path}/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n"
        raw.sendall(head.encode() + b'{"model":')
    assert 200 == _post(started.url(session), ASKED).status_code
    assert 1 == len(started.sessions.close(session).steps)


def test_upstream_down(gateway: Loose) -> None:
    """Nobody listens upstream: 502 in the provider's form, `upstream_unreachable` in the trace."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = gateway("off", f"http://127.0.0.1:{port}")
    session = started.sessions.open("case-1")
    with (
        openai.OpenAI(base_url=started.url(session), api_key="k", max_retries=1) as client,
        pytest.raises(openai.InternalServerError),
    ):
        client.chat.completions.create(**ASKED)
    (call,) = started.sessions.close(session).steps
    assert "upstream_unreachable" == call.error
    assert [502, 502] == [attempt.status for attempt in call.attempts]
    assert {"retry_counts": [0, 1], "wire": "openai_chat"} == call.metadata


def test_upstream_slow(gateway: Loose, model: Loose, text: Loose) -> None:
    """An upstream that does not answer in time: 504."""
    model.then(text.scripted(text.chat(), delay=3))
    started = _live(gateway, model, read_timeout=0.3)
    session = started.sessions.open("case-1")
    assert 504 == _post(started.url(session), ASKED).status_code
    assert "upstream_timeout" == started.sessions.close(session).steps[0].error


def test_upstream_cuts_the_stream(gateway: Loose, model: Loose, text: Loose) -> None:
    """A stream that breaks off breaks off for the agent too, and is named."""
    pieces = text.sse(text.chat_chunk({"content": "Hel"}), done=False)
    model.then(text.scripted(content_type="text/event-stream", chunks=pieces, cut=True))
    started = _live(gateway, model)
    session = started.sessions.open("case-1")
    with pytest.raises(httpx2.RemoteProtocolError):
        _post(started.url(session), {**ASKED, "stream": True})
    (call,) = started.sessions.close(session).steps
    assert "cut_stream" == call.error
    assert 200 == _post(started.url(started.sessions.open("case-1")), ASKED).status_code


@pytest.mark.parametrize(("status", "sent"), [(200, 502), (503, 503)])
def test_upstream_returns_html(
    gateway: Loose, model: Loose, text: Loose, status: int, sent: int
) -> None:
    """HTML of a proxy or a login page becomes an error in the provider's form."""
    model.then(text.scripted(b"<html>sorry</html>", status, "text/html"))
    started = _live(gateway, model)
    session = started.sessions.open("case-1")
    reply = _post(started.url(session), ASKED)
    assert (sent, "upstream_not_json") == (reply.status_code, reply.json()["error"]["code"])
    assert "upstream_not_json" == started.sessions.close(session).steps[0].error


@pytest.mark.parametrize(
    ("status", "code", "named"),
    [
        (400, "invalid_value", "bad_request"),
        (400, "content_filter", "content_filter"),
        (401, "invalid_api_key", "auth"),
        (429, "rate_limit_exceeded", "throttled"),
        (429, "insufficient_quota", "quota_exhausted"),
        (503, "server_is_overloaded", "overloaded"),
        (529, "overloaded_error", "overloaded"),
        (500, None, "server_error"),
    ],
)
def test_upstream_errors_pass_through(
    gateway: Loose, model: Loose, text: Loose, status: int, code: str | None, named: str
) -> None:
    """An error of the provider reaches the agent as it is, hints included, with its class named."""
    body = json.dumps({"error": {"message": "no", "type": "t", "param": None, "code": code}})
    headers = {"retry-after-ms": "1500", "retry-after": "2", "x-ratelimit-limit-requests": "60"}
    model.then(text.scripted(body.encode(), status, headers=headers))
    started = _live(gateway, model)
    session = started.sessions.open("case-1")
    reply = _post(started.url(session), ASKED)
    assert (status, body, "1500", "60") == (
        reply.status_code,
        reply.text,
        reply.headers["retry-after-ms"],
        reply.headers["x-ratelimit-limit-requests"],
    )
    (call,) = started.sessions.close(session).steps
    assert (named, 1.5) == (call.error, call.attempts[0].retry_after)


def test_retries_are_attempts_of_one_call(gateway: Loose, model: Loose, text: Loose) -> None:
    """Two throttled attempts and a success are one call of three attempts, waits included."""
    throttled = text.scripted(b'{"error":{}}', 429, headers={"retry-after-ms": "20"})
    model.then(throttled, throttled)
    started = gateway("record", model.origin)

    def agent(url: str) -> None:
        with openai.OpenAI(base_url=url, api_key="k") as client:
            client.chat.completions.create(**ASKED)
            client.chat.completions.create(**ASKED)

    outcome = started.during(agent)
    retried, second = outcome.steps
    assert [429, 429, 200] == [attempt.status for attempt in retried.attempts]
    assert [0, 1, 2] == retried.metadata["retry_counts"]
    assert retried.attempts[1].start - retried.attempts[0].end > 0.015
    assert (None, 1) == (retried.error, len(second.attempts))
    assert outcome.steps == gateway("replay").during(agent).steps


@pytest.mark.parametrize("client", ["Groq/Python 1.7.0", "AsyncGroq/Python 1.7.0"])
def test_a_groq_client_is_not_azures(gateway: Loose, model: Loose, client: str) -> None:
    """Both write `openai/v1/...`; Groq's goes to the upstream of OpenAI's kind."""
    started = gateway("record", model.origin)

    def agent(url: str) -> None:
        path = url.replace("/v1", "/openai/v1/chat/completions")
        sent = httpx2.post(path, json=ASKED, headers={"user-agent": client}, trust_env=False)
        assert 200 == sent.status_code

    (step,) = started.during(agent).steps
    assert (None, "openai") == (step.error, step.provider)


def test_a_lasting_outage_is_not_recorded(gateway: Loose, model: Loose, text: Loose) -> None:
    """A call that never succeeded leaves nothing behind: its replay is a miss, not a failure."""
    model.answer = lambda _seen: text.scripted(b'{"error":{}}', 500)

    def agent(url: str) -> None:
        _post(url, ASKED)

    recorded = gateway("record", model.origin).during(agent)
    assert "server_error" == recorded.steps[0].error
    assert "1 failed responses were not recorded" in recorded.problems[0]
    assert "not_measured" == gateway("replay").during(agent).status


def test_loop_limit(gateway: Loose, model: Loose) -> None:
    """Calls above the limit end the turn: an error nobody retries, a named step, a status."""
    started = _live(gateway, model, loop_limit=3)
    session = started.sessions.open("case-1")
    messages = [{"role": "user", "content": "Hi"}]
    with openai.OpenAI(base_url=started.url(session), api_key="k") as client:
        for number in range(3):
            client.chat.completions.create(model="m", messages=messages)
            messages.append({"role": "assistant", "content": str(number)})
        for _ in range(2):
            with pytest.raises(openai.BadRequestError) as caught:
                client.chat.completions.create(model="m", messages=messages)
            assert "loop_limit" == caught.value.code
    outcome = started.sessions.close(session)
    assert ["llm_call"] * 3 + ["guardrail"] == [step.kind for step in outcome.steps]
    assert ("loop_limit", 3) == (outcome.status, len(model.seen))


def test_loop_limit_is_per_turn(gateway: Loose, model: Loose) -> None:
    """A person who speaks again starts a new turn."""
    started = _live(gateway, model, loop_limit=1)
    session = started.sessions.open("case-1")
    messages = [{"role": "user", "content": "Hi"}]
    for _ in range(3):
        assert 200 == _post(started.url(session), {"model": "m", "messages": messages}).status_code
        messages.append({"role": "assistant", "content": "yes"})
        messages.append({"role": "user", "content": "and?"})
    assert started.sessions.close(session).status is None


def test_admit_rejects_in_the_providers_form(gateway: Loose, model: Loose) -> None:
    """A stress check decides on each request; a rejected attempt uses no recorded response up."""
    agent_asked = ASKED
    gateway("record", model.origin).during(lambda url: _post(url, agent_asked))
    asked: list[Any] = []
    settled: list[Usage | None] = []

    def admit(incoming: Loose) -> Loose:
        asked.append(incoming)
        if len(asked) == 1:
            return WireResponse(429, {"retry-after-ms": "5"}, b'{"error":{"code":"x"}}')
        return settled.append

    started = gateway("replay", app={"admit": admit}, real_time=True)

    def agent(url: str) -> None:
        with openai.OpenAI(base_url=url, api_key="k") as client:
            client.chat.completions.create(**agent_asked)

    (call,) = started.during(agent).steps
    assert [429, 200] == [attempt.status for attempt in call.attempts]
    assert [(1, 0, 11, 7), (2, 1, 11, 7)] == [
        (i.attempt, i.retry_count, i.input_tokens, i.output_tokens) for i in asked
    ]
    assert [11] == [usage.input_tokens for usage in settled if usage]


def test_pace_waits_for_recorded_times(gateway: Loose, model: Loose, text: Loose) -> None:
    """With a pace, a replay takes the recorded time; without, next to none."""
    model.then(text.scripted(text.chat(), delay=0.3))
    gateway("record", model.origin).during(lambda url: _post(url, ASKED))
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    started = gateway("replay", app={"pace": 2.0, "sleep": sleep})
    outcome = started.during(lambda url: _post(url, ASKED))
    recorded = outcome.steps[0].end - outcome.steps[0].start
    assert [pytest.approx(2 * recorded, abs=0.001)] == waits


def test_agent_leaves_an_open_stream(gateway: Loose, model: Loose, text: Loose) -> None:
    """An agent that stops reading is named, and what it had read replays the same."""
    pieces = text.sse(*[text.chat_chunk({"content": str(n)}) for n in range(50)])
    model.answer = lambda _seen: text.scripted(
        content_type="text/event-stream", chunks=pieces, delay=0.05
    )

    def agent(url: str) -> str:
        with openai.OpenAI(base_url=url, api_key="k") as client:
            stream = client.chat.completions.create(**ASKED, stream=True)
            first = next(iter(stream)).choices[0].delta.content or ""
            stream.close()
            return first

    recorded = gateway("record", model.origin).during(agent)
    assert "disconnected" == recorded.steps[0].error
    assert recorded.steps == gateway("replay").during(agent).steps


def test_port_in_use() -> None:
    """A port that is taken is a configuration error that names it."""
    with bind() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} .* is in use"):
            bind(port)


def test_loopback_only() -> None:
    """The socket listens on 127.0.0.1 and nowhere else."""
    with bind() as listener:
        assert "127.0.0.1" == listener.getsockname()[0]


def test_thread_reports_a_taken_port() -> None:
    """A server in a thread raises in the caller what stopped it."""

    async def app(*_: object) -> None:
        """Never called."""

    with bind() as taken, pytest.raises(ConfigError):
        serve_in_thread(app, port=taken.getsockname()[1]).__enter__()


def test_upstream_must_be_a_url() -> None:
    """An upstream without scheme or host is refused before the first call."""
    for wrong in ("api.openai.com", "ftp://x", "http://"):
        with pytest.raises(ConfigError):
            Endpoint(wrong)


def test_own_credentials_replace_the_agents(gateway: Loose, model: Loose, tmp_path: Path) -> None:
    """Without credentials of our own the agent's go upstream unchanged."""
    started = _live(gateway, model)
    session = started.sessions.open("case-1")
    with openai.OpenAI(base_url=started.url(session), api_key="the-agents-own") as client:
        client.chat.completions.create(**ASKED)
    assert "Bearer the-agents-own" == model.seen[0].headers["authorization"]
    assert "identity" == model.seen[0].headers["accept-encoding"]
