"""OpenAI chat completions, read off the wire."""

from typing import Any

import pytest

from evalgate.gateway.wire.base import CalledTool, StreamEvent, ToolResult, result_id
from evalgate.gateway.wire.openai_chat import WIRE, ask_for_usage, is_usage_event


def _events(*deltas: Any) -> tuple[StreamEvent, ...]:  # noqa: ANN401  any JSON
    return tuple(
        StreamEvent(float(n), {"model": "m", "choices": [{"index": 0, "delta": delta}]})
        for n, delta in enumerate(deltas)
    )


def test_the_first_token_is_content_or_a_tool_call() -> None:
    """A role alone is no token."""
    empty: Any = {"role": "assistant", "content": ""}
    assert 1.0 == WIRE.read_stream(_events(empty, {"content": "x"})).first_token
    call = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]}
    assert 1.0 == WIRE.read_stream(_events(empty, call)).first_token
    assert WIRE.read_stream(_events(empty)).first_token is None


def test_parallel_calls_are_put_together_by_index() -> None:
    """Pieces of two calls that come interleaved end in the right one."""

    def part(index: int, **more: object) -> Any:  # noqa: ANN401  any JSON
        return {"tool_calls": [{"index": index, **more}]}

    events = _events(
        part(0, id="a", function={"name": "f", "arguments": '{"x"'}),
        part(1, id="b", type="custom", custom={"name": "g", "input": "SEL"}),
        part(0, function={"arguments": ":1}"}),
        part(1, custom={"input": "ECT"}),
    )
    done: Any = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    reply = WIRE.read_stream((*events, StreamEvent(9.0, done)))
    assert (
        CalledTool("a", "f", '{"x":1}'),
        CalledTool("b", "g", "SELECT", free_text=True),
    ) == reply.tools
    assert (None, "tool_calls") == (reply.error, reply.finish_reason)


def test_a_stream_without_its_end_is_cut() -> None:
    """No finish reason: the answer is not whole."""
    assert "cut_stream" == WIRE.read_stream(_events({"content": "x"})).error


def test_all_choices_are_kept() -> None:
    """With n > 1 the messages of all choices are there, in the order of their index."""
    both: Any = {
        "choices": [
            {"index": 1, "delta": {"content": "B"}},
            {"index": 0, "delta": {"content": "A"}},
        ]
    }
    said = [{"role": "assistant", "content": text} for text in "AB"]
    assert said == WIRE.read_stream((StreamEvent(0.0, both),)).message


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [1]}, {"choices": "x"}])
def test_garbage_is_named(body: Any) -> None:  # noqa: ANN401  any JSON
    """A success whose body is no completion is a bad response, not a crash."""
    assert "bad_response" == WIRE.read(body).error


def test_usage_that_is_none_is_unknown() -> None:
    """Missing, negative and non-numeric counts are unknown, never zero."""
    body: Any = {
        "choices": [{"message": {"content": "x"}}],
        "usage": {"prompt_tokens": -1, "completion_tokens": "7", "total_tokens": True},
    }
    usage = WIRE.read(body).usage
    assert (None, None) == (usage.input_tokens, usage.output_tokens)
    assert 2 == len(usage.problems)


def test_legacy_function_calls() -> None:
    """The old `function_call` is a tool call without an id."""
    body: Any = {"choices": [{"message": {"function_call": {"name": "f", "arguments": "{}"}}}]}
    assert (CalledTool(None, "f", "{}"),) == WIRE.read(body).tools


def test_results_of_the_old_form_name_the_function() -> None:
    """`role: function` answers a call without an id."""
    messages: Any = [
        {"role": "function", "name": "f", "content": "42"},
        {"role": "tool", "tool_call_id": "a", "content": "43"},
        {"role": "function", "content": "nameless"},
        {"role": "user", "name": "f", "content": "44"},
    ]
    assert (ToolResult("f", "42"), ToolResult("a", "43")) == WIRE.results({"messages": messages})
    assert "f" == result_id(CalledTool(None, "f", "{}"))
    assert "a" == result_id(CalledTool("a", "f", "{}"))


def test_usage_is_asked_for_once() -> None:
    """Streams are asked for usage where the agent does not ask itself; other options stay."""
    assert ask_for_usage({"messages": []}) is None
    assert ask_for_usage({"stream": True, "stream_options": {"include_usage": True}}) is None
    asked = ask_for_usage({"stream": True, "stream_options": {"x": 1}})
    assert {"stream": True, "stream_options": {"x": 1, "include_usage": True}} == asked


def test_the_usage_event() -> None:
    """Only the event that holds nothing else is kept from the agent."""
    assert is_usage_event({"choices": [], "usage": {"prompt_tokens": 1}})
    assert not is_usage_event({"choices": [{}], "usage": {"prompt_tokens": 1}})
    assert not is_usage_event({"choices": [], "usage": None})


def test_user_turns_and_results() -> None:
    """A person speaks in user messages; results stand in tool messages."""
    body: Any = {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
            {"role": "tool", "content": "no id"},
            {"role": "user", "content": "b"},
            "garbage",
        ]
    }
    assert 2 == WIRE.user_turns(body)
    assert [("c", "r")] == [(r.call_id, r.content) for r in WIRE.results(body)]


def test_a_function_beside_an_empty_custom_call() -> None:
    """Some servers write both kinds and fill one (Snowflake)."""
    call: Any = {
        "id": "c",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "custom": {"name": "", "input": ""},
    }
    body: Any = {"choices": [{"message": {"role": "assistant", "tool_calls": [call]}}]}
    assert ((CalledTool("c", "f", "{}"),), ()) == (WIRE.read(body).tools, WIRE.read(body).unknown)


@pytest.mark.parametrize(
    ("told", "searches", "unknown"),
    [
        ({"web_search_requests": 2, "tool_calls_executed": 2}, 2, 0),
        ({"web_search_requests": 1, "tool_calls_executed": 3}, 1, 1),
        ({"tool_calls_executed": 1}, 0, 1),
        ({"web_search_requests": 10**12}, 1_000, 0),
        ({}, 0, 0),
    ],
)
def test_tools_that_only_the_usage_tells_of(
    told: dict[str, int], searches: int, unknown: int
) -> None:
    """A router's searches are calls of the provider; tools that it does not name are unknown."""
    usage: Any = {"server_tool_use_details": told}
    reply = WIRE.read({"choices": [{"message": {"content": "x"}}], "usage": usage})
    assert ["web_search"] * searches == [tool.name for tool in reply.tools if tool.by_provider]
    assert unknown == len(reply.unknown)
