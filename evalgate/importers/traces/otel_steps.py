"""One OpenTelemetry span as a step of a trace."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from evalgate.importers.imported import number_or_none, text_or_none, tokens_or_none
from evalgate.importers.observed import data_of, said, tool_arguments
from evalgate.importers.parts import read_message
from evalgate.importers.traces.otel_messages import asked_rows, said_messages
from evalgate.importers.traces.otel_sources import OtelSpan, attribute
from evalgate.importers.usage import usage_fields
from evalgate.schema.base import Json
from evalgate.schema.trace import GuardrailStep, LlmCall, Retrieval, Span, Step, ToolCall, Unread

Kind = Literal["llm", "tool", "retrieval", "guardrail", "agent", "span", "unknown"]
"""What a span is."""

_NANO: Final = 1_000_000_000
_KINDS: Final[Mapping[str, Kind]] = {
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
    **dict.fromkeys(("invoke_workflow", "plan", "reranker", "rerank", "evaluator"), "span"),
    **dict.fromkeys(("prompt", "unknown", "memory", "create_memory", "search_memory"), "span"),
    **dict.fromkeys(("update_memory", "delete_memory", "create_memory_store"), "span"),
}
_KIND_NAMES: Final = ("openinference.span.kind", "gen_ai.operation.name", "traceloop.span.kind")
_NO_TOOLS: Final = frozenset({"(merged tools)"})
"""Names that frameworks give to a span around the calls of several tools (Google ADK)."""
_VERCEL_CALLS: Final = frozenset(
    {"ai.generateText.doGenerate", "ai.streamText.doStream", "ai.generateObject.doGenerate"}
)
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
_COUNTS: Final = ("gen_ai.usage.", "llm.token_count.", "llm.usage.")
_FIRST_TOKEN: Final = ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token")
_INPUT: Final = ("gen_ai.input.messages", "input.value", "gen_ai.prompt", "traceloop.entity.input")
_OUTPUT: Final = (
    "gen_ai.output.messages",
    "output.value",
    "gen_ai.completion",
    "traceloop.entity.output",
)
_TOOL: Final = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name")
_TOOL_INPUT: Final = (
    "gen_ai.tool.call.arguments",
    "tool_call.function.arguments",
    "ai.toolCall.args",
    "input.value",
    "traceloop.entity.input",
    "tool.parameters",
)
_TOOL_OUTPUT: Final = (
    "gen_ai.tool.call.result",
    "ai.toolCall.result",
    "output.value",
    "traceloop.entity.output",
)
_JSON_TYPES: Final = frozenset(
    {"string", "integer", "number", "boolean", "object", "array", "null"}
)
_CALL_ID: Final = ("gen_ai.tool.call.id", "tool_call.id", "ai.toolCall.id", "tool.id")
_ANSWERS: Final[Mapping[str, Literal["block", "pass"]]] = {
    **dict.fromkeys(("block", "blocked", "deny", "denied", "fail"), "block"),
    **dict.fromkeys(("pass", "passed", "allow", "allowed"), "pass"),
}


def is_model_call(span: OtelSpan, *, count_agents: bool) -> bool:
    """Whether a span is a call of a model.

    Args:
        span: The span.
        count_agents: Whether an agent's span with tokens stands for one, since no span below does.
    """
    kind = kind_of(span)
    has_tokens = attribute(span.attributes, *_INPUT_TOKENS, *_OUTPUT_TOKENS) is not None
    return kind == "llm" or (count_agents and kind == "agent" and has_tokens)


def question_of(roots: Sequence[OtelSpan], spans: Iterable[OtelSpan]) -> Json:
    """Return what the agent was asked: of the first model call, else of the root, else of any."""
    for span in spans:
        rows = asked_rows(span) if kind_of(span) in ("llm", "agent") else []
        if any(read_message(row).role == "user" for row in rows):
            return rows
    for span in (*roots, *spans):
        asked = attribute(span.attributes, *_INPUT)
        if asked is not None:
            return data_of(asked)
    return None


def step_of(span: OtelSpan, start: int | None, *, is_call: bool) -> Step:
    """Turn a span into a step.

    Args:
        span: The span.
        start: When the trial started, in nanoseconds since 1970.
        is_call: Whether it counts as a model call.
    """
    began, ended = _seconds(span.start, start), _seconds(span.end, start)
    if is_call:
        return _llm_call(span, began, ended)
    match kind_of(span):
        case "tool":
            return _tool_call(span, began, ended)
        case "retrieval":
            return _retrieval(span, began, ended)
        case "guardrail":
            return _guardrail(span, began, ended)
        case "unknown":
            return _unknown(span, began, ended)
        case _:
            return _span(span, began, ended)


def _seconds(at: int | None, start: int | None) -> float | None:
    return None if at is None or start is None else (at - start) / _NANO


def kind_of(span: OtelSpan) -> Kind:
    """Say what a span is: what it says of itself, else what its attributes show."""
    if str(span.attributes.get("gen_ai.tool.name")) in _NO_TOOLS:
        return "span"
    said_kinds = [str(given) for name in _KIND_NAMES if (given := span.attributes.get(name))]
    for said_kind in said_kinds:
        kind = _KINDS.get(said_kind.lower())
        if kind is not None:
            return kind
    if attribute(span.attributes, "gen_ai.tool.name", "tool.name", "ai.toolCall.name") is not None:
        return "tool"
    if said_kinds:
        return "unknown"
    if str(span.attributes.get("ai.operationId")) in _VERCEL_CALLS:
        return "llm"
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
        max_tokens=tokens_or_none(values.get("gen_ai.request.max_tokens")),
        time_to_first_token=first if first is not None and first >= 0 else None,
        finish_reason=text_or_none(finish),
        error=_error(span),
        input=data_of(attribute(values, *_INPUT)) or asked_rows(span) or None,
        output=data_of(attribute(values, *_OUTPUT)) or _said_text(span),
        metadata=dict(values),
        **{**_usage(values), "cost_usd": _cost(values)},
    )


def _said_text(span: OtelSpan) -> str | None:
    texts = [message.text for message in said_messages(span) or ()]
    return "\n".join(text for text in texts if text) or None


def _usage(values: Mapping[str, Json]) -> dict[str, Any]:
    """Read the tokens; two conventions on one span state the same tokens, not twice as many."""
    counts = {key: values[key] for key in values if key.startswith(_COUNTS)}
    return usage_fields(counts)


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
        arguments=_arguments(values),
        result=data_of(attribute(values, *_TOOL_OUTPUT)),
        error=_error(span),
        call_id=text_or_none(attribute(values, *_CALL_ID)),
        metadata=dict(values),
    )


def _arguments(values: Mapping[str, Json]) -> dict[str, Json] | str:
    """Read the arguments; the schema of a tool, and what frameworks wrap them in, are none."""
    for name in _TOOL_INPUT:
        data = data_of(values.get(name))
        if data is not None and not _is_schema(data):
            return tool_arguments(_inner(data))
    return {}


def has_arguments(span: OtelSpan) -> bool:
    """Whether the span of a tool recorded what the tool was called with."""
    given = [data_of(span.attributes.get(name)) for name in _TOOL_INPUT]
    return any(data is not None and not _is_schema(data) for data in given)


def _is_schema(data: Json) -> bool:
    """Whether it describes parameters: a JSON Schema, or parameters with their types."""
    if not isinstance(data, dict):
        return False
    if isinstance(data.get("properties"), dict):
        return True
    kinds = [row.get("type") for row in data.values() if isinstance(row, dict)]
    return (
        bool(kinds) and len(kinds) == len(data) and all(str(kind) in _JSON_TYPES for kind in kinds)
    )


def _inner(data: Json) -> Json:
    """Take the wrapper of Traceloop off: `{args, kwargs}`, or `{inputs, input_str, ...}`."""
    match data:
        case {"args": [] | None, "kwargs": dict() as given, **rest} if not rest:
            return given
        case {"inputs": dict() as given, "input_str": _} | {"inputs": dict() as given, "tags": _}:
            return given
        case {"input_str": str() as given, **_rest}:
            return given
        case _:
            return data


def _retrieval(span: OtelSpan, start: float | None, end: float | None) -> Retrieval:
    query = said(attribute(span.attributes, "gen_ai.retrieval.query.text", *_INPUT))
    documents = _documents(span.attributes.get("gen_ai.retrieval.documents"))
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


def _documents(value: Json) -> list[str]:
    """Read the texts of the newest convention; a document that is an id alone has none."""
    rows = data_of(value)
    texts = [
        text_or_none(row.get("content", row.get("text"))) if isinstance(row, dict) else None
        for row in (rows if isinstance(rows, list) else [])
    ]
    return [text for text in texts if text is not None]


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


def _unknown(span: OtelSpan, start: float | None, end: float | None) -> Unread:
    """Keep a span that says of itself that it is something nobody knows."""
    return Unread(
        id=span.id,
        parent_id=span.parent,
        name=span.name,
        start=start,
        end=end,
        type=str(attribute(span.attributes, *_KIND_NAMES)),
        item=dict(span.attributes),
        parts=("tool_calls", "usage"),
    )


def model_calls(spans: Sequence[OtelSpan], *, count_agents: bool) -> frozenset[int]:
    """Say which spans are model calls of their own, by index.

    Several instrumentations record one call as spans within one another. Of these the innermost
    that has tokens counts; tools and agents start anew.
    """
    index: dict[str | None, int] = {s.id: i for i, s in enumerate(spans) if s.id is not None}
    calls = [is_model_call(span, count_agents=count_agents) for span in spans]
    around: dict[int, int] = {}
    for i in range(len(spans)):
        outer = _around(i, spans, index, calls) if calls[i] else None
        if outer is not None:
            around[i] = outer
    kept = {i for i, is_call in enumerate(calls) if is_call}
    for inner, outer in around.items():
        kept.discard(outer if _has_tokens(spans[inner]) or not _has_tokens(spans[outer]) else inner)
    return frozenset(kept)


def _around(
    at: int, spans: Sequence[OtelSpan], index: Mapping[str | None, int], calls: Sequence[bool]
) -> int | None:
    """Return the model call around a span, if nothing but plain spans lies between."""
    for _ in spans:
        outer = index.get(spans[at].parent)
        if outer is None or outer == at:
            return None
        if calls[outer]:
            return outer
        if kind_of(spans[outer]) not in ("span", "unknown"):
            return None
        at = outer
    return None


def _has_tokens(span: OtelSpan) -> bool:
    return attribute(span.attributes, *_INPUT_TOKENS, *_OUTPUT_TOKENS) is not None


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
