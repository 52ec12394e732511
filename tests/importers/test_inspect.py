"""Inspect logs."""

from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.importers.inspect import import_inspect
from evalgate.schema.base import Json
from evalgate.schema.trace import LlmCall, ToolCall
from evalgate.text.strict_json import loads


def test_a_log_is_read(shared_data: Path) -> None:
    """3 samples, accuracy 2/3, 192 input and 6 output tokens (the log's own results and stats)."""
    path = shared_data / "inspect" / "popularity.json"
    imported = import_inspect(loads(path.read_bytes(), source=path.name), {})
    calls = [step for trace in imported.traces for step in trace.steps if isinstance(step, LlmCall)]
    assert ["1", "2", "3"] == [case.id for case in imported.cases]
    assert [("match",)] * 3 == [case.expected.scores for case in imported.cases]
    assert [1.0, 1.0, 0.0] == [trace.scores[0].value for trace in imported.traces]
    assert (192, 6) == (
        sum(call.input_tokens or 0 for call in calls),
        sum(call.output_tokens or 0 for call in calls),
    )
    first = imported.traces[0]
    assert ("Yes", 0.664, 0) == (first.output, first.duration, first.trial)
    assert ("openai", "gpt-4o-mini-2024-07-18", "stop") == (
        calls[0].provider,
        calls[0].model,
        calls[0].finish_reason,
    )
    assert ("the log's status is 'cancelled'",) == imported.notes


def _sample(**fields: Json) -> dict[str, Json]:
    sample: dict[str, Json] = {"id": "a", "epoch": 2, "input": "x", "scores": {"s": {"value": "P"}}}
    return sample | fields


def test_events_become_steps() -> None:
    """Cached tokens are part of the input, tools keep their errors, epochs are trials."""
    at = "2025-05-12T20:28:13+00:00"
    usage: Json = {
        "input_tokens": 10,
        "output_tokens": 2,
        "input_tokens_cache_read": 5,
        "total_tokens": 17,
    }
    events: Json = [
        {"event": "model", "timestamp": at, "model": "openai/m", "output": {"usage": usage}},
        {
            "event": "tool",
            "timestamp": "2025-05-12T20:28:14+00:00",
            "completed": "2025-05-12T20:28:16+00:00",
            "function": "f",
            "arguments": {"a": 1},
            "error": {"type": "timeout", "message": "too slow"},
        },
    ]
    log: Json = {"status": "success", "samples": [_sample(events=events)]}
    (trace,) = import_inspect(log, {}).traces
    model, tool = trace.steps
    assert isinstance(model, LlmCall)
    assert (15, 5, "m") == (model.input_tokens, model.cached_tokens, model.model)
    assert isinstance(tool, ToolCall)
    assert (1.0, 3.0, "too slow", {"a": 1}) == (tool.start, tool.end, tool.error, tool.arguments)
    assert (1, 0.5) == (trace.trial, trace.scores[0].value)


def test_messages_stand_in_for_missing_events() -> None:
    """Inspect's spelling of tool calls is read."""
    messages: Json = [
        {"role": "user", "content": "x"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c", "function": "f", "arguments": {"a": 1}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "r"},
    ]
    log: Json = {"status": "success", "samples": [_sample(messages=messages)]}
    (trace,) = import_inspect(log, {}).traces
    (call,) = (step for step in trace.steps if isinstance(step, ToolCall))
    assert ("f", {"a": 1}, "r") == (call.name, call.arguments, call.result)


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"error": {"message": "boom"}}, "crashed"), ({"limit": {"type": "token"}}, "limit")],
)
def test_a_sample_that_failed_is_a_failure(fields: dict[str, Json], status: str) -> None:
    """Errors and limits are not finished, and a case without a score still expects one."""
    samples: Json = [_sample(**fields, scores={}), _sample(id="b")]
    imported = import_inspect({"status": "success", "samples": samples}, {})
    trace = imported.traces[0]
    assert [("s",), ("s",)] == [case.expected.scores for case in imported.cases]
    assert status == trace.status
    assert trace.error


def test_other_files_are_refused() -> None:
    """The message points at the place."""
    with pytest.raises(DataError, match="/samples: found None; expected a list"):
        import_inspect({"version": 2}, {})
    with pytest.raises(DataError, match="/samples/0/id: found None"):
        import_inspect({"samples": [{}]}, {})
