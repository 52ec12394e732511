"""Langfuse: real exports, the published nested example, and flat rows."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalgate.errors import DataError
from evalgate.importers.imported import Imported
from evalgate.importers.times import moment, seconds_since
from evalgate.importers.traces.langfuse import import_langfuse
from evalgate.schema.base import Json
from evalgate.schema.trace import (
    GuardrailStep,
    LlmCall,
    RecordedScore,
    Retrieval,
    Span,
    ToolCall,
    Trace,
    Unread,
)
from evalgate.text.strict_json import loads


def _load(folder: Path, name: str) -> Json:
    path = folder / "langfuse" / name
    return loads(path.read_bytes(), source=name)


def _read(folder: Path, name: str) -> Imported:
    return import_langfuse(_load(folder, name), {})


def _kinds(trace: Trace) -> dict[str, int]:
    return dict(Counter(step.kind for step in trace.steps))


def _tokens(trace: Trace) -> tuple[int, int]:
    calls = [step for step in trace.steps if isinstance(step, LlmCall)]
    return (
        sum(call.input_tokens or 0 for call in calls),
        sum(call.output_tokens or 0 for call in calls),
    )


def test_the_claude_agent_has_the_published_figures(shared_data: Path) -> None:
    """4 generations, 2 tools, 34 in and 232 out tokens, $.003582 (README of the data)."""
    (trace,) = _read(shared_data, "claude-agent-2025-12-22.trace.json").traces
    assert {"llm_call": 4, "tool_call": 2, "span": 1} == _kinds(trace)
    assert (34, 232) == _tokens(trace)
    assert trace.cost_usd == pytest.approx(0.003582, abs=1e-9)
    assert ("finished", "default", 7.36) == (trace.status, trace.environment, trace.duration)
    calls = [step for step in trace.steps if isinstance(step, ToolCall)]
    assert [{"city": "Berlin"}, {"city": "New York"}] == [call.arguments for call in calls]
    assert isinstance(trace.output, str)
    assert trace.output.startswith("Great! Here's the current weather")
    assert ["correctness", "hallucination", "toxicity"] == sorted(s.name for s in trace.scores)


@pytest.mark.parametrize(
    ("name", "kinds", "tokens", "cost", "tools"),
    [
        ("crewai-2025-07-11", {"span": 5, "llm_call": 1}, (190, 164), 0.0001269, []),
        (
            "langgraph-python-2025-08-22",
            {"span": 6, "llm_call": 2, "tool_call": 1},
            (168, 66),
            0.000234,
            [("Web-Search", {"query": "example"})],
        ),
        (
            "openai-agents-2025-09-30",
            {"span": 2, "llm_call": 2, "tool_call": 1},
            (140, 44),
            0.000632,
            [("get_weather", {"city": "Tokyo"})],
        ),
        (
            "pydantic-ai-tools-2025-12-04",
            {"span": 5, "llm_call": 4, "tool_call": 3},
            (1315, 209),
            0.00032265,
            [
                ("get_pun_suggestion", {"topic": "programming"}),
                ("get_dad_joke_suggestion", {"topic": "programming"}),
                ("get_one_liner_suggestion", {"topic": "programming"}),
            ],
        ),
    ],
)
def test_every_framework_is_read(
    shared_data: Path,
    name: str,
    kinds: dict[str, int],
    tokens: tuple[int, int],
    cost: float,
    tools: list[tuple[str, dict[str, Json]]],
) -> None:
    """Counts and sums taken from the files' own observations."""
    imported = _read(shared_data, f"{name}.trace.json")
    (trace,) = imported.traces
    calls = [step for step in trace.steps if isinstance(step, ToolCall)]
    assert kinds == _kinds(trace)
    assert tokens == _tokens(trace)
    assert trace.cost_usd == pytest.approx(cost, abs=1e-9)
    assert tools == [(call.name, call.arguments) for call in calls]
    assert isinstance(trace.output, str)
    assert imported.cases[0].input
    assert "draft" == imported.cases[0].status


def test_the_recorded_cost_of_the_nested_example_wins(shared_data: Path) -> None:
    """3 spans, 3 scores, .036 although 80 tokens at $30/M are .0024 (README of the data)."""
    (trace,) = _read(shared_data, "nested_example.json").traces
    assert {"span": 1, "tool_call": 1, "llm_call": 1} == _kinds(trace)
    assert 0.036 == trace.cost_usd
    _, tool, model = trace.steps
    assert isinstance(tool, ToolCall)
    assert ("get_order", "v2.1", {"order_id": "12345"}) == (tool.name, tool.version, tool.arguments)
    assert isinstance(model, LlmCall)
    assert (1200, 80, 0.7, 0.036) == (
        model.input_tokens,
        model.output_tokens,
        model.temperature,
        model.cost_usd,
    )
    assert ("support-agent", "production", "web", "refund_request", "v1.2.3") == (
        trace.agent_name,
        trace.environment,
        trace.channel,
        trace.intent,
        trace.prompt_version,
    )
    assert (
        RecordedScore(name="task_success", value=1.0, comment="Refund processed successfully")
        == trace.scores[0]
    )


