"""Ollama's own protocol: `POST /api/chat` and `/api/generate`, streamed as lines unless refused."""

from collections.abc import Iterator
from dataclasses import replace

from evalgate.gateway.wire.base import (
    Body,
    CalledTool,
    Ids,
    Reply,
    StreamEvent,
    ToolResult,
    UnknownItem,
    Wire,
    as_body,
    as_list,
    count,
    named_tool,
    sorted_items,
    text_of,
    usage_of,
)
from evalgate.schema.base import Json

_MESSAGE = frozenset({"role", "content", "thinking", "images", "tool_calls", "tool_name"})
"""Fields of a message that are read, or that hold no call."""
_TEXTS = ("content", "thinking", "response")


def _prompt(body: Body, ids: Ids) -> list[Json]:
    return [_named(message, ids) for message in as_list(body.get("messages"))]


def _named(message: Json, ids: Ids) -> Json:
    if not isinstance(message, dict):
        return message
    calls: list[Json] = [
        {**call, "id": ids(str(call["id"]))} if isinstance(call, dict) and "id" in call else call
        for call in as_list(message.get("tool_calls"))
    ]
    named = {**message, "tool_calls": calls} if calls else dict(message)
    call_id = text_of(message.get("tool_call_id"))
    return named if call_id is None else {**named, "tool_call_id": ids(call_id)}


def _results(body: Body) -> tuple[ToolResult, ...]:
    """Read tool results; without an id, the protocol joins call and result by the tool's name."""
    messages = (as_body(message) for message in as_list(body.get("messages")))
    return tuple(
        ToolResult(name, message.get("content"))
        for message in messages
        if message.get("role") == "tool"
        and (name := text_of(message.get("tool_call_id")) or text_of(message.get("tool_name")))
    )


def _user_turns(body: Body) -> int:
    messages = as_list(body.get("messages"))
    return sum(1 for message in messages if as_body(message).get("role") == "user")


def _read(body: Body) -> Reply:
    generated = "response" in body and "message" not in body
    message = _generated(body) if generated else as_body(body.get("message"))
    tools, unknown = sorted_items(_items(message))
    counts = {
        "prompt_tokens": body.get("prompt_eval_count"),  # left out where the prompt was cached
        "completion_tokens": body.get("eval_count"),
    }
    return Reply(
        model=text_of(body.get("model")),
        finish_reason=text_of(body.get("done_reason")),
        usage=usage_of({name: value for name, value in counts.items() if value is not None}),
        tools=tools,
        unknown=unknown,
        message=dict(message),
        error=None if message and body.get("done") is True else "bad_response",
    )


def _generated(body: Body) -> Body:
    return {"role": "assistant", "content": body.get("response")}


def _items(message: Body) -> Iterator[CalledTool | UnknownItem]:
    calls = message.get("tool_calls")
    for call in as_list(calls):
        asked = as_body(as_body(call).get("function"))
        name = asked.get("name")
        call_id = text_of(as_body(call).get("id")) or name
        yield named_tool(call_id, name, asked.get("arguments"), kind="tool call")
    if calls and not isinstance(calls, list):
        yield UnknownItem("tool_calls", calls)
    for name, value in message.items():
        if name not in _MESSAGE and isinstance(value, dict | list) and value:
            yield UnknownItem(f"message.{name}", value)


def _read_stream(events: tuple[StreamEvent, ...]) -> Reply:
    whole: Body = {}
    message: Body = {}
    odd: list[UnknownItem] = []
    first: float | None = None
    for event in events:
        if event.data and count(event.data, "eval_count") is None and not _is_piece(event.data):
            odd.append(UnknownItem("event", event.data))
        piece = {**as_body(event.data.get("message"))}
        if "response" in event.data:
            piece = _generated(event.data)
        if first is None and any(piece.get(name) for name in ("content", "thinking", "tool_calls")):
            first = event.at
        message = _joined(message, piece)
        whole |= {k: v for k, v in event.data.items() if k not in {"message", "response"}}
    reply = _read({**whole, "message": message})
    error = None if whole.get("done") is True else "cut_stream"
    return replace(reply, first_token=first, error=error, unknown=(*reply.unknown, *odd))


def _is_piece(data: Body) -> bool:
    return isinstance(data.get("message"), dict) or "response" in data


def _joined(message: Body, piece: Body) -> Body:
    """Add a piece: texts and lists are joined, other values are set."""
    joined = dict(message)
    for name, value in piece.items():
        old = joined.get(name)
        if name in _TEXTS and isinstance(value, str):
            joined[name] = f"{text_of(old) or ''}{value}"
        elif isinstance(value, list):
            joined[name] = [*as_list(old), *value]
        elif value is not None:
            joined[name] = value
    return joined


WIRE = Wire(
    name="ollama_chat",
    provider="ollama",
    kind="llm",
    prompt=_prompt,
    prompt_fields=frozenset({"messages"}),
    tool_fields=frozenset({"tools"}),
    results=_results,
    user_turns=_user_turns,
    max_tokens=("num_predict",),
    read=_read,
    read_stream=_read_stream,
    frames="lines",
)

GENERATE = replace(
    WIRE,
    name="ollama_generate",
    prompt=lambda body, _ids: [{"system": body.get("system")}, {"prompt": body.get("prompt")}],
    prompt_fields=frozenset({"system", "prompt"}),
    results=lambda _body: (),
    user_turns=lambda _body: 1,
)
