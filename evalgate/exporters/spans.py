"""A trial as OpenTelemetry spans, under the newest GenAI names.

One span of the agent (`invoke_agent`) stands around one span for each step: `chat`,
`execute_tool`, `retrieval`; other steps are spans without an operation. Tokens and cost stand on
the chat spans alone, so that nobody counts them twice. Scores are events
`gen_ai.evaluation.result` of the agent's span. What the conventions have no name for stands as
JSON in `evalgate.step`, `evalgate.trace` and `evalgate.score`, so that an import loses nothing.

Names: github.com/open-telemetry/semantic-conventions-genai (status Development).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal

from evalgate.schema.base import Json
from evalgate.schema.canonical import canonical_bytes
from evalgate.schema.score import Broken, Score, Scored
from evalgate.schema.trace import LlmCall, RecordedScore, Retrieval, Step, ToolCall, Trace
from evalgate.text.redact import Redactor

_NANO: Final = 1_000_000_000
_SHOWN: Final = frozenset(
    {
        *("kind", "id", "parent_id", "name", "start", "end", "metadata", "input", "output"),
        *("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens"),
        *("reasoning_tokens", "cost_usd", "model", "provider", "temperature", "max_tokens"),
        *("time_to_first_token", "arguments", "result", "error", "call_id"),
        *("query", "documents"),
    }
)
"""Fields of a step that have an attribute of their own."""
_TOLD: Final = frozenset({"case_id", "trial", "steps", "scores", "output", "metadata", "schema_"})
"""Fields of a trace that stand elsewhere."""


@dataclass(frozen=True, slots=True)
class SpanContext:
    """What is known of a trace beyond itself."""

    now: float
    """Stands for a start that nobody recorded, in seconds since 1970."""
    run_id: str | None = None
    suite: str | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)
    """What evalgate's scorers said, by name."""


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened in a span."""

    name: str
    attributes: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class SentSpan:
    """A span as it is sent; ids are hexadecimal, times nanoseconds since 1970."""

    id: str
    parent: str | None
    name: str
    kind: Literal["internal", "client"]
    start: int
    end: int
    attributes: Mapping[str, Json]
    step: Step | None = None
    """The step it stands for; null: the whole trial."""
    events: tuple[SpanEvent, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class SentTrace:
    """A trial as it is sent."""

    id: str
    """32 hexadecimal digits, the same whenever the same trial of the same run is sent."""
    trace: Trace
    spans: tuple[SentSpan, ...]
    """The agent's span first."""
    start: int
    scores: tuple[RecordedScore, ...] = ()
    """All its scores: evalgate's own, then those that came with the trace."""
    context: SpanContext = field(default_factory=lambda: SpanContext(0.0))


def sent_trace(trace: Trace, context: SpanContext, redactor: Redactor) -> SentTrace:
    """Turn a trial into spans without secrets."""
    content = canonical_bytes(trace.model_dump(mode="json", by_alias=True))
    key = sha256(f"{context.run_id}\n".encode() + content).hexdigest()
    trace = Trace.model_validate(redactor.redact_json(trace.model_dump(mode="json", by_alias=True)))
    start = _epoch(trace.started_at)
    start = int(context.now) * _NANO if start is None else start
    scores = (*_own_scores(context.scores), *trace.scores)
    root = _Ids(key).of(-1)
    below = tuple(_step_spans(trace, key, start, root))
    ends = [span.end for span in below]
    end = start + int((trace.duration or 0.0) * _NANO)
    agent = SentSpan(
        id=root,
        parent=None,
        name=f"invoke_agent {trace.agent_name}" if trace.agent_name else "invoke_agent",
        kind="internal",
        start=start,
        end=end if trace.duration is not None else max(ends, default=start),
        attributes=_present(_agent(trace, context)),
        events=tuple(_event(score) for score in scores),
        error=None if trace.status == "finished" else trace.error or trace.status,
    )
    return SentTrace(key[:32], trace, (agent, *below), start, scores, context)


def _epoch(text: str | None) -> int | None:
    """Return an RFC 3339 time in nanoseconds since 1970, to the microsecond."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return round(at.timestamp() * 1_000_000) * 1_000


@dataclass(frozen=True, slots=True)
class _Ids:
    key: str

    def of(self, number: int) -> str:
        """Return the id of a span by its place; the agent's own is -1."""
        return sha256(f"{self.key}/{number}".encode()).hexdigest()[:16]


def _step_spans(trace: Trace, key: str, start: int, root: str) -> Iterator[SentSpan]:
    ids = _Ids(key)
    known: dict[str, str] = {}
    for number, step in enumerate(trace.steps):
        if step.id is not None:
            known.setdefault(step.id, ids.of(number))
    latest = 0.0
    for number, step in enumerate(trace.steps):
        own = ids.of(number)
        began = latest if step.start is None else step.start
        latest = began
        ended = began if step.end is None or step.end < began else step.end
        parent = known.get(step.parent_id or "", root)
        name, attributes = _described(step)
        yield SentSpan(
            id=own,
            parent=root if parent == own else parent,
            name=name,
            kind="client" if isinstance(step, LlmCall) else "internal",
            start=max(start + round(began * _NANO), 1),
            end=max(start + round(ended * _NANO), 1),
            attributes=_present({**attributes, "evalgate.step": _rest(step)}),
            step=step,
            error=step.error if isinstance(step, LlmCall | ToolCall) else None,
        )


