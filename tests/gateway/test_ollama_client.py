"""The ollama package over real sockets: live, recorded, and replayed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from evalgate.gateway.wire.json_lines import as_lines, as_text
from evalgate.schema.trace import LlmCall, ToolCall, Unread

ollama = pytest.importorskip("ollama")

Loose = Any
"""Fixtures and wire data; the types of `conftest.py` cannot be imported from here."""

_TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
_CALL = {"function": {"name": "weather", "arguments": {"city": "Rome"}}}
_ASKED = [{"role": "user", "content": "a"}]
_END = {"done": True, "done_reason": "stop", "prompt_eval_count": 100, "eval_count": 20}


@contextmanager
def _client(url: str) -> Iterator[Loose]:
    client = ollama.Client(host=url.removesuffix("/v1"))
    try:
        yield client
    finally:
        client.close()


def _line(fields: Loose, **message: Loose) -> Loose:
    said = {"role": "assistant", "content": "", **message}
    return {"model": "llama3.2", "created_at": "2026-01-01T00:00:00Z", "message": said, **fields}


def _lines(*rows: Loose) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _agent(url: str) -> Loose:
    """Ask, call the tool the model wants, and read the stream of the answer."""
    messages: Any = [{"role": "user", "content": "Weather in Rome?"}]
    common: Any = {"model": "llama3.2", "options": {"temperature": 0.5, "num_predict": 50}}
    with _client(url) as client:
        first = client.chat(messages=messages, tools=[_TOOL], **common)
        answer = {"role": "tool", "tool_name": "weather", "content": "sunny"}
        messages += [first.message.model_dump(exclude_none=True), answer]
        stream = client.chat(messages=messages, stream=True, **common)
        return [(part.message.content, part.message.thinking) for part in stream]


def _script(model: Loose, text: Loose) -> None:
    stream = _lines(
        _line({"done": False}, thinking="Sun."),
        _line({"done": False}, content="It is "),
        _line({"done": False}, content="sunny é."),
        _line(_END),
    )
    pieces = (stream[:50], stream[50:300], stream[300:])  # lines are cut anywhere
    model.then(
        text.scripted(json.dumps(_line(_END, tool_calls=[_CALL])).encode()),
        text.scripted(content_type="application/x-ndjson", chunks=pieces),
    )


def test_recorded_and_replayed(both: Loose, model: Loose, text: Loose) -> None:
    """A tool call, its result joined by name, and a stream of lines: the same without a server."""
    _script(model, text)
    _, again = both(_agent)
    calls = [step for step in again.steps if isinstance(step, LlmCall)]
    (tool,) = [step for step in again.steps if isinstance(step, ToolCall)]
    assert ("weather", {"city": "Rome"}, "sunny") == (tool.name, tool.arguments, tool.result)
    assert [("llama3.2", "ollama", "stop", 50, 0.5, 100, 20)] * 2 == [
        (
            *(call.model, call.provider, call.finish_reason, call.max_tokens, call.temperature),
            *(call.input_tokens, call.output_tokens),
        )
        for call in calls
    ]
    said: Any = calls[1].output
    assert ("It is sunny é.", "Sun.") == (said["content"], said["thinking"])
    assert ["/api/chat", "/api/chat"] == [seen.path for seen in model.seen]


def test_the_prompt_and_embeddings_are_recorded_too(both: Loose, model: Loose, text: Loose) -> None:
    """What is no chat: a prompt that is continued in lines, and vectors."""
    made: Any = {"model": "llama3.2", "response": "blue", **_END}
    first = {**made, "response": "The sky is ", "done": False}
    model.then(
        text.scripted(content_type="application/x-ndjson", chunks=(_lines(first, made),)),
        text.scripted(
            json.dumps({"model": "e", "embeddings": [[0.5]], "prompt_eval_count": 3}).encode()
        ),
    )

    def agent(url: str) -> Loose:
        with _client(url) as client:
            parts = client.generate(model="llama3.2", prompt="The sky?", stream=True)
            said = "".join(part.response for part in parts)
            return said, client.embed(model="e", input="a").embeddings

    _, again = both(agent)
    generated, embedded = (step for step in again.steps if isinstance(step, LlmCall))
    output: Any = generated.output
    assert "The sky is blue" == output["content"]
    assert ("embeddings", {"vectors": 1}, 3) == (
        embedded.name,
        embedded.output,
        embedded.input_tokens,
    )


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([_line({"done": False}, content="It")], "cut_stream"),
        ([_line({"done": False}, content="It"), {"error": "out of memory"}], "server_error"),
    ],
)
def test_a_broken_stream_is_an_outage(
    rows: Loose, error: str, gateway: Loose, model: Loose, text: Loose
) -> None:
    """One that ends too early, and an error that comes as a line."""
    model.answer = lambda _seen: text.scripted(
        content_type="application/x-ndjson", chunks=(_lines(*rows),)
    )

    def agent(url: str) -> None:
        with _client(url) as client, suppress(ollama.ResponseError):
            list(client.chat(model="llama3.2", messages=_ASKED, stream=True))

    outcome = gateway("record", model.origin).during(agent)
    assert [error] == [step.error for step in outcome.steps if isinstance(step, LlmCall)]


def test_what_nobody_knows_is_kept(gateway: Loose, model: Loose, text: Loose) -> None:
    """A field of a message that holds something is no call and not nothing."""
    odd = _line(_END, content="a", tool_plan={"steps": ["b"]})
    model.answer = lambda _seen: text.scripted(json.dumps(odd).encode())

    def agent(url: str) -> None:
        with _client(url) as client:
            client.chat(model="llama3.2", messages=_ASKED)

    outcome = gateway("record", model.origin).during(agent)
    (unread,) = [step for step in outcome.steps if isinstance(step, Unread)]
    assert "message.tool_plan" == unread.type


def test_miss(gateway: Loose) -> None:
    """What is not recorded is an error in Ollama's form, and the trial is not measured."""

    def agent(url: str) -> None:
        with _client(url) as client, pytest.raises(ollama.ResponseError, match="is recorded"):
            client.chat(model="llama3.2", messages=_ASKED)

    assert "not_measured" == gateway("replay").during(agent).status


@pytest.mark.parametrize("raw", [b'{"a": 1}\n{"b": 2}\n', b'{"a": 1}\n{"b', b""])
def test_lines_come_back_to_the_byte(raw: bytes) -> None:
    """As events in a cassette, and as lines again, however they were cut."""
    for size in (1, 3, 100):
        chunks = [(float(at), raw[at : at + size]) for at in range(0, len(raw), size)]
        assert raw == b"".join(as_lines(text) for _, text in as_text(chunks))
    with pytest.raises(ValueError, match="give back"):
        as_text([(0.0, b'{"a": 1}\r\n')])
