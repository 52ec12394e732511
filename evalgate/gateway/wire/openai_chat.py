"""OpenAI chat completions: `POST /v1/chat/completions`, also under Azure's deployment paths."""

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
from evalgate.gateway.wire.openai_chat_stream import assemble
from evalgate.schema.base import Json

_MESSAGE = frozenset(
    {
        "tool_calls",
        "function_call",
        "content",
        "executed_tools",
        "annotations",
        "extra_content",
        "audio",
        "citations",
        "context",
        "images",
        "provider_specific_fields",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "refusal",
        "search_results",
        "thinking",
        "thinking_blocks",
        "token_ids",
        "videos",
    }
)
"""Fields of a message that are read, or that hold no call."""

_CHOICE = frozenset(
    {
        "message",
        "delta",
        "logprobs",
        "prompt_logprobs",
        "token_ids",
        "prompt_token_ids",
        "content_filter_results",
        "content_filter_offsets",
        "content_filter_result",
        "hidden_states",
        "meta_info",
        "provider_specific_fields",
        "matched_stop",
        "stop_reason",
        "error",
    }
)
"""Fields of a choice that are read, or that hold no call."""

_PARTS = frozenset(
    {
        "text",
        "output_text",
        "refusal",
        "thinking",
        "reasoning",
        "image",
        "image_url",
        "output_image",
        "audio",
        "input_audio",
        "output_audio",
        "file",
        "reference",
        "document_url",
    }
)
"""Parts of a content that hold no call."""

_EVENT = frozenset({"usage", "x_groq", "error", "prompt_filter_results", "timings", "metadata"})
"""Fields of an event that is no piece of a choice."""

_MOST_SEARCHES = 1_000
"""More than that is no count to believe."""

_ANSWERS = {"tool": "tool_call_id", "function": "name"}
"""What a message with a result says it answers, by its role; `function` is the old form."""
_EMPTY = frozenset({"index", "type"})
"""Fields of a tool call that say nothing of a call."""


def _prompt(body: Body, ids: Ids) -> list[Json]:
    return [
        _named(message, ids) if isinstance(message, dict) else message
        for message in as_list(body.get("messages"))
    ]


def _named(message: Body, ids: Ids) -> Body:
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        named: list[Json] = [
            {**call, "id": ids(str(call.get("id")))} if isinstance(call, dict) else call
            for call in calls
        ]
        return {**message, "tool_calls": named}
    if "tool_call_id" in message:
        return {**message, "tool_call_id": ids(str(message["tool_call_id"]))}
    return message


def _results(body: Body) -> tuple[ToolResult, ...]:
    results = []
    for message, role in _roles(body):
        if role in _ANSWERS and isinstance(answered := message.get(_ANSWERS[role]), str):
            results.append(ToolResult(answered, message.get("content")))
    return tuple(results)


def _user_turns(body: Body) -> int:
    return [role for _, role in _roles(body)].count("user")


def _roles(body: Body) -> list[tuple[Body, str]]:
    """Return the messages that say whose they are."""
    return [
        (message, role)
        for message in as_list(body.get("messages"))
        if isinstance(message, dict) and isinstance(role := message.get("role"), str)
    ]


def _read(body: Body) -> Reply:
    choices = [as_body(choice) for choice in as_list(body.get("choices"))]
    messages = [as_body(choice.get("message")) for choice in choices]
    said = (item for choice in choices for item in _choice_items(choice))
    tools, unknown = sorted_items([*said, *_server_tools(as_body(body.get("usage")))])
    whole = bool(messages) and all(messages)
    first = choices[0] if choices else {}
    return Reply(
        model=text_of(body.get("model")),
        finish_reason=text_of(first.get("finish_reason")) or None,
        usage=usage_of(body.get("usage"), body.get("service_tier")),
        tools=tools,
        unknown=unknown,
        message=first.get("message") if len(messages) < 2 else [*messages],
        error=None if whole else "bad_response",
    )


def _server_tools(usage: Body) -> Iterator[CalledTool | UnknownItem]:
    """Yield the tools that a router ran itself, of which only the usage tells (OpenRouter)."""
    told = as_body(usage.get("server_tool_use_details"))
    searches = min(count(told, "web_search_requests") or 0, _MOST_SEARCHES)
    yield from [CalledTool(None, "web_search", {}, by_provider=True)] * searches
    if (count(told, "tool_calls_executed") or 0) > searches:
        yield UnknownItem("server_tool_use_details", told)


