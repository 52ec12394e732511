"""One Langfuse observation as a step of a trace."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from evalgate.importers.answers import conversation_in, messages_in
from evalgate.importers.exported import restored_step
from evalgate.importers.imported import number_or_none, text_or_none, tokens_or_none
from evalgate.importers.observed import data_of, said, tool_arguments
from evalgate.importers.parts import read_message
from evalgate.importers.times import moment, seconds_since
from evalgate.importers.told import ModelCall, Told
from evalgate.importers.usage import usage_fields
from evalgate.schema.base import Json
from evalgate.schema.trace import GuardrailStep, LlmCall, Retrieval, Span, Step, ToolCall, Unread

_Kind = Literal["llm", "tool", "retrieval", "guardrail", "span", "unknown"]

_TYPES: Final[Mapping[str, _Kind]] = {
    "GENERATION": "llm",
    "EMBEDDING": "llm",
    "TOOL": "tool",
    "RETRIEVER": "retrieval",
    "GUARDRAIL": "guardrail",
    "EVENT": "span",
    "EVALUATOR": "span",
}
_MAY_BE_TOOLS: Final = frozenset({"SPAN", "AGENT", "CHAIN", "NONE", "TRACE", "TASK", "WORKFLOW"})
"""Types of observations that some integrations use for the run of a tool."""
_USED: Final = frozenset(
    {
        *("id", "parentObservationId", "parent_span_id", "name", "startTime", "start_time"),
        *("endTime", "end_time", "input", "output", "metadata", "level", "completionStartTime"),
        *("completion_start_time", "model", "providedModelName", "usage", "usageDetails"),
        *("costDetails", "totalCost", "modelParameters", "traceId"),
    }
)
"""Fields of an observation that have a field of a step, or repeat one."""

_USED_META: Final = frozenset({"tool_name", "tool_version", "temperature"})
_TOOL_NAMES: Final = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name")
_RUNNING: Final = "running tool: "
_EVENT: Final = re.compile(r"(?P<base>.+)\.(?P<event>start|success|error|finish)-(?P<number>\d+)")
_BLOCKED: Final = frozenset({"block", "blocked", "deny", "denied", "reject", "rejected", "fail"})
_PASSED: Final = frozenset({"pass", "passed", "allow", "allowed", "ok", "accept", "accepted"})


class _Row(NamedTuple):
    """An observation with what is read from it more than once."""

    row: Mapping[str, Json]
    meta: dict[str, Json]
    attributes: dict[str, Json]
    start: float | None
    end: float | None
    first_token: float | None


def first_of(row: Mapping[str, Json], *keys: str) -> Json:
    """Return the first value that is there and not null."""
    return next((row[key] for key in keys if row.get(key) is not None), None)


def times_of(row: Mapping[str, Json]) -> tuple[datetime | None, datetime | None]:
    """Return start and end of an observation."""
    start = moment(first_of(row, "startTime", "start_time"))
    return start, moment(first_of(row, "endTime", "end_time"))


def is_generation(row: Mapping[str, Json]) -> bool:
    """Whether an observation is a call of a model."""
    return str(row.get("type")).upper() == "GENERATION"


def model_call(row: Mapping[str, Json]) -> ModelCall:
    """Return what a generation was given and what it answered."""
    parent = first_of(row, "parentObservationId", "parent_span_id")
    output = data_of(row.get("output"))
    answer = None
    if output is not None and output != "":
        answer = tuple(read_message(each) for each in messages_in(output))
    asked = tuple(conversation_in(row.get("input")))
    return ModelCall(text_or_none(row.get("id")), text_or_none(parent), answer, asked)


def tool_names(told: Iterable[Told]) -> frozenset[str]:
    """Return the names of the tools that the answers of the models ask for.

    Some integrations record the run of a tool as a plain span of that name.
    """
    return frozenset(call.name for each in told for call in each.calls)


def step_of(row: Mapping[str, Json], start: datetime | None, called: frozenset[str]) -> Step:
    """Turn an observation into a step."""
    read = _read(row, start)
    match _kind(read, called):
        case "llm":
            return _llm_call(read)
        case "tool":
            return _tool_call(read)
        case "retrieval":
            return _retrieval(read)
        case "guardrail":
            return _guardrail(read)
        case "unknown":
            return _unknown(read)
        case "span":
            return _span(read)


def span_attributes(row: Mapping[str, Json]) -> dict[str, Json]:
    """Return the attributes of the OpenTelemetry span that an observation was."""
    meta = data_of(row.get("metadata"))
    found = data_of(meta.get("attributes")) if isinstance(meta, dict) else None
    return found if isinstance(found, dict) else {}


def restored_row(row: Mapping[str, Json], start: datetime | None) -> Step:
    """Turn an observation that evalgate exported into the step it was."""
    return restored_step(step_of(row, start, frozenset()), span_attributes(row))


def plain_step(row: Mapping[str, Json], start: datetime | None) -> Step:
    """Keep as a span what is no step of the agent's, whatever its type says."""
    return _span(_read(row, start))


