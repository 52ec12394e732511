"""Anthropic messages: `POST /v1/messages` and `POST /v1/messages/count_tokens`."""

import json
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
from evalgate.text.tame_json import is_plain
from evalgate.usage.sums import merge_usages

_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_TEXTS = frozenset(
    {"text", "thinking", "redacted_thinking", "compaction", "container_upload", "image", "document"}
)
"""Blocks that hold no call."""

_EVENTS = frozenset({"content_block_stop", "message_stop", "ping", "error"})
"""Events that add nothing to the message."""


def _prompt(body: Body, ids: Ids) -> list[Json]:
    messages: list[Json] = []
    if body.get("system") is not None:
        messages.append({"role": "system", "content": body["system"]})
    return messages + [_named(message, ids) for message in as_list(body.get("messages"))]


def _named(message: Json, ids: Ids) -> Json:
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    return {**message, "content": [_block(part, ids) for part in as_list(message["content"])]}


def _block(part: Json, ids: Ids) -> Json:
    if not isinstance(part, dict):
        return part
    if part.get("type") == "tool_use" and isinstance(part.get("id"), str):
        return {**part, "id": ids(str(part["id"]))}
    if isinstance(part.get("tool_use_id"), str):
        return {**part, "tool_use_id": ids(str(part["tool_use_id"]))}
    return part


def _results(body: Body) -> tuple[ToolResult, ...]:
    return tuple(
        ToolResult(call_id, part.get("content"), failed=part.get("is_error") is True)
        for message in map(as_body, as_list(body.get("messages")))
        for part in map(as_body, as_list(message.get("content")))
        if part.get("type") == "tool_result" and isinstance(call_id := part.get("tool_use_id"), str)
    )


def _user_turns(body: Body) -> int:
    return sum(1 for message in as_list(body.get("messages")) if _is_person(as_body(message)))


def _is_person(message: Body) -> bool:
    """Tool results travel in user messages; only what else is there was said by a person."""
    content = message.get("content")
    if message.get("role") != "user":
        return False
    if not isinstance(content, list):
        return True
    return any(as_body(part).get("type") != "tool_result" for part in content)


def _read(body: Body) -> Reply:
    blocks = as_list(body.get("content"))
    tools, unknown = _called(blocks)
    return Reply(
        model=text_of(body.get("model")),
        finish_reason=text_of(body.get("stop_reason")),
        usage=usage_of(body.get("usage")),
        tools=tools,
        unknown=unknown,
        message={"role": "assistant", "content": blocks},
        error=None if isinstance(body.get("content"), list) else "bad_response",
    )


def _called(blocks: list[Json]) -> tuple[tuple[CalledTool, ...], tuple[UnknownItem, ...]]:
    results = {result.call_id: result for result in _results_in(blocks)}
    tools, unknown = sorted_items(_item(block) for block in blocks)
    answered = (
        replace(tool, result=results.get(tool.call_id or "")) if tool.by_provider else tool
        for tool in tools
    )
    return tuple(answered), unknown


def _item(block: Json) -> CalledTool | UnknownItem | None:
    body = as_body(block)
    kind = text_of(body.get("type")) or ""
    if kind in _TEXTS or kind.endswith("_tool_result"):
        return None
    if kind not in _CALLS:
        return UnknownItem(kind or "block", block)
    found = named_tool(body.get("id"), body.get("name"), body.get("input"), kind=kind)
    if isinstance(found, CalledTool) and kind != "tool_use":
        return replace(found, by_provider=True)
    return found


def _results_in(blocks: list[Json]) -> Iterator[ToolResult]:
    """Read the results of tools that the provider ran."""
    for block in map(as_body, blocks):
        call_id = text_of(block.get("tool_use_id"))
        if call_id and (text_of(block.get("type")) or "").endswith("_tool_result"):
            content = block.get("content")
            kind = text_of(as_body(content).get("type")) or ""
            failed = block.get("is_error") is True or kind.endswith("_error")
            yield ToolResult(call_id, content, failed=failed)


def _read_stream(events: tuple[StreamEvent, ...]) -> Reply:
    start: Body = {}
    usages: list[Body] = []
    odd: list[UnknownItem] = []
    blocks: dict[int, Body] = {}
    finish: str | None = None
    first: float | None = None
    ended = False
    for event in events:
        data = event.data
        kind = text_of(data.get("type"))
        if kind == "message_start":
            start = as_body(data.get("message"))
            usages.append(as_body(start.get("usage")))
        elif kind == "content_block_start":
            blocks[count(data, "index") or 0] = {**as_body(data.get("content_block"))}
        elif kind == "content_block_delta":
            first = event.at if first is None else first
            _add(blocks.setdefault(count(data, "index") or 0, {}), as_body(data.get("delta")))
        elif kind == "message_delta":
            finish = text_of(as_body(data.get("delta")).get("stop_reason")) or finish
            usages.append(as_body(data.get("usage")))
        elif data and kind not in _EVENTS:
            odd.append(UnknownItem(f"event.{text_of(kind) or 'event'}", data))
        ended = ended or kind == "message_stop"
    content: list[Json] = [_closed(blocks[index]) for index in sorted(blocks)]
    tools, unknown = _called(content)
    return Reply(
        model=text_of(start.get("model")),
        finish_reason=finish,
        usage=usage_of(merge_usages(usages)),
        tools=tools,
        unknown=(*unknown, *odd),
        message={"role": "assistant", "content": content},
        first_token=first,
        error=None if ended else "cut_stream",
    )


def _add(block: Body, delta: Body) -> None:
    for name, target in (("text", "text"), ("thinking", "thinking"), ("partial_json", "_json")):
        piece = delta.get(name)
        if isinstance(piece, str):
            block[target] = (text_of(block.get(target)) or "") + piece
    if "signature" in delta:
        block["signature"] = delta["signature"]


def _closed(block: Body) -> Body:
    """Put the argument text, that came in pieces, in the place where a whole message has it."""
    text = block.get("_json")
    whole = {name: value for name, value in block.items() if name != "_json"}
    if not isinstance(text, str) or not text:
        return whole
    whole["input"] = json.loads(text) if is_plain(text) else text
    return whole


def _read_count(body: Body) -> Reply:
    tokens = count(body, "input_tokens")
    return Reply(message=body, error="bad_response" if tokens is None else None)


WIRE = Wire(
    name="anthropic_messages",
    provider="anthropic",
    kind="llm",
    prompt=_prompt,
    prompt_fields=frozenset({"system", "messages"}),
    tool_fields=frozenset({"tools", "tool_choice"}),
    results=_results,
    user_turns=_user_turns,
    max_tokens=("max_tokens",),
    read=_read,
    read_stream=_read_stream,
)

COUNT_TOKENS = Wire(
    name="anthropic_count_tokens",
    provider="anthropic",
    kind="other",
    prompt=_prompt,
    prompt_fields=WIRE.prompt_fields,
    tool_fields=WIRE.tool_fields,
    read=_read_count,
    read_stream=_read_stream,
)
