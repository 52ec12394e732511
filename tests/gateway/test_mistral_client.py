"""The mistralai package over real sockets: OpenAI's protocol where Mistral differs from it."""

import json
from typing import Any

import pytest

from evalgate.pricing import PriceBook, Unpriced, price_call, provider_at
from evalgate.schema.trace import LlmCall, ToolCall, Unread

mistral = pytest.importorskip("mistralai.client")

Loose = Any
"""Fixtures and wire data; the types of `conftest.py` cannot be imported from here."""

_MODEL = "mistral-large-2512"
_USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_audio_seconds": None,
    "num_cached_tokens": 40,
}
_THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "Sun."}], "closed": True}
_PARTS = [
    _THOUGHT,
    {"type": "text", "text": "It is sunny"},
    {"type": "reference", "reference_ids": [1]},
]
_TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
_CALL = {"id": "D681PevKs", "index": 0, "function": {"name": "weather", "arguments": '{"a": 1}'}}


def _body(message: Loose, finish: str) -> Loose:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": _MODEL,
        "choices": [choice],
        "usage": _USAGE,
    }


def _chunk(delta: Loose, finish: str | None = None, **fields: Loose) -> Loose:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "model": _MODEL, "choices": [choice], **fields}


def _agent(url: str) -> Loose:
    """Ask, call the tool the model wants, and read the stream of the answer."""
    with mistral.Mistral(api_key="k", server_url=url.removesuffix("/v1")) as client:
        return _talk(client)


def _talk(client: Loose) -> Loose:
    messages: Any = [{"role": "user", "content": "Weather?"}]
    common: Any = {"model": _MODEL, "safe_prompt": True, "random_seed": 7, "max_tokens": 50}
    first = client.chat.complete(messages=messages, tools=[_TOOL], **common)
    said = first.choices[0].message
    answer = {"role": "tool", "name": "weather", "tool_call_id": "D681PevKs", "content": "sunny"}
    messages += [said.model_dump(mode="json", exclude_none=True), answer]
    with client.chat.stream(messages=messages, **common) as events:
        return [str(event.data.choices[0].delta.content) for event in events]


def _script(model: Loose, text: Loose) -> None:
    chunks = text.sse(
        _chunk({"role": "assistant", "content": [_THOUGHT]}),
        _chunk({"content": _PARTS[1:]}),
        _chunk({"content": ""}, "stop", usage=_USAGE),
    )
    model.then(
        text.scripted(
            json.dumps(_body({"content": "", "tool_calls": [_CALL]}, "tool_calls")).encode()
        ),
        text.scripted(content_type="text/event-stream", chunks=chunks),
    )


def test_recorded_and_replayed(both: Loose, model: Loose, text: Loose) -> None:
    """A call without a type, content in parts, thinking and references: read, and not unread."""
    _script(model, text)
    _, again = both(_agent)
    calls = [step for step in again.steps if isinstance(step, LlmCall)]
    (tool,) = [step for step in again.steps if isinstance(step, ToolCall)]
    assert ("weather", {"a": 1}, "sunny") == (tool.name, tool.arguments, tool.result)
    assert ["tool_calls", "stop"] == [call.finish_reason for call in calls]
    output: Any = calls[1].output
    assert _PARTS == output["content"]
    assert [] == [step for step in again.steps if isinstance(step, Unread)]
    assert {"/v1/chat/completions"} == {seen.path for seen in model.seen}


def test_cost(gateway: Loose, model: Loose, text: Loose) -> None:
    """Who serves OpenAI's protocol is known by the upstream, and so is the price."""
    _script(model, text)
    served = {"openai": provider_at("https://api.mistral.ai/v1")}
    outcome = gateway("record", model.origin, served_by=served).during(_agent)
    call = next(step for step in outcome.steps if isinstance(step, LlmCall))
    assert "mistral" == call.provider
    assert call.usage is not None
    cost = price_call(call.usage, _MODEL, call.provider, None, PriceBook())
    assert not isinstance(cost, Unpriced), cost
    # Mistral's price list for Large 3, USD a million: 0.50 in, 0.05 cached, 1.50 out.
    assert pytest.approx((60 * 0.50 + 40 * 0.05 + 20 * 1.50) / 1e6) == float(cost)
    assert [False, False] == ["stream_options" in seen.body for seen in model.seen]
    assert None is provider_at("http://127.0.0.1:4000/v1")
