"""OpenAI chat completions: `POST /v1/chat/completions`, also under Azure's deployment paths."""

from collections.abc import Iterable

from evalgate.gateway.wire.base import (
    Body,
    CalledTool,
    Event,
    Ids,
    Reply,
    ToolResult,
    Usage,
    Wire,
    as_body,
    as_list,
    count,
    text_of,
)
from evalgate.schema.base import Json

__all__ = ["WIRE", "ask_for_usage", "is_usage_event"]


def _prompt(body: Body, ids: Ids) -> list[Json]:
    return [_named(as_body(message), ids) or message for message in as_list(body.get("messages"))]


def _named(message: Body, ids: Ids) -> Body | None:
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        named: list[Json] = [
            {**call, "id": ids(str(call.get("id")))} if isinstance(call, dict) else call
            for call in calls
        ]
        return {**message, "tool_calls": named}
    if "tool_call_id" in message:
        return {**message, "tool_call_id": ids(str(message["tool_call_id"]))}
    return None


def _results(body: Body) -> tuple[ToolResult, ...]:
    messages = (as_body(message) for message in as_list(body.get("messages")))
    return tuple(
        ToolResult(call_id, message.get("content"))
        for message in messages
        if message.get("role") == "tool" and isinstance(call_id := message.get("tool_call_id"), str)
    )


def _user_turns(body: Body) -> int:
    messages = as_list(body.get("messages"))
    return sum(1 for message in messages if as_body(message).get("role") == "user")


def read_usage(usage: Body) -> Usage:
    """Read a `usage` object of chat completions or embeddings."""
    return Usage(
        input_tokens=count(usage, "prompt_tokens"),
        output_tokens=count(usage, "completion_tokens"),
        cached_tokens=count(as_body(usage.get("prompt_tokens_details")), "cached_tokens"),
        reasoning_tokens=count(as_body(usage.get("completion_tokens_details")), "reasoning_tokens"),
    )


def _read(body: Body) -> Reply:
    choices = as_list(body.get("choices"))
    choice = as_body(choices[0]) if choices else {}
    message = as_body(choice.get("message"))
    return Reply(
        model=text_of(body.get("model")),
        finish_reason=text_of(choice.get("finish_reason")),
        usage=read_usage(as_body(body.get("usage"))),
        tools=_called(message),
        message=choice.get("message"),
        error=None if message else "bad_response",
    )


def _called(message: Body) -> tuple[CalledTool, ...]:
    found = [_tool(as_body(call)) for call in as_list(message.get("tool_calls"))]
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        found.append(_function(None, legacy))
    return tuple(found)


def _tool(call: Body) -> CalledTool:
    call_id = text_of(call.get("id"))
    custom = call.get("custom")
    if isinstance(custom, dict):
        name, text = text_of(custom.get("name")) or "", text_of(custom.get("input")) or ""
        return CalledTool(call_id, name, text, free_text=True)
    return _function(call_id, as_body(call.get("function")))


def _function(call_id: str | None, function: Body) -> CalledTool:
    name = text_of(function.get("name")) or ""
    return CalledTool(call_id, name, text_of(function.get("arguments")) or "")


def _read_stream(events: tuple[Event, ...]) -> Reply:
    model = finish = None
    usage: Body = {}
    message: Body = {"role": "assistant", "content": None}
    calls: dict[int, Body] = {}
    first: float | None = None
    for event in events:
        model = text_of(event.data.get("model")) or model
        usage = as_body(event.data.get("usage")) or usage
        for choice in _first_choices(event.data):
            finish = text_of(choice.get("finish_reason")) or finish
            if _add(message, calls, as_body(choice.get("delta"))) and first is None:
                first = event.at
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return Reply(
        model=model,
        finish_reason=finish,
        usage=read_usage(usage),
        tools=_called(message),
        message=message,
        first_token=first,
        error=None if finish else "cut_stream",
    )


def _first_choices(data: Body) -> Iterable[Body]:
    choices = (as_body(choice) for choice in as_list(data.get("choices")))
    return (choice for choice in choices if choice.get("index", 0) == 0)


def _add(message: Body, calls: dict[int, Body], delta: Body) -> bool:
    """Add a delta to the message; say whether it holds a token."""
    token = False
    for name in ("content", "refusal", "reasoning_content"):
        piece = delta.get(name)
        if isinstance(piece, str) and piece:
            message[name] = (text_of(message.get(name)) or "") + piece
            token = True
    for part in as_list(delta.get("tool_calls")):
        _add_call(calls, as_body(part))
        token = True
    return token


def _add_call(calls: dict[int, Body], part: Body) -> None:
    call = calls.setdefault(count(part, "index") or 0, {"id": None, "type": "function"})
    call["id"] = text_of(part.get("id")) or call["id"]
    for kind, piece_name in (("function", "arguments"), ("custom", "input")):
        piece = part.get(kind)
        if not isinstance(piece, dict):
            continue
        whole = as_body(call.setdefault(kind, {"name": "", piece_name: ""}))
        call["type"] = kind
        whole["name"] = text_of(piece.get("name")) or whole["name"]
        old, new = text_of(whole.get(piece_name)) or "", text_of(piece.get(piece_name)) or ""
        whole[piece_name] = old + new


def ask_for_usage(body: Body) -> Body | None:
    """Return the request with a usage event asked for, or None where the agent asks itself."""
    options = as_body(body.get("stream_options"))
    if body.get("stream") is not True or options.get("include_usage") is True:
        return None
    return {**body, "stream_options": {**options, "include_usage": True}}


def is_usage_event(data: Body) -> bool:
    """Whether an event holds nothing but the usage that was asked for."""
    return data.get("choices") == [] and isinstance(data.get("usage"), dict)


WIRE = Wire(
    name="openai_chat",
    provider="openai",
    kind="llm",
    prompt=_prompt,
    prompt_fields=frozenset({"messages"}),
    tool_fields=frozenset(
        {"tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"}
    ),
    results=_results,
    user_turns=_user_turns,
    max_tokens=("max_completion_tokens", "max_tokens"),
    read=_read,
    read_stream=_read_stream,
)
