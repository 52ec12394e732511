"""OpenTelemetry: three families of attribute names, the newest first."""

import json
from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.importers.imported import Imported
from evalgate.importers.sources import read_source
from evalgate.importers.traces.otel import import_otel
from evalgate.importers.traces.otel_sources import read_spans
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

_START = 1_760_000_000_000_000_000


def _value(value: Json) -> Json:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
        case _:
            return {"stringValue": value}


def _attributes(values: dict[str, Json]) -> Json:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _span(
    span_id: str, parent: str | None, second: float, values: dict[str, Json], **more: Json
) -> dict[str, Json]:
    start = _START + int(second * 1e9)
    span: dict[str, Json] = {
        "traceId": "t1",
        "spanId": span_id,
        "parentSpanId": parent or "",
        "name": f"span {span_id}",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 500_000_000),
        "attributes": _attributes(values),
    }
    return span | more


def _trace(*spans: dict[str, Json], **resource: Json) -> Trace:
    described: Json = {"attributes": _attributes(resource)}
    scopes: Json = [{"spans": list(spans)}]
    data: Json = {"resourceSpans": [{"resource": described, "scopeSpans": scopes}]}
    (trace,) = import_otel(data, {}).traces
    return trace


@pytest.mark.parametrize(
    "values",
    [
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 3,
            "gen_ai.usage.cache_read.input_tokens": 4,
            "gen_ai.usage.cost": 0.25,
        },
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o-2024-08-06",
            "gen_ai.usage.prompt_tokens": 10,
            "gen_ai.usage.completion_tokens": 3,
            "gen_ai.usage.cache_read_input_tokens": 4,
            "langfuse.observation.cost_details": '{"input": 0.2, "total": 0.25}',
            "gen_ai.usage.cost": 0.5,
        },
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.system": "azure",
            "llm.model_name": "gpt-4o-2024-08-06",
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 3,
            "llm.token_count.prompt_details.cache_read": 4,
            "llm.cost.total": 0.25,
        },
    ],
    ids=["GenAI", "older GenAI", "OpenInference"],
)
def test_a_model_call_is_read_in_every_spelling(values: dict[str, Json]) -> None:
    """The same call, whichever convention wrote it."""
    final: dict[str, Json] = {"gen_ai.response.finish_reasons": ["stop"]}
    call, *_ = _trace(_span("1", None, 0, values | final)).steps
    assert isinstance(call, LlmCall)
    assert ("openai", "gpt-4o-2024-08-06", 10, 3, 4, 0.25, 0.0, 0.5) == (
        call.provider,
        call.model,
        call.input_tokens,
        call.output_tokens,
        call.cached_tokens,
        call.cost_usd,
        call.start,
        call.end,
    )


_AGENT: dict[str, Json] = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "support",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 3,
    "input.value": "Where is order 7?",
    "output.value": "In Rome.",
}


def test_tokens_of_an_agent_with_model_calls_are_not_added() -> None:
    """The agent's span repeats the sum of its children; without children it is all there is."""
    chat: dict[str, Json] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 3,
    }
    with_child = _trace(_span("1", None, 0, _AGENT), _span("2", "1", 1, chat))
    alone = _trace(_span("1", None, 0, _AGENT))
    for trace in (with_child, alone):
        calls = [step for step in trace.steps if isinstance(step, LlmCall)]
        assert [10] == [call.input_tokens for call in calls]
        assert ("support", "In Rome.") == (trace.agent_name, trace.output)
    assert isinstance(with_child.steps[0], Span)


