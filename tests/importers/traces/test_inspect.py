"""Inspect logs."""

from pathlib import Path
from statistics import mean

import pytest

from evalgate.errors import DataError
from evalgate.importers.imported import Imported, tokens_or_none
from evalgate.importers.sources import read_source
from evalgate.importers.traces.inspect import import_inspect
from evalgate.schema.base import Json
from evalgate.schema.trace import LlmCall, ToolCall, Trace, Unread
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


def test_cases_that_nothing_scores_are_drafts() -> None:
    """A reviewed case that expects nothing is refused by every run; the note says what to do."""
    bare = import_inspect({"status": "success", "samples": [_sample(scores={})]}, {})
    scored = import_inspect({"status": "success", "samples": [_sample()]}, {})
    assert (["draft"], ["reviewed"]) == tuple([c.status for c in i.cases] for i in (bare, scored))
    assert any("the cases are drafts: say under `expected`" in note for note in bare.notes)


def test_other_files_are_refused() -> None:
    """The message points at the place."""
    with pytest.raises(DataError, match="/samples: is missing or null; expected a list"):
        import_inspect({"version": 2}, {})
    with pytest.raises(DataError, match="/samples: the log holds none: it is a header alone"):
        import_inspect({"version": 2, "eval": {}, "status": "started"}, {})
    with pytest.raises(DataError, match="/samples/0/id: is missing or null"):
        import_inspect({"samples": [{}]}, {})


def _read(path: Path) -> Imported:
    return import_inspect(read_source(path, "inspect"), {})


def _tokens(imported: Imported) -> tuple[int, int]:
    steps = [step for trace in imported.traces for step in trace.steps]
    calls = [step for step in steps if isinstance(step, LlmCall)]
    return sum(c.input_tokens or 0 for c in calls), sum(c.output_tokens or 0 for c in calls)


def _graders_tokens(imported: Imported) -> tuple[int, int]:
    steps = [step for trace in imported.traces for step in trace.steps]
    usages = [step.metadata["usage"] for step in steps if step.name == "grader"]
    known = [usage for usage in usages if isinstance(usage, dict)]
    sent = sum(tokens_or_none(usage["input_tokens"]) or 0 for usage in known)
    return sent, sum(tokens_or_none(usage["output_tokens"]) or 0 for usage in known)


def test_archives_are_read_as_the_same_log_in_json(shared_data: Path) -> None:
    """One run in both formats imports alike: I, 66 in, 2 out (foreign/README.md)."""
    folder = shared_data / "foreign" / "inspect"
    archive, plain = _read(folder / "log_formats.eval"), _read(folder / "log_formats.json")
    assert (66, 2) == _tokens(archive) == _tokens(plain)
    assert [0.0] == [score.value for trace in archive.traces for score in trace.scores]
    assert [t.scores for t in archive.traces] == [t.scores for t in plain.traces]
    assert [c.input for c in archive.cases] == [c.input for c in plain.cases]


def test_epochs_and_unscored_samples_of_an_archive(shared_data: Path) -> None:
    """C 3, I 1 over 2 samples x 2 epochs; ten samples without a score are no success."""
    folder = shared_data / "foreign" / "inspect"
    epochs = _read(folder / "log_streaming.eval")
    assert [("1", 0), ("1", 1), ("2", 0), ("2", 1)] == [(t.case_id, t.trial) for t in epochs.traces]
    assert 0.75 == mean(float(t.scores[0].value) for t in epochs.traces)
    unscored = _read(folder / "popularity.eval")
    assert (10, []) == (len(unscored.traces), [s for t in unscored.traces for s in t.scores])
    assert "10 samples have no score: success is not measured there" in unscored.notes


def test_the_graders_calls_stand_apart(shared_data: Path) -> None:
    """959 in and 1,033 out are the agent's and the grader's together; C 3."""
    imported = _read(shared_data / "foreign" / "inspect" / "security-guide.json")
    agent, grader = _tokens(imported), _graders_tokens(imported)
    assert (959, 1033) == (agent[0] + grader[0], agent[1] + grader[1])
    assert [1.0] * 3 == [score.value for trace in imported.traces for score in trace.scores]
    assert 3 == sum(isinstance(s, LlmCall) for t in imported.traces for s in t.steps)