def _choice_items(choice: Body) -> Iterator[CalledTool | UnknownItem | None]:
    message = as_body(choice.get("message"))
    for call in _listed(message.get("tool_calls")):
        yield _tool(call)
    legacy = message.get("function_call")
    if legacy and not (isinstance(legacy, dict) and not any(legacy.values())):
        yield _function(None, legacy, "function_call")
    content = message.get("content")
    for part in [] if isinstance(content, str) else _listed(content):
        yield _part(part)
    for tool in _listed(message.get("executed_tools")):
        yield _executed(tool)
    for box, known, fields in (("message", _MESSAGE, message), ("choice", _CHOICE, choice)):
        for name, value in fields.items():
            if name not in known and isinstance(value, dict | list) and value:
                yield UnknownItem(f"{box}.{name}", value)


def _listed(value: Json) -> list[Json]:
    """Return the items of a list; one item that is in none stands for itself."""
    if isinstance(value, list):
        return value
    return [value] if value else []


def _tool(call: Json) -> CalledTool | UnknownItem | None:
    if not isinstance(call, dict):
        return UnknownItem("tool_calls", call) if call else None
    kind = call.get("type")
    if kind in (None, "", "function", "custom") and not _says_anything(call):
        return None  # some servers end every stream with an empty call
    custom, function = call.get("custom"), call.get("function")
    if isinstance(custom, dict) and (any(custom.values()) or not isinstance(function, dict)):
        name, text = custom.get("name"), custom.get("input")
        return named_tool(call.get("id"), name, text, kind="custom", free_text=True)
    if isinstance(function, dict):
        return _function(call.get("id"), function, "tool call")
    if "name" in call and not function:  # flat, as some servers write it
        return _function(call.get("id"), call, "tool call")
    return UnknownItem(f"tool_calls.{text_of(kind) or 'item'}", call)


def _says_anything(call: Body) -> bool:
    values = [value for name, value in call.items() if name not in _EMPTY]
    return any(any(value.values()) if isinstance(value, dict) else value for value in values)


def _function(call_id: Json, function: Json, kind: str) -> CalledTool | UnknownItem | None:
    if not isinstance(function, dict):
        return UnknownItem(kind, function) if function else None
    return named_tool(call_id, function.get("name"), function.get("arguments"), kind=kind)


def _part(part: Json) -> CalledTool | UnknownItem | None:
    """Read a part of a content that is a list."""
    body = as_body(part)
    kind = text_of(body.get("type"))
    if kind == "tool_use":
        return named_tool(body.get("id"), body.get("name"), body.get("input"), kind="tool_use")
    if kind in _PARTS or isinstance(part, str):
        return None
    return UnknownItem(f"content.{kind or 'part'}", part)


def _executed(item: Json) -> CalledTool | UnknownItem | None:
    """Read a tool that the server ran (Groq)."""
    if not isinstance(item, dict):
        return UnknownItem("executed_tools", item) if item else None
    tool = item
    found = named_tool(tool.get("id"), tool.get("type"), tool.get("arguments"), kind="tool")
    if not isinstance(found, CalledTool):
        return found
    result = ToolResult(found.call_id or "", tool.get("output"))
    return replace(found, by_provider=True, result=result)


def _read_stream(events: tuple[StreamEvent, ...]) -> Reply:
    body, first = assemble(events)
    odd = [UnknownItem("event", e.data) for e in events if _is_odd(e.data)]
    reply = _read(body)
    ended = reply.finish_reason or any(event.done for event in events)
    return replace(
        reply,
        first_token=first,
        unknown=(*reply.unknown, *odd),
        error=reply.error if ended else "cut_stream",
    )


def _is_odd(data: Body) -> bool:
    """Whether an event is no piece of a choice and holds more than a usage."""
    choices = data.get("choices")
    if choices and not (isinstance(choices, list) and all(isinstance(c, dict) for c in choices)):
        return True
    extra = (value for name, value in data.items() if name not in _EVENT)
    return "choices" not in data and any(isinstance(value, dict | list) for value in extra)


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
