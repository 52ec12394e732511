"""Langfuse (server 4.59 and later): the spans of OTLP with its attributes, and its score API.

Spans there are immutable. A score is overwritten where id, name and day are equal, so all three
are fixed by the trial. A run is an experiment, told by attributes of its spans.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from evalgate.exporters.spans import SentSpan, SentTrace
from evalgate.schema.base import Json
from evalgate.schema.canonical import canonical_bytes
from evalgate.schema.trace import (
    GuardrailStep,
    LlmCall,
    RecordedScore,
    Retrieval,
    Span,
    Step,
    ToolCall,
)

SPANS_PATH: Final = "/api/public/otel/v1/traces"
SCORES_PATH: Final = "/api/public/scores"
HEADERS: Final = {"x-langfuse-ingestion-version": "4"}
"""Without it data shows some ten minutes late."""
_TEXT: Final = 500
"""Characters of a score that is a text."""


def langfuse_trace(sent: SentTrace) -> SentTrace:
    """Add Langfuse's attributes to every span of a trial."""
    shared = _shared(sent)
    spans = tuple(
        replace(
            span,
            attributes={**span.attributes, **shared, **_observation(span, sent)},
        )
        for span in sent.spans
    )
    return replace(sent, spans=spans)


def _shared(sent: SentTrace) -> dict[str, Json]:
    trace, context = sent.trace, sent.context
    found: dict[str, Json] = {
        "langfuse.trace.name": trace.agent_name or trace.case_id,
        "session.id": trace.session_id,
        "user.id": trace.user_id,
        "langfuse.environment": trace.environment,
        "langfuse.trace.tags": list(_tags(sent)),
    }
    if context.run_id is not None:
        found |= {
            "langfuse.experiment.id": context.run_id,
            "langfuse.experiment.name": context.run_id,
            "langfuse.experiment.dataset.id": context.suite,
            "langfuse.experiment.item.id": trace.case_id,
            "langfuse.experiment.item.root_observation_id": sent.spans[0].id,
        }
    return {name: value for name, value in found.items() if value not in (None, [])}


def _tags(sent: SentTrace) -> Iterator[str]:
    trace = sent.trace
    made = list(trace.tags)
    if trace.agent_name:
        made.append(f"agent_name:{trace.agent_name}")
    if trace.prompt_version:
        made.append(f"prompt_version:{trace.prompt_version}")
    for step in trace.steps:
        match step:
            case LlmCall(model=str() as model):
                made.append(f"model:{model}")
            case ToolCall(name=name):
                made.append(f"tool:{name}")
            case GuardrailStep(decision=decision):
                made.append(f"guardrails:{decision}")
            case _:
                pass
    yield from dict.fromkeys(made)


def _observation(span: SentSpan, sent: SentTrace) -> dict[str, Json]:
    found: dict[str, Json] = {"langfuse.observation.type": _type(span.step)}
    found["langfuse.observation.input"] = _first(span, "gen_ai.input.messages", *_INPUT)
    found["langfuse.observation.output"] = _first(span, "gen_ai.output.messages", *_OUTPUT)
    if span.error is not None:
        found["langfuse.observation.level"] = "ERROR"
        found["langfuse.observation.status_message"] = span.error
    if isinstance(span.step, LlmCall):
        found |= _generation(span.step, span.start)
    elif span.step is None and sent.trace.cost_usd is not None and not _has_costs(sent):
        found["langfuse.observation.cost_details"] = _json({"total": sent.trace.cost_usd})
    return {name: value for name, value in found.items() if value is not None}


_INPUT: Final = ("gen_ai.tool.call.arguments", "gen_ai.retrieval.query.text")
_OUTPUT: Final = ("gen_ai.tool.call.result", "gen_ai.retrieval.documents")