def test_a_header_that_disagrees_with_its_samples_is_said(shared_data: Path) -> None:
    """It says 4 samples and accuracy 1.0; one sample without a score is there."""
    imported = _read(shared_data / "foreign" / "inspect" / "log_tool_call_error.json")
    assert "the log's header counts 4 samples, the file holds 1" in imported.notes
    assert () == imported.traces[0].scores


def test_a_sample_that_reached_a_limit_has_the_score_it_was_given(shared_cases: Path) -> None:
    """.75, as its scorers said of four samples, one of which reached a limit."""
    imported = _read(shared_cases / "importers" / "inspect_limit_but_scored.json")
    assert ["finished"] * 4 == [trace.status for trace in imported.traces]
    assert 0.75 == mean(float(trace.scores[0].value) for trace in imported.traces)


def test_reasoning_outside_the_output_is_output(shared_cases: Path) -> None:
    """The total of 3,010 says that 2,000 come on top of 10 (inspect_ai 5528)."""
    imported = _read(shared_cases / "importers" / "inspect_reasoning_outside_output.json")
    assert (1000, 2010) == _tokens(imported)


def test_nan_is_unscored(tmp_path: Path) -> None:
    """Inspect writes NaN where a scorer gave nothing; a text that says NaN stays one."""
    path = tmp_path / "log.json"
    sample = '{"id": 1, "input": "is it \\"NaN\\"? NaN", "scores": {"s": {"value": NaN}}}'
    path.write_text(f'{{"status": "success", "samples": [{sample}]}}')
    imported = _read(path)
    assert 'is it "NaN"? NaN' == imported.cases[0].input
    assert (("s",), ()) == (imported.cases[0].expected.scores, imported.traces[0].scores)


@pytest.mark.parametrize("content", [b"PK\x03\x04oops", b"PK\x03\x04"])
def test_a_broken_archive_is_named(content: bytes, tmp_path: Path) -> None:
    """With the command that makes a log in JSON."""
    path = tmp_path / "log.eval"
    path.write_bytes(content)
    with pytest.raises(DataError, match="the archive cannot be read"):
        _read(path)


def _events(*events: Json) -> Trace:
    log: Json = {"status": "success", "samples": [_sample(events=list(events))]}
    return import_inspect(log, {}).traces[0]


def test_calls_without_an_event_and_unknown_events_are_kept() -> None:
    """The provider ran the first, nobody the second; the third event is of a kind to come."""
    content: Json = [{"type": "tool_use", "id": "s", "name": "web_search", "arguments": "{}"}]
    asked: Json = [{"id": "c", "function": "f", "arguments": {"a": 1}}]
    message: Json = {"role": "assistant", "content": content, "tool_calls": asked}
    model: Json = {"event": "model", "model": "m", "output": {"choices": [{"message": message}]}}
    trace = _events(model, {"event": "teleport", "to": "Rome"})
    calls = [(s.name, s.arguments) for s in trace.steps if isinstance(s, ToolCall)]
    assert [("web_search", {}), ("f", {"a": 1})] == calls
    assert ["event teleport"] == [s.type for s in trace.steps if isinstance(s, Unread)]
    ran: Json = {"event": "tool", "id": "c", "function": "f", "arguments": {"a": 1}}
    assert 2 == sum(isinstance(step, ToolCall) for step in _events(model, ran).steps)


def test_events_of_an_older_transcript_are_read() -> None:
    """They stand in `transcript.events`, long texts apart in `transcript.content`."""
    said: Json = {"role": "assistant", "content": "tc://1"}
    event: Json = {"event": "model", "model": "m", "output": {"choices": [{"message": said}]}}
    transcript: Json = {"events": [event], "content": {"1": "In Rome."}}
    log: Json = {"status": "success", "samples": [_sample(transcript=transcript)]}
    (call,) = import_inspect(log, {}).traces[0].steps
    assert isinstance(call, LlmCall)
    assert "In Rome." == call.output
