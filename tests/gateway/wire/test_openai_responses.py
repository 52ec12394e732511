"""OpenAI responses, read off the wire."""

from typing import Any

from evalgate.gateway.wire.base import CalledTool, StreamEvent
from evalgate.gateway.wire.errors import error_inside
from evalgate.gateway.wire.openai_responses import WIRE


def _final(kind: str, **more: object) -> StreamEvent:
    data: Any = {"type": kind, "response": {"model": "m", "output": [], **more}}
    return StreamEvent(5.0, data)


def test_a_stream_is_its_last_event() -> None:
    """The whole response stands in the last event; the first delta gives the first token."""
    events = (
        StreamEvent(0.5, {"type": "response.created", "response": {"model": "m"}}),
        StreamEvent(1.0, {"type": "response.output_text.delta", "delta": "x"}),
        _final("response.completed", status="completed", usage={"input_tokens": 3}),
    )
    reply = WIRE.read_stream(events)
    assert (1.0, "completed", 3, None) == (
        reply.first_token,
        reply.finish_reason,
        reply.usage.input_tokens,
        reply.error,
    )


def test_a_stream_without_its_end_is_cut() -> None:
    """The model is known from the beginning, the answer is not whole."""
    reply = WIRE.read_stream((StreamEvent(0.5, {"type": "x", "response": {"model": "m"}}),))
    assert ("m", "cut_stream") == (reply.model, reply.error)


def test_failed_and_incomplete() -> None:
    """A failed response is an error inside a success, an incomplete one has its reason."""
    failed = _final("response.failed", status="failed", error={"code": "rate_limit_exceeded"})
    short: Any = {"reason": "max_output_tokens"}
    cut = WIRE.read_stream(
        (_final("response.incomplete", status="incomplete", incomplete_details=short),)
    )
    assert "throttled" == error_inside(failed.data)
    assert "max_output_tokens" == cut.finish_reason


def test_tool_calls() -> None:
    """Function and custom calls are tool calls, other items are not."""
    output: Any = [
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "b", "name": "g", "input": "x"},
        {"type": "reasoning"},
    ]
    assert (
        CalledTool("a", "f", "{}"),
        CalledTool("b", "g", "x", free_text=True),
    ) == WIRE.read({"output": output}).tools


def test_text_input_is_a_user_message() -> None:
    """A text and the one message it stands for are the same prompt."""
    short = WIRE.prompt({"input": "Hi"}, str)
    long = WIRE.prompt({"input": [{"role": "user", "content": "Hi"}]}, str)
    assert short == long
    assert 1 == WIRE.user_turns({"input": "Hi"})
