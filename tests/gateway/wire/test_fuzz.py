"""Hostile and broken replies: nothing raises, and no call is lost without a word."""
# ruff: noqa: ANN401  # replies are any JSON

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalgate.gateway.exchange import Delivered
from evalgate.gateway.wire import (
    anthropic_messages,
    bedrock_converse,
    google_generate,
    openai_chat,
    openai_responses,
)
from evalgate.gateway.wire.base import Reply, Wire
from evalgate.schema.trace import LlmCall
from evalgate.text.tame_json import tame

_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
_ARGUMENTS = ['{"a":', " 1}"]

Shape = tuple[Wire, Any, int]
"""A protocol, a body or a list of events, and how many calls it holds."""


def _chat_call(number: int) -> dict[str, Any]:
    function = {"name": f"f{number}", "arguments": "".join(_ARGUMENTS)}
    return {"id": f"c{number}", "type": "function", "function": function}


def _chat() -> Shape:
    message = {"role": "assistant", "content": "x", "tool_calls": [_chat_call(0), _chat_call(1)]}
    legacy = {"role": "assistant", "function_call": {"name": "g", "arguments": "{}"}}
    choices = [
        {"index": 0, "message": message, "finish_reason": "tool_calls"},
        {"index": 1, "message": legacy, "finish_reason": "function_call"},
    ]
    return openai_chat.WIRE, {"model": "m", "choices": choices, "usage": _USAGE}, 3


def _chat_stream() -> Shape:
    def piece(delta: Any, finish: str | None = None) -> Any:
        return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    def part(number: int, text: str, **more: Any) -> Any:
        return {"index": number, "function": {"arguments": text}, **more}

    events = [piece({"role": "assistant", "content": "x"})]
    for number in range(2):
        call = part(number, _ARGUMENTS[0], id=f"c{number}", type="function")
        call["function"]["name"] = f"f{number}"
        events += [piece({"tool_calls": [call]}), piece({"tool_calls": [part(number, " 1}")]})]
    events += [piece({}, "tool_calls"), {"choices": [], "usage": _USAGE}]
    return openai_chat.WIRE, events, 2


_ITEMS = [
    {"type": "reasoning", "id": "r", "summary": []},
    {"type": "function_call", "id": "i0", "call_id": "c0", "name": "f", "arguments": "{}"},
    {"type": "mcp_call", "id": "i1", "name": "refund", "arguments": "{}", "output": "ok"},
    {"type": "web_search_call", "id": "i2", "action": {"type": "search", "query": "q"}},
    {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "x"}]},
]


def _responses() -> Shape:
    return openai_responses.WIRE, {"model": "m", "status": "completed", "output": _ITEMS}, 3


def _responses_stream() -> Shape:
    done = [
        {"type": "response.output_item.done", "output_index": n, "item": item}
        for n, item in enumerate(_ITEMS)
    ]
    end = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    return openai_responses.WIRE, [*done, end], 3


_BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "x"},
    {"type": "tool_use", "id": "t0", "name": "f", "input": {"a": 1}},
    {"type": "server_tool_use", "id": "t1", "name": "web_search", "input": {"query": "q"}},
    {"type": "web_search_tool_result", "tool_use_id": "t1", "content": []},
    {"type": "mcp_tool_use", "id": "t2", "name": "refund", "server_name": "s", "input": {}},
]


def _messages() -> Shape:
    body = {"type": "message", "model": "m", "content": _BLOCKS, "stop_reason": "end_turn"}
    return anthropic_messages.WIRE, body, 3


def _messages_stream() -> Shape:
    events: list[Any] = [{"type": "message_start", "message": {"model": "m", "usage": {}}}]
    for index, block in enumerate(_BLOCKS):
        start = {"type": "content_block_start", "index": index, "content_block": block}
        events += [start, {"type": "content_block_stop", "index": index}]
    return anthropic_messages.WIRE, [*events, {"type": "message_stop"}], 3