def has_tokens(row: Mapping[str, Json]) -> bool:
    """Whether an observation says how many tokens it used."""
    return bool(_usage(row))


def is_plain(row: Mapping[str, Json]) -> bool:
    """Whether an observation stands for nothing but what lies in it."""
    return _kind(_read(row, None), frozenset()) == "span" and row.get("type") != "AGENT"


def echoes(rows: Iterable[Mapping[str, Json]]) -> frozenset[str | None]:
    """Return the ids of observations that only say that another one ended.

    BeeAI records a call as an observation for each of its events: `NAME.start-N`, then
    `NAME.success-N`, `NAME.error-N` and `NAME.finish-N`.
    """
    found = [(row, match) for row in rows if (match := _EVENT.fullmatch(str(row.get("name"))))]
    started = {(match["base"], match["number"]) for _, match in found if match["event"] == "start"}
    return frozenset(
        text_or_none(row.get("id"))
        for row, match in found
        if match["event"] != "start" and (match["base"], match["number"]) in started
    )


def never_run(
    rows: Iterable[Mapping[str, Json]], steps: Iterable[Step], start: datetime | None
) -> list[Unread]:
    """Return, for each tool that an observation names, that no call of it was recorded."""
    called = {step.name.lower() for step in steps if isinstance(step, ToolCall)}
    found: dict[str, Unread] = {}
    for row in rows:
        name = text_or_none(span_attributes(row).get("tool.name"))
        if name is not None and name.lower() not in called and name not in found:
            read = _read(row, start)
            kind = f"tool {name} named, no call recorded"
            unread = _unknown(read).model_copy(update={"type": kind, "parts": ("tool_calls",)})
            found[name] = unread.model_copy(update={"id": f"{unread.id}.named"})
    return list(found.values())


def _read(row: Mapping[str, Json], start: datetime | None) -> _Row:
    meta = data_of(row.get("metadata"))
    meta = meta if isinstance(meta, dict) else {} if meta is None else {"metadata": meta}
    attributes = meta.get("attributes")
    began, ended = times_of(row)
    token = moment(first_of(row, "completionStartTime", "completion_start_time"))
    return _Row(
        row,
        meta,
        attributes if isinstance(attributes, dict) else {},
        seconds_since(start, began),
        seconds_since(start, ended),
        seconds_since(began, token),
    )


def _kind(read: _Row, called: frozenset[str]) -> _Kind:
    kind = _TYPES.get(str(read.row.get("type")).upper())
    if kind is not None:
        return kind
    said_kind = first_of(
        read.attributes, "openinference.span.kind", "gen_ai.operation.name", "traceloop.span.kind"
    )
    if str(said_kind).lower() in ("tool", "execute_tool"):
        return "tool"
    ran = first_of(read.attributes, "gen_ai.tool.name", "ai.toolCall.name") is not None
    if ran or "tool_name" in read.meta or text_or_none(read.row.get("name")) in called:
        return "tool"
    if str(read.row.get("type")).upper() not in _MAY_BE_TOOLS:
        return "unknown"
    return "retrieval" if str(said_kind).lower() == "retriever" else "span"


def _kept(read: _Row, *used: str) -> dict[str, Json]:
    """Keep the observation's metadata, and under `langfuse` its fields that are no field here."""
    rest: dict[str, Json] = {
        key: value
        for key, value in read.row.items()
        if (key not in _USED or key in used) and value not in (None, "", [], {})
    }
    meta = {key: value for key, value in read.meta.items() if key not in _USED_META}
    beside: dict[str, Json] = {"langfuse": rest} if rest else {}
    return meta | beside


def _error(read: _Row) -> str | None:
    if read.row.get("level") != "ERROR":
        return None
    return text_or_none(read.row.get("statusMessage")) or "error"


def _ids(read: _Row) -> tuple[str | None, str | None]:
    parent = first_of(read.row, "parentObservationId", "parent_span_id")
    return text_or_none(read.row.get("id")), text_or_none(parent)


def _llm_call(read: _Row) -> LlmCall:
    row, settings = read.row, data_of(read.row.get("modelParameters"))
    settings = settings if isinstance(settings, dict) else {}
    own_id, parent = _ids(read)
    first = read.first_token
    temperature = first_of({**read.meta, **settings}, "temperature")
    provider = first_of(read.attributes, "gen_ai.provider.name", "gen_ai.system", "llm.system")
    return LlmCall(
        id=own_id,
        parent_id=parent,
        name=text_or_none(row.get("name")),
        start=read.start,
        end=read.end,
        provider=text_or_none(provider),
        model=text_or_none(first_of(row, "model", "providedModelName")),
        temperature=number_or_none(temperature),
        max_tokens=tokens_or_none(first_of(settings, "max_tokens", "max_completion_tokens")),
        time_to_first_token=first if first is not None and first >= 0 else None,
        error=_error(read),
        input=data_of(row.get("input")),
        output=data_of(row.get("output")),
        metadata=_kept(read, "usage", "usageDetails", "costDetails", "modelParameters"),
        **{**_usage(row), "cost_usd": _cost(row)},
    )