def _leaves(value: Json, at: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{at}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{at}/{index}")
    else:
        yield at, value


def test_nothing_of_the_nested_example_is_lost(shared_data: Path) -> None:
    """Every leaf of the file is in its own step, score or trace; times as seconds."""
    data = _load(shared_data, "nested_example.json")
    assert isinstance(data, dict)
    (trace,) = import_langfuse(data, {}).traces
    spans, scores = data.pop("spans"), data.pop("scores")
    assert isinstance(spans, list)
    assert isinstance(scores, list)
    parts = zip(
        (data, *spans, *scores),
        (trace.model_copy(update={"steps": (), "scores": ()}), *trace.steps, *trace.scores),
        strict=True,
    )
    start = moment(trace.started_at)
    missing: list[tuple[str, Json]] = []
    for source, kept in parts:
        found = [value for _, value in _leaves(kept.model_dump(mode="json"))]
        for at, value in _leaves(source):
            wanted = seconds_since(start, moment(value)) if at.endswith("_time") else value
            if wanted not in found:
                missing.append((at, value))
    assert [] == missing


def _row(**fields: Json) -> dict[str, Json]:
    row: dict[str, Json] = {
        "traceId": "t1",
        "traceName": "support",
        "startTime": "2026-01-01T00:00:01Z",
        "endTime": "2026-01-01T00:00:02Z",
    }
    return row | fields


def test_flat_rows_are_grouped_by_trace() -> None:
    """Rows of the v2 API: raw texts, prices as texts, a root that is flagged."""
    rows: list[Json] = [
        _row(
            id="g",
            type="GENERATION",
            parentObservationId="r",
            isRootObservation=False,
            providedModelName="gpt-4o",
            usageDetails={"input": 10, "input_cache_read": 4, "output": 5, "total": 19},
            totalCost="0.0125",
            completionStartTime="2026-01-01T00:00:01.5Z",
            input='[{"role": "user", "content": "hello"}]',
            output='{"role": "assistant", "content": "hi"}',
        ),
        _row(
            id="r",
            type="SPAN",
            isRootObservation=True,
            startTime="2026-01-01T00:00:00Z",
            sessionId="s",
            output="hi",
        ),
        _row(id="x", traceId="t2", type="SPAN", isRootObservation=True, level="ERROR"),
    ]
    first, second = import_langfuse(rows, {}).traces
    assert ("t1", "s", "hi", 0.0125, 2.0) == (
        first.case_id,
        first.session_id,
        first.output,
        first.cost_usd,
        first.duration,
    )
    root, call = first.steps
    assert isinstance(root, Span)
    assert isinstance(call, LlmCall)
    assert ("gpt-4o", 14, 4, 5, 0.5) == (
        call.model,
        call.input_tokens,
        call.cached_tokens,
        call.output_tokens,
        call.time_to_first_token,
    )
    assert ("t2", "crashed") == (second.case_id, second.status)
    assert import_langfuse({"data": rows, "meta": {}}, {}).traces == (first, second)


def test_a_zero_cost_on_tokens_is_unknown() -> None:
    """The step keeps the zero, the trace has no cost."""
    row = _row(id="g", type="GENERATION", usageDetails={"input": 1, "output": 1}, totalCost=0)
    (trace,) = import_langfuse([row], {}).traces
    call, *_ = trace.steps
    assert isinstance(call, LlmCall)
    assert (0.0, None) == (call.cost_usd, trace.cost_usd)


def test_retrievals_guardrails_and_failures_are_told_apart() -> None:
    """A guardrail without a decision is a span: no decision is made up."""
    rows: list[Json] = [
        _row(id="1", type="RETRIEVER", input="q", output=[{"page_content": "d"}, "e"]),
        _row(id="2", type="GUARDRAIL", name="pii", output={"decision": "blocked"}),
        _row(id="3", type="GUARDRAIL", name="pii", output={"score": 0.3}),
        _row(id="4", type="TOOL", name="f", input="{}", level="ERROR", statusMessage="boom"),
    ]
    (trace,) = import_langfuse(rows, {}).traces
    retrieval, guard, unknown, tool = trace.steps
    assert isinstance(retrieval, Retrieval)
    assert ("q", ("d", "e")) == (retrieval.query, retrieval.documents)
    assert isinstance(guard, GuardrailStep)
    assert "block" == guard.decision
    assert isinstance(unknown, Span)
    assert isinstance(tool, ToolCall)
    assert "boom" == tool.error


def test_scores_keep_their_type_and_feedback_is_found() -> None:
    """Numbers, truth values and labels; a thumb of the user."""
    scores: Json = [
        {"name": "ok", "value": 1, "dataType": "BOOLEAN"},
        {"name": "tone", "value": 0, "stringValue": "kind", "dataType": "CATEGORICAL"},
        {"name": "user-feedback", "value": 0, "comment": "wrong"},
    ]
    data: Json = {"id": "t", "observations": [], "scores": scores}
    (trace,) = import_langfuse(data, {}).traces
    assert [True, "kind", 0.0] == [score.value for score in trace.scores]
    assert trace.feedback is not None
    assert ("down", "wrong") == (trace.feedback.thumbs, trace.feedback.comment)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"id": "x"}, "/: found neither `observations` nor `spans`"),
        ([5], "/0: found 5; expected an object"),
        ({"spans": []}, "/id: is missing or null; expected a text or a number"),
        ({"id": "a", "spans": [1]}, "/spans/0: found 1; expected an object"),
    ],
)
def test_other_files_are_refused(data: Json, message: str) -> None:
    """The message points at the place."""
    with pytest.raises(DataError) as caught:
        import_langfuse(data, {})
    assert message in caught.value.message


