"""OpenTelemetry traces in OTLP JSON: GenAI, OpenInference and Traceloop attribute names.

Names changed over time; all are read, the newest first. A span is what its kind says, whatever
schema it claims. Tokens are those of the model calls: an agent span repeats the sum of its
children and counts only where it has none.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evalgate.importers.exported import restored_score, restored_step, restored_trace
from evalgate.importers.imported import (
    Imported,
    Options,
    case_id_at,
    check_options,
    reading,
    text_or_none,
)
from evalgate.importers.observed import (
    cost_of,
    draft_case,
    feedback_of,
    in_order,
    said,
    unread_notes,
)
from evalgate.importers.times import from_nanoseconds, rfc3339
from evalgate.importers.told import ModelCall, told_calls, with_told
from evalgate.importers.traces.otel_messages import asked_rows, said_messages
from evalgate.importers.traces.otel_sources import OtelSpan, attribute, read_spans
from evalgate.importers.traces.otel_steps import (
    has_arguments,
    is_model_call,
    kind_of,
    model_calls,
    question_of,
    step_of,
)
from evalgate.schema.base import Json
from evalgate.schema.trace import RecordedScore, Step, ToolCall, Trace, Unread

if TYPE_CHECKING:
    from evalgate.schema.golden import Case


_NANO: Final = 1_000_000_000
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class _Whole:
    """All spans of one trace."""

    trace_id: str
    spans: tuple[OtelSpan, ...]


def import_otel(data: Json, options: Options) -> Imported:
    """Read OTLP JSON.

    Args:
        data: `{"resourceSpans": [...]}`, Tempo's `{"batches": [...]}`, Jaeger's `{"data": [...]}`,
            or a list of such objects (lines of the file exporter).
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
    for trace_id, span in read_spans(data):
        grouped[trace_id].append(span)
    trials: Counter[str] = Counter()
    cases: dict[str, Case] = {}
    traces: list[Trace] = []
    for trace_id, spans in grouped.items():
        whole = _Whole(trace_id, tuple(sorted(spans, key=lambda span: span.start or 0)))
        with reading(f"trace {trace_id!r}"):
            trace = _trace(whole, trials)
            asked = question_of(_roots(whole), whole.spans)
            case = draft_case(trace.case_id, asked, trace.steps, "otel")
        trials[trace.case_id] += 1
        traces.append(trace)
        cases.setdefault(case.id, case)
    notes = ("expectations are the calls that were made, as a proposal: review the drafts",)
    return Imported(tuple(cases.values()), tuple(traces), (*notes, *unread_notes(traces)))


def _roots(whole: _Whole) -> tuple[OtelSpan, ...]:
    known = {span.id for span in whole.spans}
    return tuple(span for span in whole.spans if span.parent not in known)


def _trace(whole: _Whole, trials: Mapping[str, int]) -> Trace:
    for span in whole.spans:
        told = restored_trace(span.attributes)
        if told is not None:
            return _exported(whole, span, told, trials)
    spans, roots = whole.spans, _roots(whole)
    start = min((span.start for span in spans if span.start is not None), default=None)
    end = max((span.end for span in spans if span.end is not None), default=None)
    output = _output(spans, roots)
    steps = _steps(spans, start, output)
    failed = next((span for span in roots if span.failed), None)
    scores = tuple(score for span in spans for score in _scores(span))
    named = _anywhere(spans, "evalgate.case_id")
    case_id = case_id_at(named or whole.trace_id, f"trace {whole.trace_id[:_SHOWN]!r}")
    return Trace(
        case_id=case_id,
        trial=trials[case_id],
        status="finished" if failed is None else "crashed",
        error=None if failed is None else failed.message or "error",
        output=output,
        steps=steps,
        started_at=rfc3339(from_nanoseconds(start)),
        duration=None if start is None or end is None or end < start else (end - start) / _NANO,
        session_id=_anywhere(spans, "session.id", "gen_ai.conversation.id"),
        user_id=_anywhere(spans, "user.id", "enduser.id"),
        environment=_anywhere(spans, "deployment.environment.name", "deployment.environment"),
        agent_name=_anywhere(spans, "gen_ai.agent.name", "agent.name"),
        cost_usd=cost_of(steps),
        scores=scores,
        feedback=feedback_of(scores),
        metadata={"trace_id": whole.trace_id, "resource": dict(spans[0].resource)},
    )