def _usage(row: Mapping[str, Json]) -> dict[str, Any]:
    """Read the tokens; costs beside them are none."""
    for key in ("usageDetails", "usage"):
        value = data_of(row.get(key))
        counts = {
            name: count
            for name, count in (value.items() if isinstance(value, dict) else ())
            if name != "unit" and not name.lower().endswith("cost")
        }
        if any(count is not None for count in counts.values()):
            return usage_fields(counts)
    flat = {"input": row.get("inputUsage"), "output": row.get("outputUsage")}
    return usage_fields({name: count for name, count in flat.items() if count is not None})


def _cost(row: Mapping[str, Json]) -> float | None:
    """Return the recorded cost: of the details, of the row, or of the usage."""
    places = (("costDetails", "total"), ("usage", "total_cost"), ("usage", "totalCost"))
    for key, inner in places:
        details = data_of(row.get(key))
        cost = number_or_none(details.get(inner)) if isinstance(details, dict) else None
        if cost is not None:
            return cost if cost >= 0 else None
    cost = number_or_none(row.get("totalCost"))
    return cost if cost is not None and cost >= 0 else None


def _tool_call(read: _Row) -> ToolCall:
    row = read.row
    own_id, parent = _ids(read)
    asked = data_of(row.get("input"))
    named = first_of(read.attributes, *_TOOL_NAMES)
    named = first_of({**read.meta, "attribute": named}, "tool_name", "attribute")
    arguments = asked
    if isinstance(asked, dict) and set(asked) <= {"tool", "args"} and "args" in asked:
        named = named or asked.get("tool")
        arguments = asked["args"]
    label = text_or_none(row.get("name")) or "tool"
    event = _EVENT.fullmatch(label)
    if event is not None:
        named = named or event["base"].rpartition(".")[2]
        arguments = arguments or read.attributes.get("tool.parameters")
    name = text_or_none(named) or label.removeprefix(_RUNNING)
    kept = _kept(read)
    if name != label:
        kept["span_name"] = label
    return ToolCall(
        id=own_id,
        parent_id=parent,
        name=name,
        start=read.start,
        end=read.end,
        version=text_or_none(read.meta.get("tool_version")),
        arguments=tool_arguments(arguments),
        result=data_of(row.get("output")),
        error=_error(read),
        call_id=text_or_none(first_of(read.attributes, "gen_ai.tool.call.id", "ai.toolCall.id")),
        metadata=kept,
    )


def _retrieval(read: _Row) -> Retrieval:
    own_id, parent = _ids(read)
    query, found = said(read.row.get("input")), data_of(read.row.get("output"))
    rows = found.get("documents", found) if isinstance(found, dict) else found
    documents = [_document(row) for row in rows] if isinstance(rows, list) else [_document(rows)]
    return Retrieval(
        id=own_id,
        parent_id=parent,
        name=text_or_none(read.row.get("name")),
        start=read.start,
        end=read.end,
        query=query if isinstance(query, str) else None,
        documents=tuple(text for text in documents if text is not None),
        metadata=_kept(read, "input", "output"),
    )


def _document(row: Json) -> str | None:
    if isinstance(row, dict):
        return text_or_none(first_of(row, "page_content", "content", "text", "document.content"))
    return text_or_none(row)


def _guardrail(read: _Row) -> Step:
    """Read the decision; where none can be told, it is a span and no decision is made up."""
    told = data_of(read.row.get("output"))
    word = first_of(told, "decision", "action", "result") if isinstance(told, dict) else told
    word = first_of({"own": word, **read.meta}, "decision", "own")
    decision = str(word).lower()
    if decision not in _BLOCKED | _PASSED:
        return _span(read)
    own_id, parent = _ids(read)
    return GuardrailStep(
        id=own_id,
        parent_id=parent,
        name=text_or_none(read.row.get("name")),
        start=read.start,
        end=read.end,
        type=text_or_none(read.meta.get("guardrail_type")) or text_or_none(read.row.get("name")),
        decision="block" if decision in _BLOCKED else "pass",
        metadata=_kept(read, "input", "output"),
    )


def _unknown(read: _Row) -> Unread:
    own_id, parent = _ids(read)
    return Unread(
        id=own_id,
        parent_id=parent,
        name=text_or_none(read.row.get("name")),
        start=read.start,
        end=read.end,
        type=f"observation {read.row.get('type')}",
        item=dict(read.row),
        parts=("tool_calls", "usage"),
    )


def _span(read: _Row) -> Span:
    own_id, parent = _ids(read)
    return Span(
        id=own_id,
        parent_id=parent,
        name=text_or_none(read.row.get("name")),
        start=read.start,
        end=read.end,
        input=data_of(read.row.get("input")),
        output=data_of(read.row.get("output")),
        metadata=_kept(read),
    )