def _generation(output: Json, **more: Json) -> dict[str, Json]:
    return _row(id="g", type="GENERATION", output=output) | more


def _of(*rows: dict[str, Json]) -> Trace:
    (trace,) = import_langfuse(list(rows), {}).traces
    return trace


def _calls(trace: Trace) -> list[tuple[str, object, object]]:
    calls = [step for step in trace.steps if isinstance(step, ToolCall)]
    return [(call.name, call.arguments, call.result) for call in calls]


@pytest.mark.parametrize(
    "output",
    [
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "refund"}}]},
        {"choices": [{"message": {"role": "assistant", "function_call": {"name": "refund"}}}]},
        {"content": [{"type": "tool_use", "id": "c", "name": "refund", "input": {}}]},
        [{"role": "assistant", "parts": [{"type": "tool_call", "name": "refund"}]}],
        {"output": [{"type": "function_call", "call_id": "c", "name": "refund"}]},
        [{"toolCallId": "c", "toolName": "refund", "input": "{}"}],
        [{"role": "assistant", "finish_reason": "tool_calls",
          "content": '[{"id": "c", "type": "function", "function": {"name": "refund"}}]'}],
        {"content": {"role": "model", "parts": [{"functionCall": {"name": "refund"}}]}},
        {"generations": [[{"message": {"kwargs": {"type": "ai", "content": "", "tool_calls": [
            {"name": "refund", "args": {}, "id": "c"}
        ]}}}]]},
    ],
    ids=[
        *("openai", "legacy", "anthropic", "otel", "responses", "ai-sdk", "text", "gemini"),
        "langchain",
    ],
)  # fmt: skip
def test_generations_hold_calls_that_no_tool_row_repeats(output: Json) -> None:
    """A client's integration records what the model said and nothing else."""
    asked: Json = [
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "refund"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "done"},
    ]
    later = _generation("Refunded.", id="h", input=asked, startTime="2026-01-01T00:00:09Z")
    trace = _of(_generation(output), later)
    (call,) = _calls(trace)
    assert ("refund", {}) == call[:2]
    assert "Refunded." == trace.output