def test_a_whole_run_is_read() -> None:
    """Tools, retrievals, guardrails, scores, session, user, environment and failures."""
    score: Json = {
        "name": "gen_ai.evaluation.result",
        "attributes": _attributes(
            {
                "gen_ai.evaluation.name": "faithfulness",
                "gen_ai.evaluation.score.value": 0.9,
                "gen_ai.evaluation.explanation": "well grounded",
            }
        ),
    }
    tool: dict[str, Json] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "find",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": '{"id": 7}',
        "gen_ai.tool.call.result": "gone",
    }
    found: dict[str, Json] = {
        "openinference.span.kind": "RETRIEVER",
        "input.value": "order 7",
        "retrieval.documents.0.document.content": "a",
        "retrieval.documents.1.document.content": "b",
    }
    guard: dict[str, Json] = {"openinference.span.kind": "GUARDRAIL", "output.value": "blocked"}
    unsure: dict[str, Json] = {"openinference.span.kind": "GUARDRAIL", "output.value": "hm"}
    named: dict[str, Json] = {
        "session.id": "s",
        "user.id": "u",
        "evalgate.case_id": "refund",
        "gen_ai.operation.name": "invoke_agent",
    }
    trace = _trace(
        _span("2", "1", 1, tool, status={"code": 2, "message": "boom"}),
        _span("1", None, 0, named, events=[score]),
        _span("3", "1", 2, found),
        _span("4", "1", 3, guard),
        _span("5", "1", 4, unsure),
        **{"deployment.environment.name": "production"},
    )
    root, call, retrieval, guardrail, span = trace.steps
    assert isinstance(root, Span)
    assert isinstance(call, ToolCall)
    assert ("find", {"id": 7}, "gone", "boom", "c1", 1.0) == (
        call.name,
        call.arguments,
        call.result,
        call.error,
        call.call_id,
        call.start,
    )
    assert isinstance(retrieval, Retrieval)
    assert ("order 7", ("a", "b")) == (retrieval.query, retrieval.documents)
    assert isinstance(guardrail, GuardrailStep)
    assert "block" == guardrail.decision
    assert isinstance(span, Span)
    assert ("refund", "s", "u", "production", 4.5, "finished") == (
        trace.case_id,
        trace.session_id,
        trace.user_id,
        trace.environment,
        trace.duration,
        trace.status,
    )
    wanted = RecordedScore(
        name="faithfulness",
        value=0.9,
        comment="well grounded",
        source="otel",
        metadata={"span_id": "1"},
    )
    assert (wanted,) == trace.scores
    assert "2025-10-09T08:53:20Z" == trace.started_at


def test_a_failed_root_is_a_crash() -> None:
    """The status of the outermost span is that of the trial."""
    trace = _trace(_span("1", None, 0, {}, status={"code": "STATUS_CODE_ERROR"}))
    assert ("crashed", "error") == (trace.status, trace.error)


def test_lines_of_the_file_exporter_are_read() -> None:
    """A list of documents, traces told apart by id."""
    documents: list[Json] = [
        {"resourceSpans": [{"scopeSpans": [{"spans": [_span("1", None, 0, {}, traceId=name)]}]}]}
        for name in ("a", "b")
    ]
    assert ["a", "b"] == [trace.case_id for trace in import_otel(documents, {}).traces]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "/resourceSpans: is missing or null; expected a list"),
        (
            {"resourceSpans": [{"scopeSpans": [{"spans": [{"spanId": "x"}]}]}]},
            "/resourceSpans/0/scopeSpans/0/spans/0/traceId: is missing or null",
        ),
    ],
)
def test_other_files_are_refused(data: Json, message: str) -> None:
    """The message points at the place."""
    with pytest.raises(DataError) as caught:
        import_otel(data, {})
    assert message in caught.value.message


def _calls(trace: Trace) -> list[tuple[str, object, object, str | None]]:
    calls = [step for step in trace.steps if isinstance(step, ToolCall)]
    return [(call.name, call.arguments, call.result, call.error) for call in calls]


def _read(path: Path) -> Imported:
    return import_otel(read_source(path, "otel"), {})


@pytest.mark.parametrize(
    ("name", "call", "answer", "tokens"),
    [
        # kagent 2734
        (
            "otel_calls_only_in_messages.json",
            ("refund", {"order": "7"}, "done", None),
            "Refunded.",
            (250, 30),
        ),
        # What openinference-instrumentation-openai 0.1.66 wrote.
        (
            "openinference.otlp.json",
            ("get_weather", {"city": "Paris"}, "sunny", None),
            "It is sunny in Paris.",
            (250, 50),
        ),
        # What Traceloop's instrumentation wrote.
        (
            "traceloop.otlp.json",
            ("get_weather", {"city": "Paris"}, "sunny", None),
            "It is sunny in Paris.",
            (250, 50),
        ),
    ],
)
def test_calls_that_stand_only_in_messages_are_calls(
    name: str,
    call: tuple[object, ...],
    answer: str,
    tokens: tuple[int, int],
    shared_cases: Path,
) -> None:
    """Instrumentations of a client record no span for a tool; the last answer is the answer."""
    (trace,) = _read(shared_cases / "importers" / name).traces
    models = [step for step in trace.steps if isinstance(step, LlmCall)]
    assert ([call], answer) == (_calls(trace), trace.output)
    assert tokens == (
        sum(model.input_tokens or 0 for model in models),
        sum(model.output_tokens or 0 for model in models),
    )


