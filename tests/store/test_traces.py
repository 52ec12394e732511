"""Traces on disk."""

from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.schema.trace import (
    Attempt,
    Feedback,
    GuardrailStep,
    Handoff,
    LlmCall,
    RecordedScore,
    Retrieval,
    Span,
    ToolCall,
    Trace,
    UserMessage,
)
from evalgate.store.traces import iter_traces, load_traces, trace_to_json, write_traces

_FULL = Trace(
    case_id="a",
    trial=2,
    status="crashed",
    error="boom",
    output={"answer": [1, None]},
    final_state={"order": None},
    steps=(
        LlmCall(
            id="1", model="m", input_tokens=0, attempts=(Attempt(status=429, error="throttled"),)
        ),
        ToolCall(name="f", arguments={"x": None, "y": [None, {"z": None}]}, result=[None]),
        ToolCall(name="f", arguments="{broken", error="unparsable", requestor="user"),
        Retrieval(query="q", documents=("d",)),
        GuardrailStep(type="pii", decision="block"),
        Handoff(target="human", confidence=0.5, fallback=False),
        UserMessage(content="hello"),
        Span(name="s", input=None, output="o", metadata={"k": None}),
    ),
    scores=(
        RecordedScore(name="reward", value=1.0),
        RecordedScore(name="ok", value=True),
        RecordedScore(name="label", value="good"),
    ),
    feedback=Feedback(thumbs="up"),
    metadata={"nested": {"n": None}},
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Every kind of step, and nulls inside arguments, survive."""
    path = tmp_path / "traces.jsonl"
    traces = [_FULL, Trace(case_id="b")]
    write_traces(path, traces)
    assert traces == load_traces(path)
    assert [(1, _FULL), (2, traces[1])] == list(iter_traces(path))
    assert trace_to_json(_FULL) == path.read_text().splitlines()[0]


def test_a_newer_version_is_named(tmp_path: Path) -> None:
    """Not its unknown fields but its version is the problem."""
    path = tmp_path / "traces.jsonl"
    path.write_text('{"case_id": "a"}\n{"schema": "evalgate.trace/2", "case": "a"}\n')
    for read in (load_traces, lambda path: list(iter_traces(path))):
        with pytest.raises(DataError, match=r"jsonl:2: found a trace of version 2") as caught:
            read(path)
        assert "pip install --upgrade agent-evalgate" == caught.value.fix


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    """Lines, pointers, and a trial that comes twice."""
    path = tmp_path / "traces.jsonl"
    path.write_text(
        '{"case_id": "a"}\n{"case_id": "a"}\n{"case_id": "a", "trial": 1}\n'
        '{"case_id": "b", "steps": [{"kind": "tool_cal", "name": "f"}, {"kind": "llm_call",'
        ' "input_tokens": -1}]}\n{"case_id": "c", "statu": "x'
    )
    with pytest.raises(DataError) as caught:
        load_traces(path)
    lines = caught.value.message.splitlines()
    assert f"{path}: 4 problems" == lines[0]
    assert "line 2: found trial 0 of case 'a' again; line 1 has it" in lines[1]
    assert "line 4, /steps/0: " in lines[2]
    assert "'llm_call', 'tool_call'" in lines[2]
    assert "line 4, /steps/1/input_tokens: found -1; expected greater than or equal" in lines[3]
    assert "may have been cut off" in lines[4]


def test_reading_is_lazy(tmp_path: Path) -> None:
    """A bad line is met when it is reached."""
    path = tmp_path / "traces.jsonl"
    path.write_text('{"case_id": "a"}\n{"case_id": 5}\n')
    reading = iter_traces(path)
    assert "a" == next(reading)[1].case_id
    with pytest.raises(DataError, match="line 2, /case_id: found 5"):
        next(reading)
