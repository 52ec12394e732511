"""What observability formats have in common."""

import pytest

from evalgate.importers.observed import (
    asked_text,
    cost_of,
    data_of,
    draft_case,
    in_order,
    said,
    tagged,
    tool_arguments,
)
from evalgate.schema.base import Json
from evalgate.schema.trace import LlmCall, Span, Step, ToolCall, Unread


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ("[broken", "[broken"),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ("text", "text"),
        (5, 5),
    ],
)
def test_json_in_texts_is_read(value: Json, expected: Json) -> None:
    """Also twice encoded; what is no strict JSON stays a text."""
    assert expected == data_of(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"input": {"city": "Rome"}}, {"city": "Rome"}),
        ({"input": "Rome"}, {"input": "Rome"}),
        ("{'a': [None, True]}", {"a": [None, True]}),
        ("{'a': __import__('os')}", "{'a': __import__('os')}"),
        ("{'a': {1, 2}}", "{'a': {1, 2}}"),
        ("", {}),
        (None, {}),
        ([1], {"input": [1]}),
    ],
)
def test_arguments_are_read(value: Json, expected: Json) -> None:
    """JSON, or a literal of Python; nothing is ever run."""
    assert expected == tool_arguments(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("hi", "hi"),
        ({"role": "assistant", "content": "hi"}, "hi"),
        ({"content": [{"type": "text", "text": "hi"}]}, "hi"),
        ({"messages": [{"content": "x"}, {"type": "ai", "content": "hi"}]}, "hi"),
        ([{"role": "assistant", "parts": [{"type": "text", "content": "hi"}]}], "hi"),
        (
            {"output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]},
            "hi",
        ),
        ({"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}}]}, "hi"),
        ({"messages": [{"lc": 1, "type": "constructor", "kwargs": {"content": "hi"}}]}, "hi"),
        ("{'role': 'assistant', 'text': 'hi'}", "hi"),
        ("{'a': 1}", "{'a': 1}"),
        ("{'role': 'assistant', 'text'", "{'role': 'assistant', 'text'"),
        ({"answer": 5}, {"answer": 5}),
    ],
)
def test_answers_are_found_in_every_shape(value: Json, expected: Json) -> None:
    """Data that is no message stays data."""
    assert expected == said(value)


def test_questions_are_found() -> None:
    """The last user message, a prompt, or the data as canonical JSON."""
    messages: Json = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    assert "b" == asked_text(messages)
    assert "p" == asked_text({"prompt": "p", "system": "s"})
    assert '{"a":1}' == asked_text({"a": 1})


def test_steps_are_ordered_by_time() -> None:
    """One without a time stays behind the one it came after."""
    steps: list[Step] = [Span(id="b", start=2), LlmCall(id="c"), Span(id="a", start=1)]
    assert ["a", "b", "c"] == [step.id for step in in_order(steps)]


def test_a_sum_of_costs_is_unknown_as_soon_as_one_is() -> None:
    """Zero with tokens is unknown; no call at all has no cost."""
    known = LlmCall(cost_usd=0.5, input_tokens=1)
    assert 1.0 == cost_of([known, ToolCall(name="f"), known])
    assert cost_of([known, LlmCall(input_tokens=1)]) is None
    assert cost_of([known, LlmCall(input_tokens=1, cost_usd=0.0)]) is None
    assert cost_of([ToolCall(name="f")]) is None


def test_a_draft_proposes_what_was_done() -> None:
    """Calls of the user are no proposal; of one that could not be parsed its name is."""
    steps = [
        ToolCall(name="f", arguments={"a": 1}),
        ToolCall(name="g", arguments="{"),
        ToolCall(name="h", requestor="user"),
    ]
    case = draft_case("id1", "hello", steps, "langfuse")
    assert ("id1", "draft") == (case.id, case.status)
    first, second = case.expected.tool_calls or ()
    assert ("f", None, "g", ()) == (
        first.name,
        first.compare_args,
        second.name,
        second.compare_args,
    )
    unread = draft_case("id1", "hello", [*steps, Unread(type="x")], "langfuse")
    assert unread.expected.tool_calls is None


def test_tags_have_values() -> None:
    """`name:value`, the first of them."""
    assert "x" == tagged(["a", "agent_name:x"], "agent_name")
    assert tagged(["agent_name"], "agent_name") is None
