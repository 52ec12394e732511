"""Hostile and broken replies: nothing raises, and no call is lost without a word."""
# ruff: noqa: ANN401  # replies are any JSON

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.replies import BLOCKS, ITEMS, SHAPES, Shape

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
                (openai_responses.WIRE, "output", ITEMS),
                (anthropic_messages.WIRE, "content", BLOCKS),
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


def test_what_stands_in_place_of_the_parts_is_told() -> None:
    """A content without parts says nothing, one with something else says what."""
    replies = [
        _read(google_generate.WIRE, {"candidates": [{"content": content}]})
        for content in ({"role": "model"}, {"role": "model", "calls": [1]})
    ]
    assert [(), ("content.calls",)] == [tuple(item.type for item in one.unknown) for one in replies]