def _first(span: SentSpan, *names: str) -> Json:
    if isinstance(span.step, Span):
        given = span.step.input if names[0] == "gen_ai.input.messages" else span.step.output
        return None if given is None else _json(given)
    return next((v for name in names if (v := span.attributes.get(name)) is not None), None)


def _type(step: Step | None) -> str:
    match step:
        case None:
            return "agent"
        case LlmCall():
            return "generation"
        case ToolCall():
            return "tool"
        case Retrieval():
            return "retriever"
        case GuardrailStep():
            return "guardrail"
        case _:
            return "span"


def _has_costs(sent: SentTrace) -> bool:
    return any(isinstance(s, LlmCall) and s.cost_usd is not None for s in sent.trace.steps)


def _generation(step: LlmCall, start: int) -> dict[str, Json]:
    settings: dict[str, Json] = {"temperature": step.temperature, "max_tokens": step.max_tokens}
    settings = {name: value for name, value in settings.items() if value is not None}
    usage = _usage(step)
    first = None
    if step.time_to_first_token is not None:
        at = _EPOCH + timedelta(microseconds=start // 1_000 + step.time_to_first_token * 1e6)
        first = at.isoformat().replace("+00:00", "Z")
    cost = None if step.cost_usd is None else _json({"total": step.cost_usd})
    return {
        "langfuse.observation.model.name": step.model,
        "langfuse.observation.model.parameters": _json(settings) if settings else None,
        "langfuse.observation.usage_details": _json(usage) if usage else None,
        "langfuse.observation.cost_details": cost,
        "langfuse.observation.completion_start_time": first,
    }


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _usage(step: LlmCall) -> dict[str, Json]:
    """Return tokens as parts that do not overlap: Langfuse adds them up."""
    cached, written = step.cached_tokens, step.cache_write_tokens
    thought = step.reasoning_tokens
    asked, said = step.input_tokens, step.output_tokens
    parts: dict[str, int | None] = {
        "input": None if asked is None else asked - (cached or 0) - (written or 0),
        "input_cached_tokens": cached,
        "input_cache_creation": written,
        "output": None if said is None else said - (thought or 0),
        "output_reasoning_tokens": thought,
    }
    return {name: count for name, count in parts.items() if count is not None and count >= 0}


def langfuse_scores(sent: SentTrace) -> Iterator[dict[str, Any]]:
    """Yield the body of each score; id, name and time are the same whenever it is sent."""
    day = _EPOCH + timedelta(microseconds=sent.start // 1_000)
    seen: dict[tuple[str, str | None], int] = {}
    for score in sent.scores:
        count = seen[score.name, score.source] = seen.get((score.name, score.source), -1) + 1
        key = f"{sent.id}/{score.source}/{score.name}/{count}"
        value, kind = _score_value(score)
        data: Mapping[str, Json] = score.model_dump(mode="json", exclude_defaults=True)
        body = {
            "id": sha256(key.encode()).hexdigest()[:32],
            "traceId": sent.id,
            "name": score.name,
            "value": value,
            "dataType": kind,
            "comment": score.comment,
            "metadata": {"evalgate.score": dict(data)},
            "environment": _environment(sent.trace.environment),
            "timestamp": day.isoformat().replace("+00:00", "Z"),
        }
        yield {name: value for name, value in body.items() if value is not None}


def _score_value(score: RecordedScore) -> tuple[float | str, str]:
    match score.value:
        case bool():
            return float(score.value), "BOOLEAN"
        case str():
            long = len(score.value) > _TEXT
            return score.value[:_TEXT] or "-", "TEXT" if long else "CATEGORICAL"
        case _:
            return score.value, "NUMERIC"


def _environment(name: str | None) -> str | None:
    """Return a name that Langfuse takes; others are left out."""
    if name is None or name != name.lower() or name.startswith("langfuse"):
        return None
    return name if all(c.isascii() and (c.isalnum() or c in "-_") for c in name) else None


def _json(value: Json) -> str:
    return canonical_bytes(value).decode("utf-8", "replace")