def _exported(
    whole: _Whole, root: OtelSpan, told: dict[str, Json], trials: Mapping[str, int]
) -> Trace:
    """Read a trial that evalgate exported: its own span is no step of it."""
    spans = tuple(span for span in whole.spans if span is not root)
    steps = in_order(
        restored_step(step_of(span, root.start, is_call=kind_of(span) == "llm"), span.attributes)
        for span in spans
    )
    case_id = case_id_at(root.attributes.get("evalgate.case_id"), f"trace {whole.trace_id!r}")
    fixed = {"case_id": case_id, "trial": trials[case_id], "steps": steps}
    scores = tuple(score for span in whole.spans for score in _scores(span))
    kept = {"trace_id": whole.trace_id, "resource": dict(root.resource)}
    return Trace.model_validate({**told, **fixed, "scores": scores, "metadata": kept})


def _steps(spans: tuple[OtelSpan, ...], start: int | None, output: Json) -> tuple[Step, ...]:
    alone = not any(is_model_call(span, count_agents=False) for span in spans)
    calls = model_calls(spans, count_agents=alone)
    steps = in_order(step_of(span, start, is_call=i in calls) for i, span in enumerate(spans))
    told = told_calls(
        (_model_call(span) for span in spans if is_model_call(span, count_agents=alone)),
        {span.id: span.parent for span in spans if span.id is not None},
    )
    whole = with_told(steps, told)
    bare = {span.id for span in spans if kind_of(span) == "tool" and not has_arguments(span)}
    if any(isinstance(s, ToolCall) and s.id in bare and not s.arguments for s in whole):
        kind = "tool call without its arguments"
        whole.append(Unread(id="arguments.unread", type=kind, parts=("arguments",)))
    if output is None and any(each.source.answer is None for each in told):
        kind = "answer that was not recorded"
        whole.append(Unread(id="output.unread", type=kind, parts=("output",)))
    return tuple(whole)


def _model_call(span: OtelSpan) -> ModelCall:
    said_there = said_messages(span)
    answer = None if said_there is None else tuple(said_there)
    return ModelCall(span.id, span.parent, answer, tuple(asked_rows(span)))


def _anywhere(spans: tuple[OtelSpan, ...], *names: str) -> str | None:
    for span in spans:
        found = attribute(span.attributes, *names) or attribute(span.resource, *names)
        if isinstance(found, str | int) and not isinstance(found, bool):
            return str(found)
    return None


def _output(spans: tuple[OtelSpan, ...], roots: tuple[OtelSpan, ...]) -> Json:
    """Return the last answer: of the outermost span that ended last, else of the last call."""
    latest = sorted(roots, key=lambda span: span.end or 0, reverse=True)
    for root in latest:
        if is_model_call(root, count_agents=False):
            break  # calls without a span around them: the last of them has the answer
        given = attribute(root.attributes, "gen_ai.output.messages", "output.value")
        if given is not None:
            return said(given)
    for span in sorted(spans, key=lambda span: span.end or 0, reverse=True):
        if is_model_call(span, count_agents=True):
            texts = [message.text for message in said_messages(span) or () if message.text]
            if texts:
                return "\n".join(texts)
    for root in latest:
        given = attribute(root.attributes, "traceloop.entity.output")
        if given is not None:
            return said(given)
    return None


def _scores(span: OtelSpan) -> Iterator[RecordedScore]:
    """Read the events `gen_ai.evaluation.result`."""
    for name, values in span.events:
        if name != "gen_ai.evaluation.result":
            continue
        ours = restored_score(values)
        if ours is not None:
            yield ours
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
