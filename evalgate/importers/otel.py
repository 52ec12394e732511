"""OpenTelemetry traces in OTLP JSON: GenAI, OpenInference and Traceloop attribute names.

Names changed over time; all are read, the newest first. A span is what its kind says, whatever
schema it claims. Tokens are those of the model calls: an agent span repeats the sum of its
children and counts only where it has none.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evalgate.errors import DataError
from evalgate.importers.imported import (
    Imported,
    Options,
    check_options,
    list_at,
    number_or_none,
    object_at,
    text_or_none,
)
from evalgate.importers.observed import cost_of, draft_case, feedback_of, in_order, said
from evalgate.importers.otel_steps import OtelSpan, attribute, is_model_call, question_of, step_of
from evalgate.importers.times import from_nanoseconds, rfc3339
from evalgate.schema.base import Json
from evalgate.schema.trace import LlmCall, RecordedScore, Step, Trace

if TYPE_CHECKING:
    from evalgate.schema.golden import Case

__all__ = ["import_otel"]

_NANO: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Whole:
    """All spans of one trace."""

    trace_id: str
    spans: tuple[OtelSpan, ...]


def import_otel(data: Json, options: Options) -> Imported:
    """Read OTLP JSON.

    Args:
        data: `{"resourceSpans": [...]}`, or a list of such objects (lines of the file exporter).
        options: None are known.

    Returns:
        One trace a trace id, and a draft case each that proposes the calls that were made. The
        case is named by the attribute `evalgate.case_id` of any span, else by the trace id.

    Raises:
        DataError: For anything else, with its JSON pointer.
        ConfigError: For an unknown option.
    """
    check_options(options, [])
    grouped: defaultdict[str, list[OtelSpan]] = defaultdict(list)
    for trace_id, span in _spans(data):
        grouped[trace_id].append(span)
    trials: Counter[str] = Counter()
    cases: dict[str, Case] = {}
    traces: list[Trace] = []
    for trace_id, spans in grouped.items():
        whole = _Whole(trace_id, tuple(sorted(spans, key=lambda span: span.start or 0)))
        trace = _trace(whole, trials)
        trials[trace.case_id] += 1
        traces.append(trace)
        asked = question_of(_roots(whole) or whole.spans)
        cases.setdefault(trace.case_id, draft_case(trace.case_id, asked, trace.steps, "otel"))
    notes = ("expectations are the calls that were made, as a proposal: review the drafts",)
    return Imported(tuple(cases.values()), tuple(traces), notes)


def _spans(data: Json) -> Iterator[tuple[str, OtelSpan]]:
    documents = [("", data)] if isinstance(data, dict) else _numbered(data)
    for where, document in documents:
        root = object_at(document, where)
        for i, value in enumerate(list_at(root.get("resourceSpans"), f"{where}/resourceSpans")):
            place = f"{where}/resourceSpans/{i}"
            resource = object_at(value, place)
            described = object_at(resource.get("resource") or {}, f"{place}/resource")
            shared = _attributes(described.get("attributes"))
            scopes = resource.get("scopeSpans") or resource.get("instrumentationLibrarySpans")
            for j, scope in enumerate(list_at(scopes or [], f"{place}/scopeSpans")):
                inner = f"{place}/scopeSpans/{j}"
                rows = object_at(scope, inner).get("spans")
                for k, row in enumerate(list_at(rows or [], f"{inner}/spans")):
                    yield _span(object_at(row, f"{inner}/spans/{k}"), shared, f"{inner}/spans/{k}")


def _numbered(data: Json) -> list[tuple[str, Json]]:
    return [(f"/{i}", document) for i, document in enumerate(list_at(data, ""))]


def _span(row: dict[str, Json], resource: dict[str, Json], where: str) -> tuple[str, OtelSpan]:
    trace_id = text_or_none(row.get("traceId"))
    if trace_id is None:
        raise DataError(f"{where}/traceId: found {row.get('traceId')!r}; expected the trace's id")
    status = row.get("status")
    status = status if isinstance(status, dict) else {}
    events = row.get("events")
    return trace_id, OtelSpan(
        id=text_or_none(row.get("spanId")),
        parent=text_or_none(row.get("parentSpanId")),
        name=text_or_none(row.get("name")) or "span",
        start=_nanoseconds(row.get("startTimeUnixNano")),
        end=_nanoseconds(row.get("endTimeUnixNano")),
        attributes=_attributes(row.get("attributes")),
        resource=resource,
        events=tuple(
            (text_or_none(event.get("name")) or "", _attributes(event.get("attributes")))
            for event in (events if isinstance(events, list) else [])
            if isinstance(event, dict)
        ),
        failed=status.get("code") in (2, "STATUS_CODE_ERROR"),
        message=text_or_none(status.get("message")),
    )


def _nanoseconds(value: Json) -> int | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return int(text) if text.isdigit() and len(text) < 20 and int(text) > 0 else None


def _attributes(rows: Json) -> dict[str, Json]:
    """Read a list of `{key, value}`, or the plain object that some exporters write."""
    if isinstance(rows, dict):
        return rows
    return {
        key: _value(row.get("value"))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and isinstance(key := row.get("key"), str)
    }


def _value(value: Json) -> Json:
    match value:
        case {"stringValue": inner} | {"boolValue": inner} | {"bytesValue": inner}:
            plain: Json = inner
        case {"intValue": inner}:
            number = number_or_none(inner)
            plain = None if number is None else int(number)
        case {"doubleValue": inner}:
            plain = number_or_none(inner)
        case {"arrayValue": {"values": list() as items}}:
            plain = [_value(item) for item in items]
        case {"kvlistValue": {"values": list() as items}}:
            plain = dict(_attributes(items))
        case _:
            plain = None
    return plain


def _roots(whole: _Whole) -> tuple[OtelSpan, ...]:
    known = {span.id for span in whole.spans}
    return tuple(span for span in whole.spans if span.parent not in known)


def _trace(whole: _Whole, trials: Mapping[str, int]) -> Trace:
    spans, roots = whole.spans, _roots(whole)
    start = min((span.start for span in spans if span.start is not None), default=None)
    end = max((span.end for span in spans if span.end is not None), default=None)
    alone = not any(is_model_call(span, count_agents=False) for span in spans)
    steps = in_order(step_of(span, start, count_agents=alone) for span in spans)
    failed = next((span for span in roots if span.failed), None)
    scores = tuple(score for span in spans for score in _scores(span))
    case_id = _anywhere(spans, "evalgate.case_id") or whole.trace_id
    return Trace(
        case_id=case_id,
        trial=trials[case_id],
        status="finished" if failed is None else "crashed",
        error=None if failed is None else failed.message or "error",
        output=_output(roots, steps),
        steps=steps,
        started_at=rfc3339(from_nanoseconds(start)),
        duration=None if start is None or end is None else (end - start) / _NANO,
        session_id=_anywhere(spans, "session.id", "gen_ai.conversation.id"),
        user_id=_anywhere(spans, "user.id", "enduser.id"),
        environment=_anywhere(spans, "deployment.environment.name", "deployment.environment"),
        agent_name=_anywhere(spans, "gen_ai.agent.name", "agent.name"),
        cost_usd=cost_of(steps),
        scores=scores,
        feedback=feedback_of(scores),
        metadata={"trace_id": whole.trace_id, "resource": dict(spans[0].resource)},
    )


def _anywhere(spans: tuple[OtelSpan, ...], *names: str) -> str | None:
    for span in spans:
        found = attribute(span.attributes, *names) or attribute(span.resource, *names)
        if isinstance(found, str | int) and not isinstance(found, bool):
            return str(found)
    return None


def _output(roots: tuple[OtelSpan, ...], steps: tuple[Step, ...]) -> Json:
    for root in roots:
        given = attribute(root.attributes, "gen_ai.output.messages", "output.value")
        if given is not None:
            return said(given)
    outputs = [step.output for step in steps if isinstance(step, LlmCall) and step.output]
    return said(outputs[-1]) if outputs else None


def _scores(span: OtelSpan) -> Iterator[RecordedScore]:
    """Read the events `gen_ai.evaluation.result`."""
    for name, values in span.events:
        if name != "gen_ai.evaluation.result":
            continue
        value = attribute(values, "gen_ai.evaluation.score.value")
        value = attribute(values, "gen_ai.evaluation.score.label") if value is None else value
        label = text_or_none(values.get("gen_ai.evaluation.name"))
        if label is not None and isinstance(value, bool | int | float | str):
            comment = attribute(values, "gen_ai.evaluation.explanation")
            yield RecordedScore(
                name=label,
                value=value,
                comment=text_or_none(comment),
                source="otel",
                metadata={"span_id": span.id},
            )
