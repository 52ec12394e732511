"""The messages that a span of a model call recorded, in any of the conventions.

Calls of tools often stand nowhere else: instrumentations of a client record no span for a tool
that the agent runs itself.
"""

from collections.abc import Mapping
from typing import Final

from evalgate.importers.answers import conversation_in, messages_in
from evalgate.importers.observed import data_of
from evalgate.importers.parts import Message, read_message
from evalgate.importers.traces.otel_sources import OtelSpan, attribute, nested
from evalgate.schema.base import Json

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


def asked_rows(span: OtelSpan) -> list[Json]:
    """Return the messages that a model was given, oldest first; empty where not recorded."""
    values = _with_details(span)
    given = attribute(values, *_INPUT[:2])
    if given is None:
        flat = [rows for prefix in _FLAT_INPUT if (rows := nested(values, prefix)) is not None]
        given = flat[0] if flat else attribute(values, *_INPUT[2:])
    return conversation_in(given)