def _chat(**more: Json) -> dict[str, Json]:
    return {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 1} | more


_ASKS: Json = [
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "f", "arguments": {}}]}
]
_TOOL: dict[str, Json] = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"}


def test_a_call_with_a_span_of_its_own_is_one_call() -> None:
    """The message tells what the span did not record."""
    asks: Json = [
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f"}}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "d", "name": "f", "arguments": {"a": 2}}],
        },
    ]
    first = _span("1", None, 0, _chat(**{"gen_ai.output.messages": json.dumps(asks)}))
    tool = _span("2", None, 1, _TOOL | {"gen_ai.tool.call.id": "d", "output.value": "ok"})
    other = _span("3", None, 2, _TOOL | {"output.value": "also"})
    assert [("f", {"a": 2}, "ok", None), ("f", {}, "also", None)] == _calls(
        _trace(first, tool, other)
    )


def test_the_same_id_in_two_model_calls_is_two_calls() -> None:
    """Some servers count from call_0 in every answer; spans within one another tell one call."""
    said: dict[str, Json] = {"gen_ai.output.messages": json.dumps(_ASKS)}
    twice = _trace(_span("1", None, 0, _chat(**said)), _span("2", None, 1, _chat(**said)))
    assert 2 == len(_calls(twice))
    within = _trace(_span("1", None, 0, _chat(**said)), _span("2", "1", 0, _chat(**said)))
    assert (1, 1) == (len(_calls(within)), sum(isinstance(s, LlmCall) for s in within.steps))


def test_a_model_call_without_messages_is_no_proof_of_no_call() -> None:
    """Unless a tool has a span, or the reason why the model stopped says that it asked none."""
    bare = _trace(_span("1", None, 0, _chat()))
    unread = {part for step in bare.steps if isinstance(step, Unread) for part in step.parts}
    assert {"tool_calls", "output"} == unread
    stopped = _trace(_span("1", None, 0, _chat(**{"gen_ai.response.finish_reasons": ["stop"]})))
    unread = {part for step in stopped.steps if isinstance(step, Unread) for part in step.parts}
    assert {"output"} == unread
    beside = _trace(_span("1", None, 0, _chat()), _span("2", None, 1, _TOOL))
    unread = {part for step in beside.steps if isinstance(step, Unread) for part in step.parts}
    assert {"arguments", "output"} == unread


def test_the_schema_of_a_tool_is_not_its_arguments() -> None:
    """`tool.parameters` is a schema by OpenInference's definition, and arguments in practice."""
    schema = '{"type": "object", "properties": {"city": {"type": "string"}}}'
    spelled = '{"city": {"type": "string"}}'
    given = '{"city": "Rome"}'
    kind: dict[str, Json] = {"openinference.span.kind": "TOOL", "tool.name": "f"}
    for parameters in (schema, spelled):
        (call,) = _calls(_trace(_span("1", None, 0, kind | {"tool.parameters": parameters})))
        assert {} == call[1]
    both = kind | {"tool.parameters": schema, "input.value": given}
    for values in (both, kind | {"tool.parameters": given}):
        (call,) = _calls(_trace(_span("1", None, 0, values)))
        assert {"city": "Rome"} == call[1]
    wrapped: dict[str, Json] = {
        "traceloop.span.kind": "tool",
        "traceloop.entity.name": "f",
        "traceloop.entity.input": json.dumps({"args": [], "kwargs": {"city": "Rome"}}),
    }
    assert [("f", {"city": "Rome"}, None, None)] == _calls(_trace(_span("1", None, 0, wrapped)))


