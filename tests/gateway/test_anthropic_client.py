"""The anthropic SDK over real sockets: live, recorded, and replayed."""

import json
from typing import Any

import anthropic

Loose = Any
"""Fixtures and wire data; the types of `conftest.py` cannot be imported from here."""


def _anthropic_events() -> Loose:
    start = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 2,
            "output_tokens": 1,
        },
    }
    tool = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": tool},
        _delta('{"city"'),
        _delta(':"Rome"}'),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 9},
        },
        {"type": "message_stop"},
    ]


def _delta(piece: Loose) -> Loose:
    delta = {"type": "input_json_delta", "partial_json": piece}
    return {"type": "content_block_delta", "index": 0, "delta": delta}


def _anthropic_agent(url: Loose) -> Loose:
    with anthropic.Anthropic(base_url=url.removesuffix("/v1"), api_key="k") as client:
        asked: Any = [{"role": "user", "content": "Weather in Rome?"}]
        tools: Any = [{"name": "weather", "input_schema": {"type": "object"}}]
        common: Any = {
            "model": "claude-x",
            "max_tokens": 50,
            "tools": tools,
            "system": "Be brief.",
        }
        with client.messages.stream(messages=asked, **common) as stream:
            first = stream.get_final_message()
        result: Any = {
            "type": "tool_result",
            "tool_use_id": first.content[0].id,
            "content": "no such city",
            "is_error": True,
        }
        block: Any = {
            "type": "tool_use",
            "id": "toolu_1",
            "name": "weather",
            "input": {"city": "Rome"},
        }
        messages: Any = [
            *asked,
            {"role": "assistant", "content": [block]},
            {"role": "user", "content": [result]},
        ]
        return client.messages.create(messages=messages, **common).content[0].text


def test_anthropic(both: Loose, model: Loose, text: Loose) -> None:
    """The anthropic SDK: streamed tool use, an error result, cached tokens."""
    chunks = tuple(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        for event in _anthropic_events()
    )
    whole = {
        "id": "msg_2",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [{"type": "text", "text": "Sorry."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 30, "output_tokens": 3},
    }
    model.then(
        text.scripted(content_type="text/event-stream", chunks=chunks, delay=0.01),
        text.scripted(json.dumps(whole).encode()),
    )
    first, _ = both(_anthropic_agent)
    llm, tool, last = first.steps
    assert (17, 9, 5, 2) == (
        llm.input_tokens,
        llm.output_tokens,
        llm.cached_tokens,
        llm.cache_write_tokens,
    )
    assert ("error", {"city": "Rome"}) == (tool.error, tool.arguments)
    assert ("anthropic", "end_turn", None) == (last.provider, last.finish_reason, last.error)
    assert llm.time_to_first_token > 0