def test_a_tool_row_is_the_call_that_its_generation_asked_for() -> None:
    """It is counted once."""
    asks: Json = {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    tool = _row(id="t", type="TOOL", name="f", input={}, output="ok")
    assert [("f", {}, "ok")] == _calls(_of(_generation(asks), tool))


def test_rows_that_are_no_call_are_none() -> None:
    """An event that bears a tool's name, an evaluator's own model; an unknown type is kept."""
    asks: Json = {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    event = _row(id="e", type="EVENT", name="f")
    assert 1 == len(_calls(_of(_generation(asks), event)))
    judge = _row(id="j", type="EVALUATOR", name="judge")
    its_model = _generation("4 of 5", id="m", parentObservationId="j")
    trace = _of(_generation("Hi."), judge, its_model)
    assert 1 == sum(isinstance(step, LlmCall) for step in trace.steps)
    (step,) = _of(_row(id="x", type="HOLOGRAM")).steps
    assert isinstance(step, Unread)
    assert "observation HOLOGRAM" == step.type


def test_a_wish_to_call_that_nobody_can_read_is_no_absence_of_calls() -> None:
    """The model stopped to call a tool, and no call is in what it said."""
    said: Json = {"role": "assistant", "content": "<call refund>", "finish_reason": "tool_calls"}
    imported = import_langfuse([_generation(said)], {})
    assert any(isinstance(step, Unread) for step in imported.traces[0].steps)
    assert imported.cases[0].expected.tool_calls is None


def test_a_span_that_names_the_tool_it_ran_is_a_call() -> None:
    """As Koog writes it: a plain span with OpenTelemetry's attributes, under another name."""
    named: Json = {"attributes": {"gen_ai.tool.name": "Hello", "gen_ai.tool.call.id": "c"}}
    tool = _row(id="t", type="SPAN", name="tool.Hello", input={"a": 1}, output="x", metadata=named)
    assert [("Hello", {"a": 1}, "x")] == _calls(_of(_generation("Hi."), tool))


@pytest.mark.parametrize(
    ("outer", "inner", "tokens"),
    [
        ({"input": 14, "output": 43}, {"input": 62, "output": 85}, (62, 85)),
        ({"input": 14, "output": 43}, None, (14, 43)),
        (None, {"input": 62, "output": 85}, (62, 85)),
    ],
)
def test_a_generation_within_a_generation_is_one_call(
    outer: Json, inner: Json, tokens: tuple[int, int]
) -> None:
    """Of both the inner one counts, unless only the outer one has tokens; money counts once."""
    asks: Json = [{"toolCallId": "c", "toolName": "f", "input": "{}"}]
    rows = [
        _generation(asks, id="o", usageDetails=outer, totalCost=1.0),
        _row(id="s", type="SPAN", name="between", parentObservationId="o"),
        _generation(None, id="i", parentObservationId="s", usageDetails=inner, totalCost=2.0),
    ]
    trace = _of(*rows)
    assert {"llm_call": 1, "span": 2, "tool_call": 1} == _kinds(trace)
    assert tokens == _tokens(trace)
    assert (1.0 if inner is None else 2.0) == trace.cost_usd
    assert trace.output is None


def test_events_of_one_call_are_one_call() -> None:
    """As BeeAI records it; a tool that its events name and nobody ran is not nothing."""
    attributes: dict[str, Json] = {
        "openinference.span.kind": "TOOL",
        "tool.parameters": '{"query": "x"}',
    }
    events = [
        _row(
            id=event,
            type="SPAN",
            name=f"tool.search.wiki.{event}-3",
            metadata={"attributes": attributes},
        )
        for event in ("start", "success", "finish")
    ]
    update: Json = {"attributes": {"openinference.span.kind": "AGENT", "tool.name": "Weather"}}
    named = _row(id="u", type="SPAN", name="agent.react.update-1", metadata=update)
    trace = _of(_generation("Hi.", name="openai.chat.start-1"), *events, named)
    assert [("wiki", {"query": "x"}, None)] == _calls(trace)
    (unread,) = [step for step in trace.steps if isinstance(step, Unread)]
    assert "tool Weather named, no call recorded" == unread.type


def test_a_generation_without_an_answer_is_no_proof_of_no_call() -> None:
    """Nothing was recorded, and the draft says nothing of calls."""
    imported = import_langfuse([_generation(None)], {})
    assert any(isinstance(step, Unread) for step in imported.traces[0].steps)
    assert imported.cases[0].expected.tool_calls is None


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        # langfuse 15856; the first is a file of the cases.
        (None, (1000, 2010)),
        (
            {
                "input": 100,
                "input_cache_creation_5m": 50000,
                "input_cache_creation_1h": 50000,
                "output": 10,
                "total": 100110,
            },
            (100100, 10),
        ),
        (
            {
                "input": 10,
                "input_audio_tokens": 1000,
                "output": 20,
                "output_audio_tokens": 500,
                "total": 1530,
            },
            (1010, 520),
        ),
    ],
)
def test_parts_beside_the_input_are_counted(
    usage: Json, tokens: tuple[int, int], shared_cases: Path
) -> None:
    """Langfuse keeps parts of the input beside it; the total says so."""
    path = shared_cases / "importers" / "langfuse_usage_template.json"
    data: Any = loads(path.read_bytes(), source=path.name)
    if usage is not None:
        data["observations"][0]["usageDetails"] = usage
    (trace,) = import_langfuse(data, {}).traces
    assert tokens == _tokens(trace)


def test_a_name_that_is_a_list_is_none(shared_cases: Path) -> None:
    """The span stays, without a name."""
    path = shared_cases / "importers" / "langfuse_list_name.json"
    (trace,) = import_langfuse(loads(path.read_bytes(), source=path.name), {}).traces
    assert [None] == [step.name for step in trace.steps]
