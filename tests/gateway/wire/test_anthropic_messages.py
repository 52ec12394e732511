"""Anthropic messages, read off the wire."""

from typing import Any

from evalgate.gateway.wire.anthropic_messages import COUNT_TOKENS, WIRE
from evalgate.gateway.wire.base import StreamEvent
from evalgate.gateway.wire.errors import error_inside


def test_an_error_in_the_stream_is_named() -> None:
    """A stream that turns into an error carries its class."""
    error: Any = {"type": "error", "error": {"type": "overloaded_error"}}
    assert "overloaded" == error_inside(error)


def test_a_stream_without_its_end_is_cut() -> None:
    """No message_stop: the answer is not whole."""
    start: Any = {"type": "message_start", "message": {"model": "claude-x"}}
    reply = WIRE.read_stream((StreamEvent(0.0, start),))
    assert ("claude-x", "cut_stream") == (reply.model, reply.error)


def test_arguments_that_do_not_parse_stay_text() -> None:
    """Half a JSON object is kept as it came."""
    events: Any = (
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "tool_use", "name": "f", "id": "t", "input": {}},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"partial_json": '{"a":'}},
        {"type": "message_stop"},
    )
    (tool,) = WIRE.read_stream(tuple(StreamEvent(0.0, event) for event in events)).tools
    assert '{"a":' == tool.arguments


def test_tool_results_are_no_person() -> None:
    """A user message of tool results alone starts no turn."""
    result: Any = {"type": "tool_result", "tool_use_id": "t", "content": "x", "is_error": True}
    body: Any = {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "user", "content": [result]},
            {"role": "user", "content": [result, {"type": "text", "text": "and?"}]},
        ]
    }
    assert 2 == WIRE.user_turns(body)
    assert [("t", True), ("t", True)] == [(r.call_id, r.failed) for r in WIRE.results(body)]


def test_counting_tokens_is_no_llm_call() -> None:
    """`count_tokens` has a protocol of its own, so that it costs nothing."""
    assert ("other", None) == (COUNT_TOKENS.kind, COUNT_TOKENS.read({"input_tokens": 3}).error)
    assert "bad_response" == COUNT_TOKENS.read({}).error
