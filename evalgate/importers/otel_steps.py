"""One OpenTelemetry span as a step of a trace."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from evalgate.importers.imported import number_or_none, text_or_none, tokens_or_none
from evalgate.importers.observed import data_of, said, tool_arguments
from evalgate.schema.base import Json
from evalgate.schema.trace import GuardrailStep, LlmCall, Retrieval, Span, Step, ToolCall

__all__ = ["OtelSpan", "attribute", "is_model_call", "question_of", "step_of"]

_Kind = Literal["llm", "tool", "retrieval", "guardrail", "agent", "span"]

_NANO: Final = 1_000_000_000
_KINDS: Final[Mapping[str, _Kind]] = {
    "chat": "llm",
    "completion": "llm",
    "text_completion": "llm",
    "generate_content": "llm",
    "llm": "llm",
    "embedding": "llm",
    "embeddings": "llm",
    "tool": "tool",
    "execute_tool": "tool",
    "retriever": "retrieval",
    "retrieval": "retrieval",
    "guardrail": "guardrail",
    "agent": "agent",
    "invoke_agent": "agent",
    "create_agent": "span",
    "chain": "span",
    "workflow": "span",
    "task": "span",
}
_KIND_NAMES: Final = ("openinference.span.kind", "gen_ai.operation.name", "traceloop.span.kind")
_PROVIDER: Final = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")
_MODEL: Final = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name")
_INPUT_TOKENS: Final = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
)
_OUTPUT_TOKENS: Final = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
)
_CACHED: Final = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)
_WRITTEN: Final = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
)
_REASONING: Final = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
)
_FIRST_TOKEN: Final = ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token")
_INPUT: Final = ("gen_ai.input.messages", "input.value", "gen_ai.prompt", "traceloop.entity.input")
_OUTPUT: Final = (
    "gen_ai.output.messages",
    "output.value",
    "gen_ai.completion",
    "traceloop.entity.output",
)
_TOOL: Final = ("gen_ai.tool.name", "tool.name", "traceloop.entity.name")
_TOOL_INPUT: Final = (
    "gen_ai.tool.call.arguments",
    "tool.parameters",
    "input.value",
    "traceloop.entity.input",
)
_TOOL_OUTPUT: Final = ("gen_ai.tool.call.result", "output.value", "traceloop.entity.output")
_ANSWERS: Final[Mapping[str, Literal["block", "pass"]]] = {
    **dict.fromkeys(("block", "blocked", "deny", "denied", "fail"), "block"),
    **dict.fromkeys(("pass", "passed", "allow", "allowed"), "pass"),
}


@dataclass(frozen=True, slots=True)
class OtelSpan:
    """A span with its attributes read."""

    id: str | None
    parent: str | None
    name: str
    start: int | None
    """Nanoseconds since 1970."""
    end: int | None
    attributes: Mapping[str, Json]
    resource: Mapping[str, Json]
    events: tuple[tuple[str, Mapping[str, Json]], ...] = ()
    failed: bool = False
    message: str | None = None


def attribute(values: Mapping[str, Json], *names: str) -> Json:
    """Return the first of several attributes that is there."""
    return next((values[name] for name in names if values.get(name) is not None), None)


def is_model_call(span: OtelSpan, *, count_agents: bool) -> bool:
    """Whether a span is a call of a model.

    Args:
        span: The span.
        count_agents: Whether an agent's span with tokens stands for one, since no span below does.
    """
    kind = _kind(span)
    has_tokens = attribute(span.attributes, *_INPUT_TOKENS, *_OUTPUT_TOKENS) is not None
    return kind == "llm" or (count_agents and kind == "agent" and has_tokens)


def question_of(spans: Iterable[OtelSpan]) -> Json:
    """Return what went into the first span that says so."""
    for span in spans:
        asked = attribute(span.attributes, *_INPUT)
        if asked is not None:
            return data_of(asked)
    return None


def step_of(span: OtelSpan, start: int | None, *, count_agents: bool) -> Step:
    """Turn a span into a step.

    Args:
        span: The span.
        start: When the trial started, in nanoseconds since 1970.
        count_agents: Whether an agent's tokens are those of a model call of its own.
    """
    began, ended = _seconds(span.start, start), _seconds(span.end, start)
    if is_model_call(span, count_agents=count_agents):
        return _llm_call(span, began, ended)
    match _kind(span):
        case "tool":
            return _tool_call(span, began, ended)
        case "retrieval":
            return _retrieval(span, began, ended)
        case "guardrail":
            return _guardrail(span, began, ended)
        case _:
            return _span(span, began, ended)


def _seconds(at: int | None, start: int | None) -> float | None:
    return None if at is None or start is None else (at - start) / _NANO


def _kind(span: OtelSpan) -> _Kind:
    for name in _KIND_NAMES:
        kind = _KINDS.get(str(span.attributes.get(name)).lower())
        if kind is not None:
            return kind
    if attribute(span.attributes, "gen_ai.tool.name", "tool.name") is not None:
        return "tool"
    has_model = attribute(span.attributes, *_MODEL) is not None
    has_tokens = attribute(span.attributes, *_INPUT_TOKENS) is not None
    return "llm" if has_model and has_tokens else "span"


def _error(span: OtelSpan) -> str | None:
    if not span.failed:
        return None
    return span.message or text_or_none(span.attributes.get("error.type")) or "error"


def _llm_call(span: OtelSpan, start: float | None, end: float | None) -> LlmCall:
    values = span.attributes
    finish = values.get("gen_ai.response.finish_reasons")
    finish = finish[0] if isinstance(finish, list) and finish else finish
    first = number_or_none(attribute(values, *_FIRST_TOKEN))
    return LlmCall(
        id=span.id,
        parent_id=span.parent,
        name=span.name,
        start=start,
        end=end,
        provider=text_or_none(attribute(values, *_PROVIDER)),
        model=text_or_none(attribute(values, *_MODEL)),
        temperature=number_or_none(values.get("gen_ai.request.temperature")),
        input_tokens=tokens_or_none(attribute(values, *_INPUT_TOKENS)),
        output_tokens=tokens_or_none(attribute(values, *_OUTPUT_TOKENS)),
        cached_tokens=tokens_or_none(attribute(values, *_CACHED)),
        cache_write_tokens=tokens_or_none(attribute(values, *_WRITTEN)),
        reasoning_tokens=tokens_or_none(attribute(values, *_REASONING)),
        max_tokens=tokens_or_none(values.get("gen_ai.request.max_tokens")),
        cost_usd=_cost(values),
        time_to_first_token=first if first is not None and first >= 0 else None,
        finish_reason=text_or_none(finish),
        error=_error(span),
        input=data_of(attribute(values, *_INPUT)),
        output=data_of(attribute(values, *_OUTPUT)),
        metadata=dict(values),
    )


def _cost(values: Mapping[str, Json]) -> float | None:
    details = data_of(values.get("langfuse.observation.cost_details"))
    total = details.get("total") if isinstance(details, dict) else None
    recorded = attribute(values, "gen_ai.usage.cost", "llm.cost.total")
    cost = number_or_none(recorded if total is None else total)
    return cost if cost is not None and cost >= 0 else None


def _tool_call(span: OtelSpan, start: float | None, end: float | None) -> ToolCall:
    values = span.attributes
    return ToolCall(
        id=span.id,
        parent_id=span.parent,
        name=text_or_none(attribute(values, *_TOOL)) or span.name.removeprefix("execute_tool "),
        start=start,
        end=end,
        version=text_or_none(attribute(values, "gen_ai.tool.version", "tool.version")),
        arguments=tool_arguments(attribute(values, *_TOOL_INPUT)),
        result=data_of(attribute(values, *_TOOL_OUTPUT)),
        error=_error(span),
        call_id=text_or_none(attribute(values, "gen_ai.tool.call.id", "tool_call.id")),
        metadata=dict(values),
    )


def _retrieval(span: OtelSpan, start: float | None, end: float | None) -> Retrieval:
    query = said(attribute(span.attributes, "gen_ai.retrieval.query.text", *_INPUT))
    documents: list[str] = []
    while True:
        key = f"retrieval.documents.{len(documents)}.document.content"
        text = span.attributes.get(key)
        if not isinstance(text, str):
            break
        documents.append(text)
    return Retrieval(
        id=span.id,
        parent_id=span.parent,
        name=span.name,
        start=start,
        end=end,
        query=query if isinstance(query, str) else None,
        documents=tuple(documents),
        metadata=dict(span.attributes),
    )


def _guardrail(span: OtelSpan, start: float | None, end: float | None) -> Step:
    """Read the decision; where none can be told, it is a span and no decision is made up."""
    told = attribute(span.attributes, "guardrail.decision", "gen_ai.guardrail.decision", *_OUTPUT)
    decision = _ANSWERS.get(str(told).lower())
    if decision is None:
        return _span(span, start, end)
    return GuardrailStep(
        id=span.id,
        parent_id=span.parent,
        name=span.name,
        start=start,
        end=end,
        type=text_or_none(span.attributes.get("guardrail.type")) or span.name,
        decision=decision,
        metadata=dict(span.attributes),
    )


def _span(span: OtelSpan, start: float | None, end: float | None) -> Span:
    return Span(
        id=span.id,
        parent_id=span.parent,
        name=span.name,
        start=start,
        end=end,
        input=data_of(attribute(span.attributes, *_INPUT)),
        output=data_of(attribute(span.attributes, *_OUTPUT)),
        metadata=dict(span.attributes),
    )