def _rest(step: Step) -> str:
    """Keep what has no attribute: ids of the source, unknown or impossible times, attempts, ..."""
    own = isinstance(step, LlmCall | ToolCall | Retrieval)
    hidden = _SHOWN - {"kind", "id", "parent_id", "name"} if own else frozenset({"start", "end"})
    data = step.model_dump(mode="json", exclude=set(hidden), exclude_defaults=True)
    data["kind"] = step.kind
    if step.start is None or step.end is None or step.end < step.start:
        data |= {"start": step.start, "end": step.end}
    return _text(data)


def _described(step: Step) -> tuple[str, dict[str, Json]]:
    """Return the name of a step's span, and its attributes."""
    match step:
        case LlmCall():
            return f"chat {step.model}" if step.model else "chat", _chat(step)
        case ToolCall():
            return f"execute_tool {step.name}", _tool(step)
        case Retrieval():
            source = f"retrieval {step.name}" if step.name else "retrieval"
            found: list[Json] = [{"content": text} for text in step.documents]
            return source, {
                "gen_ai.operation.name": "retrieval",
                "gen_ai.retrieval.query.text": step.query,
                "gen_ai.retrieval.documents": _text(found) if found else None,
            }
        case _:
            return step.name or step.kind, {}


def _chat(step: LlmCall) -> dict[str, Json]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": step.provider,
        "gen_ai.request.model": step.model,
        "gen_ai.response.model": step.model,
        "gen_ai.request.temperature": step.temperature,
        "gen_ai.request.max_tokens": step.max_tokens,
        "gen_ai.usage.input_tokens": step.input_tokens,
        "gen_ai.usage.output_tokens": step.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": step.cached_tokens,
        "gen_ai.usage.cache_creation.input_tokens": step.cache_write_tokens,
        "gen_ai.usage.reasoning.output_tokens": step.reasoning_tokens,
        "gen_ai.usage.cost": step.cost_usd,
        "gen_ai.response.time_to_first_chunk": step.time_to_first_token,
        "gen_ai.response.finish_reasons": [step.finish_reason] if step.finish_reason else None,
        "gen_ai.input.messages": None if step.input is None else _text(step.input),
        "gen_ai.output.messages": None if step.output is None else _text(step.output),
        "error.type": step.error,
    }


def _tool(step: ToolCall) -> dict[str, Json]:
    given = step.arguments if isinstance(step.arguments, str) else _text(dict(step.arguments))
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": step.name,
        "gen_ai.tool.type": "function" if step.executor == "agent" else "extension",
        "gen_ai.tool.version": step.version,
        "gen_ai.tool.call.id": step.call_id,
        "gen_ai.tool.call.arguments": given,
        "gen_ai.tool.call.result": None if step.result is None else _text(step.result),
        "error.type": step.error,
    }


def _agent(trace: Trace, context: SpanContext) -> dict[str, Json]:
    told = trace.model_dump(mode="json", exclude=set(_TOLD), exclude_defaults=True)
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": trace.agent_name,
        "gen_ai.conversation.id": trace.session_id,
        "session.id": trace.session_id,
        "user.id": trace.user_id,
        "gen_ai.output.messages": None if trace.output is None else _text(trace.output),
        "evalgate.case_id": trace.case_id,
        "evalgate.trial": trace.trial,
        "evalgate.status": trace.status,
        "evalgate.run_id": context.run_id,
        "evalgate.suite": context.suite,
        "evalgate.trace": _text({**told, "output": trace.output}),
    }


def _own_scores(scores: Mapping[str, Score]) -> Iterator[RecordedScore]:
    """Name what was scored; what abstained has no value, and what broke is none."""
    for name, score in scores.items():
        match score:
            case Scored(value):
                yield RecordedScore(name=name, value=value, source="evalgate")
            case Broken():
                continue
            case _:
                continue


def _event(score: RecordedScore) -> SpanEvent:
    value = score.value
    attributes: dict[str, Json] = {
        "gen_ai.evaluation.name": score.name,
        "gen_ai.evaluation.score.value": None if isinstance(value, str) else float(value),
        "gen_ai.evaluation.score.label": None if isinstance(value, float) else str(value),
        "gen_ai.evaluation.explanation": score.comment,
        "evalgate.score": _text(score.model_dump(mode="json", exclude_defaults=True)),
    }
    return SpanEvent("gen_ai.evaluation.result", _present(attributes))


def _present(values: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in values.items() if value is not None}


def _text(value: Json | Sequence[Json]) -> str:
    """Write data as JSON; a text that could be read as JSON is quoted, so that it stays a text."""
    if isinstance(value, str) and value[:1] not in '{["':
        return value
    return json.dumps(value, ensure_ascii=False)