def _google() -> Shape:
    parts: list[Any] = [
        {"text": "x"},
        {"functionCall": {"name": "f", "args": {"a": 1}}},
        {"executableCode": {"code": "1", "language": "PYTHON"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
    ]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    return google_generate.WIRE, {"candidates": [candidate], "modelVersion": "m"}, 2


def _google_stream() -> Shape:
    wire, body, calls = _google()
    candidate = {"content": {"parts": [{"text": "y"}]}}
    return wire, [{"candidates": [candidate]}, body], calls


def _bedrock() -> Shape:
    blocks = [{"text": "x"}, {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}}]
    message = {"role": "assistant", "content": blocks}
    return bedrock_converse.WIRE, {"output": {"message": message}, "stopReason": "tool_use"}, 1


SHAPES = [
    _google,
    _google_stream,
    _bedrock,
    _chat,
    _chat_stream,
    _responses,
    _responses_stream,
    _messages,
    _messages_stream,
]


def _read(wire: Wire, sent: Any) -> Reply:
    """Read what was sent as the gateway does."""
    if isinstance(sent, list):
        chunks = [f"data: {json.dumps(event)}\n\n".encode() for event in [*sent]]
        timed = tuple((0.0, chunk) for chunk in [*chunks, b"data: [DONE]\n\n"])
        return Delivered(wire, 200, (), timed, stream=True).reply
    return Delivered(wire, 200, (), ((0.0, json.dumps(sent).encode()),)).reply


_JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 2**70),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["\ud800", "error", "function_call", "foo_call", "[DONE]", {}, [], [[]]]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["type", "name", "id", "error", "x"]), inner, max_size=3),
    ),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(value, dict | list):
        return []
    found = []
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        found += [(*path, key), *_places(item, (*path, key))]
    return found


def _replaced(sent: Any, path: tuple[Any, ...], junk: object) -> Any:
    changed = copy.deepcopy(sent)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = junk
    return changed


def _says_nothing(junk: object) -> bool:
    """Whether a change takes a call away altogether, rather than making it unreadable."""
    if isinstance(junk, dict):
        return all(map(_says_nothing, junk.values()))
    return all(map(_says_nothing, junk)) if isinstance(junk, list) else not junk


@pytest.mark.parametrize("shape", SHAPES)
def test_every_call_is_seen(shape: Callable[[], Shape]) -> None:
    """Unchanged replies give all their calls, and nothing unknown."""
    wire, sent, calls = shape()
    reply = _read(wire, sent)
    assert (calls, (), None) == (len(reply.tools), reply.unknown, reply.error)


@settings(max_examples=300)
@given(st.data())
def test_a_broken_reply_loses_no_call(data: st.DataObject) -> None:
    """One field is replaced by anything: nothing raises, and a call that is gone is told."""
    wire, sent, calls = data.draw(st.sampled_from(SHAPES))()
    path = data.draw(st.sampled_from(_places(sent)))
    junk = data.draw(_JUNK)
    reply = _read(wire, _replaced(sent, path, junk))
    LlmCall(output=tame(reply.message), usage=reply.usage)
    if not _says_nothing(junk) and "index" not in str(path[-1]):
        assert len(reply.tools) >= calls or reply.unknown or reply.error, (path, junk)


@given(st.data())
def test_an_unknown_item_is_kept(data: st.DataObject) -> None:
    """An item of a type that nobody knows makes the trial one that is not measured."""
    kind = data.draw(st.text("abcxyz_", min_size=1).map(lambda text: f"new_{text}_thing"))
    wire, key, known = data.draw(
        st.sampled_from(
            [
                (openai_responses.WIRE, "output", _ITEMS),
                (anthropic_messages.WIRE, "content", _BLOCKS),
            ]
        )
    )
    place = data.draw(st.integers(0, len(known)))
    items = [*known[:place], {"type": kind, "what": 1}, *known[place:]]
    reply = _read(wire, {key: items})
    assert [kind] == [item.type for item in reply.unknown]
    assert 3 == len(reply.tools)


_WIRES = (
    openai_chat.WIRE,
    openai_responses.WIRE,
    anthropic_messages.WIRE,
    google_generate.WIRE,
    bedrock_converse.WIRE,
)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read(raw: bytes, stream: bool) -> None:  # noqa: FBT001  # drawn
    """No bytes raise, whatever protocol they are said to be of."""
    for wire in _WIRES:
        given_bytes = b"data: " + raw if stream else raw
        reply = Delivered(wire, 200, (), ((0.0, given_bytes),), stream=stream).reply
        assert reply.tools == ()
