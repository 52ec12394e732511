"""The messages that a span of a model call recorded, in any of the conventions.

Calls of tools often stand nowhere else: instrumentations of a client record no span for a tool
that the agent runs itself.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from evalgate.importers.observed import data_of
from evalgate.importers.otel_sources import OtelSpan, attribute, nested
from evalgate.importers.parts import Message, read_message
from evalgate.schema.base import Json

__all__ = ["asked_rows", "messages_in", "said_messages"]

_FLAT_OUTPUT: Final = ("llm.output_messages", "gen_ai.completion")
_FLAT_INPUT: Final = ("llm.input_messages", "gen_ai.prompt")
_OUTPUT: Final = (
    "gen_ai.output.messages",
    "output.value",
    "gen_ai.completion",
    "ai.response.object",
    "traceloop.entity.output",
)
_INPUT: Final = (
    "gen_ai.input.messages",
    "ai.prompt.messages",
    "gen_ai.prompt",
    "input.value",
    "traceloop.entity.input",
)
_DETAILS: Final = "gen_ai.client.inference.operation.details"
_PART_TYPES: Final = frozenset(
    {
        *("tool_use", "tool_call", "tool-call", "function_call", "server_tool_use"),
        *("mcp_tool_use", "custom_tool_call", "mcp_call"),
    }
)
_ROLES: Final = frozenset({"assistant", "ai", "model", "aimessage", "aimessagechunk"})
_DEEPEST: Final = 20


def said_messages(span: OtelSpan) -> list[Message] | None:
    """Return what a model answered; null where the span did not record it."""
    rows = _said_rows(span)
    return None if rows is None else [read_message(row) for row in rows]


def _said_rows(span: OtelSpan) -> list[Json] | None:
    values = _with_details(span)
    for prefix in _FLAT_OUTPUT:
        flat = nested(values, prefix)
        if flat is not None and values.get("gen_ai.output.messages") is None:
            return flat if isinstance(flat, list) else [flat]
    vercel = values.get("ai.response.toolCalls")
    if vercel is not None or values.get("ai.response.text") is not None:
        calls = data_of(vercel)
        return [
            {
                "role": "assistant",
                "content": values.get("ai.response.text"),
                "tool_calls": calls if isinstance(calls, list) else None,
            }
        ]
    choices = [_of_event(event) for name, event in span.events if name == "gen_ai.choice"]
    if choices:
        return choices
    given = data_of(attribute(values, *_OUTPUT))
    if given is None:
        return None
    return list(messages_in(given))


def _with_details(span: OtelSpan) -> Mapping[str, Json]:
    """Return the attributes, with those of the event that carries messages instead."""
    for name, values in span.events:
        if name == _DETAILS:
            return {**values, **span.attributes}
    return span.attributes


def _of_event(values: Mapping[str, Json]) -> Json:
    """Read an event of the older convention: the message as an attribute, or as its text."""
    whole = data_of(attribute(values, "gen_ai.event.content", "body"))
    if isinstance(whole, dict):
        values = whole
    message = data_of(values.get("message"))
    if not isinstance(message, dict):
        message = {key: data_of(value) for key, value in values.items() if key != "message"}
    return {"role": "assistant", **message}


def messages_in(data: Json, depth: int = 0) -> Iterator[Json]:
    """Yield what looks like an answer of a model in data of any shape; of a history, its end."""
    if isinstance(data, str):
        if data and depth == 0:
            yield data
    elif isinstance(data, list):
        yield from _latest(data, depth)
    elif isinstance(data, dict) and depth <= _DEEPEST:
        if _is_message(data) or _is_item(data) or _is_content(data):
            yield data
            return
        for value in data.values():
            if isinstance(value, dict | list):
                yield from messages_in(value, depth + 1)


def _latest(rows: list[Json], depth: int) -> Iterator[Json]:
    """Of a conversation, yield the answers after the last message of somebody else."""
    last = 0
    for index, row in enumerate(rows):
        if isinstance(row, dict) and _is_message(row) and not _is_answer(row):
            last = index + 1
    for row in rows[last:]:
        if isinstance(row, dict) and isinstance(row.get("type"), str) and "lc" not in row:
            yield row
        else:
            yield from messages_in(row, depth + 1)


def _is_message(data: Mapping[str, Json]) -> bool:
    named = data.get("role") or data.get("type")
    holds = any(key in data for key in ("content", "parts", "tool_calls", "contents"))
    return isinstance(named, str) and holds and read_message(dict(data)).role is not None


def _is_item(data: Mapping[str, Json]) -> bool:
    kind = data.get("type")
    return isinstance(kind, str) and (kind in _PART_TYPES or kind.endswith("_call"))


def _is_answer(data: Mapping[str, Json]) -> bool:
    return str(data.get("role") or data.get("type")).lower() in _ROLES


def _is_content(data: Mapping[str, Json]) -> bool:
    """Whether it is a message without a role."""
    return isinstance(data.get("parts"), list) or (
        isinstance(data.get("tool_calls"), list) and bool(data["tool_calls"])
    )


def asked_rows(span: OtelSpan) -> list[Json]:
    """Return the messages that a model was given, oldest first; empty where not recorded."""
    values = _with_details(span)
    given = data_of(attribute(values, *_INPUT[:2]))
    if given is None:
        flat = [rows for prefix in _FLAT_INPUT if (rows := nested(values, prefix)) is not None]
        given = flat[0] if flat else data_of(attribute(values, *_INPUT[2:]))
    if isinstance(given, dict):
        found = next((given[k] for k in ("messages", "contents", "input") if given.get(k)), None)
        given = [given] if found is None and "role" in given else found
    rows = given if isinstance(given, list) else []
    return [row for row in rows if isinstance(row, dict)]