def test_a_span_of_an_unknown_kind_is_kept() -> None:
    """A kind that says of itself what nobody knows may be a call; a plain span is none."""
    trace = _trace(_span("1", None, 0, {"gen_ai.operation.name": "summon_agent"}))
    (step,) = trace.steps
    assert isinstance(step, Unread)
    assert ("summon_agent", ("tool_calls", "usage")) == (step.type, step.parts)
    assert isinstance(_trace(_span("1", None, 0, {"http.method": "GET"})).steps[0], Span)


def test_older_event_messages_are_read() -> None:
    """`gen_ai.choice` events came before the attributes."""
    message: Json = {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    choice: Json = {
        "name": "gen_ai.choice",
        "attributes": _attributes({"index": 0, "message": json.dumps(message)}),
    }
    assert [("f", {}, None, None)] == _calls(_trace(_span("1", None, 0, _chat(), events=[choice])))


@pytest.mark.parametrize(
    ("name", "traces", "spans", "calls", "tokens"),
    [
        ("adk_genai.otlp.jsonl", 3, 15, (5, 3), (200, 60)),
        ("adk_openinference.otlp.jsonl", 3, 16, (3, 3), (120, 36)),
        ("agentevals_k8s.json", 1, 73, (1, 0), (2203, 139)),
        # Three spans within one another repeat each of two calls: 13,944 / 3 and 387 / 3.
        ("tempo_export_with_batches.json", 1, 86, (2, 1), (4648, 129)),
    ],
)
def test_exports_of_collectors_are_read(
    name: str,
    traces: int,
    spans: int,
    calls: tuple[int, int],
    tokens: tuple[int, int],
    shared_data: Path,
) -> None:
    """OTLP lines, Tempo and Jaeger (foreign/README.md); tokens that stand twice count once."""
    imported = _read(shared_data / "foreign" / "otlp" / name)
    steps = [step for trace in imported.traces for step in trace.steps]
    models = [step for step in steps if isinstance(step, LlmCall)]
    assert (traces, spans) == (
        len(imported.traces),
        sum(not isinstance(step, Unread) for step in steps),
    )
    assert (calls, tokens) == (
        (len(models), sum(isinstance(step, ToolCall) for step in steps)),
        (sum(m.input_tokens or 0 for m in models), sum(m.output_tokens or 0 for m in models)),
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [("9007199254740993", 9007199254740993), (7, 7), ("x", None), (1e308, 1e308)],
)
def test_whole_numbers_of_attributes_are_exact(given: Json, expected: Json) -> None:
    """64 bits are more than a double holds; what is no such number stays what it is."""
    row = {"key": "session.number", "value": {"intValue": given}}
    span: Json = {"traceId": "t", "spanId": "s", "name": "n", "attributes": [row]}
    ((_, found),) = read_spans({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    assert {"session.number": expected} == dict(found.attributes)


@pytest.mark.parametrize("wrapped", [True, False])
def test_spans_of_phoenix_are_read(*, wrapped: bool) -> None:
    """As its API returns them: kinds, parents and ISO times of their own."""

    def span(number: int, kind: str, parent: str | None, **attributes: Json) -> Json:
        return {
            "name": f"{kind} {number}",
            "context": {"trace_id": "t", "span_id": f"s{number}"},
            "span_kind": kind,
            "parent_id": parent,
            "start_time": f"2026-01-01T00:00:0{number}+00:00",
            "end_time": f"2026-01-01T00:00:0{number}.500000+00:00",
            "status_code": "OK",
            "attributes": attributes,
        }

    spans: list[Json] = [
        span(0, "AGENT", None, **{"input.value": "hi", "output.value": "Done."}),
        span(1, "LLM", "s0", **{"llm.token_count.prompt": 5, "llm.token_count.completion": 2}),
        span(2, "TOOL", "s0", **{"tool.name": "f", "input.value": '{"a": 1}'}),
    ]
    data: Json = {"data": spans, "next_cursor": None} if wrapped else spans
    (trace,) = import_otel(data, {}).traces
    assert ("t", "Done.") == (trace.case_id, trace.output)
    (call,) = [step for step in trace.steps if isinstance(step, ToolCall)]
    assert ("f", {"a": 1}, 2.0, 2.5) == (call.name, call.arguments, call.start, call.end)
    (model,) = [step for step in trace.steps if isinstance(step, LlmCall)]
    assert (5, 2) == (model.input_tokens, model.output_tokens)
