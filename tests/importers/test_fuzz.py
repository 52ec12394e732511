"""Calls of models in mixed shapes: no importer loses one without a word."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalgate.registry import resolve
from evalgate.schema.base import Json
from evalgate.schema.trace import ToolCall, Trace, Unread


def _import(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = resolve("importers", name)
    return found


def _counted(trace: Trace) -> int | None:
    """Return the calls of a trace; null where it says that they are not measured."""
    if any(isinstance(step, Unread) and "tool_calls" in step.parts for step in trace.steps):
        return None
    return sum(isinstance(step, ToolCall) for step in trace.steps)


_CALLS: dict[str, Callable[[int], Json]] = {
    "openai": lambda n: {"tool_calls": [{"id": f"c{n}", "function": {"name": "f"}}]},
    "same id": lambda n: {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": n}}]},
    "anthropic": lambda n: {"content": [{"type": "tool_use", "id": f"c{n}", "name": "f"}]},
    "gemini": lambda n: {"parts": [{"functionCall": {"name": "f", "args": {"n": n}}}]},
    "otel": lambda n: {"parts": [{"type": "tool_call", "id": f"c{n}", "name": "f"}]},
    "no name": lambda n: {"tool_calls": [{"id": f"c{n}", "function": {"arguments": "{}"}}]},
    "to come": lambda n: {"content": [{"type": "summon_tool", "id": f"c{n}"}]},
}  # fmt: skip


@given(kinds=st.lists(st.sampled_from(sorted(_CALLS)), max_size=6), answered=st.booleans())
@settings(max_examples=60)
def test_as_many_calls_come_out_as_went_in(kinds: list[str], *, answered: bool) -> None:
    """Of chat transcripts in mixed shapes, or the trace says that it cannot tell."""
    messages: list[Json] = [{"role": "user", "content": "hi"}]
    for number, kind in enumerate(kinds):
        message = _CALLS[kind](number)
        assert isinstance(message, dict)
        messages.append({"role": "assistant", **message})
        if answered:
            messages.append({"role": "tool", "tool_call_id": f"c{number}", "content": "ok"})
    messages.append({"role": "assistant", "content": "done"})
    (trace,) = _import("chat")(messages, {}).traces
    assert _counted(trace) in (None, len(kinds))
    if not {"no name", "to come"} & set(kinds) and not answered:
        assert len(kinds) == _counted(trace)


@pytest.mark.parametrize("name", ["langfuse", "otel"])
@given(kinds=st.lists(st.sampled_from(sorted(_CALLS)), min_size=1, max_size=6))
@settings(max_examples=40)
def test_as_many_calls_come_out_as_models_asked_for(name: str, kinds: list[str]) -> None:
    """Of recorded model calls, one after another."""
    answers = [{"role": "assistant", **dict(_CALLS[kind](n))} for n, kind in enumerate(kinds)]  # type: ignore[arg-type]
    if name == "langfuse":
        data: Json = [
            {
                "traceId": "t",
                "id": f"g{n}",
                "type": "GENERATION",
                "startTime": f"2026-01-01T00:00:0{n}Z",
                "output": json.dumps(answer),
            }
            for n, answer in enumerate(answers)
        ]
    else:
        spans: Json = [
            {
                "traceId": "t",
                "spanId": f"g{n}",
                "startTimeUnixNano": f"{10**18 + n}",
                "attributes": {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.output.messages": json.dumps([answer]),
                },
            }
            for n, answer in enumerate(answers)
        ]
        data = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    (trace,) = _import(name)(data, {}).traces
    expected = None if {"no name", "to come"} & set(kinds) else len(kinds)
    assert expected == _counted(trace)
