"""OpenAI responses: `POST /v1/responses`."""

from dataclasses import replace

from evalgate.gateway.wire.base import (
    Body,
    Ids,
    Reply,
    StreamEvent,
    ToolResult,
    UnknownItem,
    Wire,
    as_body,
    as_list,
    count,
    text_of,
    usage_of,
)
from evalgate.gateway.wire.openai_response_items import billed_uses, is_result, read_items
from evalgate.schema.base import Json

_FINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


def _items(body: Body) -> list[Json]:
    given = body.get("input")
    return [{"role": "user", "content": given}] if isinstance(given, str) else as_list(given)


def _prompt(body: Body, ids: Ids) -> list[Json]:
    messages: list[Json] = []
    if body.get("instructions") is not None:
        messages.append({"role": "system", "content": body["instructions"]})
    held = ("previous_response_id", "conversation", "prompt")
    messages.extend({name: body[name]} for name in held if body.get(name) is not None)
    return messages + [_named(item, ids) for item in _items(body)]


def _named(item: Json, ids: Ids) -> Json:
    if isinstance(item, dict) and isinstance(item.get("call_id"), str):
        return {**item, "call_id": ids(str(item["call_id"]))}
    return item


def _results(body: Body) -> tuple[ToolResult, ...]:
    return tuple(
        ToolResult(call_id, item.get("output"))
        for item in map(as_body, _items(body))
        if is_result(item) and isinstance(call_id := item.get("call_id"), str)
    )


def _user_turns(body: Body) -> int:
    return sum(1 for item in _items(body) if as_body(item).get("role") == "user")


def _read(body: Body) -> Reply:
    output = as_list(body.get("output"))
    reason = text_of(as_body(body.get("incomplete_details")).get("reason"))
    tools, unknown = read_items(output)
    usage = usage_of(body.get("usage"), body.get("service_tier"))
    return Reply(
        model=text_of(body.get("model")),
        finish_reason=reason or text_of(body.get("status")),
        usage=usage.model_copy(update={"tool_uses": {**usage.tool_uses, **billed_uses(output)}}),
        tools=tools,
        unknown=unknown,
        message=body.get("output"),
        error=None if isinstance(body.get("output"), list) else "bad_response",
    )


def _read_stream(events: tuple[StreamEvent, ...]) -> Reply:
    first = next((event.at for event in events if _is_token(event.data)), None)
    final = next((e.data for e in reversed(events) if text_of(e.data.get("type")) in _FINAL), None)
    started = next((e.data for e in events if "response" in e.data), {})
    body = as_body((final or started).get("response"))
    reply = _read({**body, "output": _output(events, as_list(body.get("output")))})
    odd = tuple(UnknownItem(_kind(e.data), e.data) for e in events if _is_odd(e))
    error = reply.error if final is not None else "cut_stream"
    return replace(reply, first_token=first, error=error, unknown=(*reply.unknown, *odd))


def _output(events: tuple[StreamEvent, ...], final: list[Json]) -> list[Json]:
    """Put the items of a stream together: the final list, and what stands in the events only."""
    items: dict[int, Body] = {}
    for number, event in enumerate(events):
        data = event.data
        place = count(data, "output_index")
        place = number if place is None else place
        match data.get("type"):
            case "response.output_item.added":
                items.setdefault(place, as_body(data.get("item")))
            case "response.output_item.done":
                items[place] = as_body(data.get("item"))
            case "response.function_call_arguments.delta" | "response.mcp_call_arguments.delta":
                _extend(items, place, "arguments", data.get("delta"))
            case "response.custom_tool_call_input.delta":
                _extend(items, place, "input", data.get("delta"))
            case "response.function_call_arguments.done" | "response.mcp_call_arguments.done":
                items[place] = {**items.get(place, {}), "arguments": data.get("arguments")}
    known = [item.get("id") for item in map(as_body, final)]
    calls = [as_body(item).get("call_id") for item in final]
    missing = [
        items[place]
        for place in sorted(items)
        if not _is_among(items[place], known, calls) and items[place] not in final
    ]
    return [*final, *missing]


def _is_among(item: Body, ids: list[Json], calls: list[Json]) -> bool:
    same_id = item.get("id") is not None and item.get("id") in ids
    return same_id or (item.get("call_id") is not None and item.get("call_id") in calls)


def _extend(items: dict[int, Body], place: int, name: str, piece: Json) -> None:
    if isinstance(piece, str) and place in items:
        old = text_of(items[place].get(name)) or ""
        items[place] = {**items[place], name: old + piece}


def _kind(data: Body) -> str:
    return f"event.{text_of(data.get('type')) or 'event'}"


def _is_odd(event: StreamEvent) -> bool:
    """Whether an event is none of this protocol's."""
    kind = text_of(event.data.get("type")) or ""
    return bool(event.data) and not kind.startswith(("response.", "keepalive", "ping", "error"))


def _is_token(data: Body) -> bool:
    return (text_of(data.get("type")) or "").endswith(".delta") and bool(data.get("delta"))


WIRE = Wire(
    name="openai_responses",
    provider="openai",
    kind="llm",
    prompt=_prompt,
    prompt_fields=frozenset(
        {"input", "instructions", "previous_response_id", "conversation", "prompt"}
    ),
    tool_fields=frozenset({"tools", "tool_choice", "parallel_tool_calls", "max_tool_calls"}),
    results=_results,
    user_turns=_user_turns,
    max_tokens=("max_output_tokens",),
    read=_read,
    read_stream=_read_stream,
)
