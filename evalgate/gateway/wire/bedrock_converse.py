"""Amazon Bedrock: `POST /model/MODEL/converse` and `/model/MODEL/converse-stream`."""

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

_TEXTS = frozenset(
    {
        "text",
        "image",
        "document",
        "video",
        "audio",
        "guardContent",
        "cachePoint",
        "reasoningContent",
        "citationsContent",
        "searchResult",
        "toolResult",
    }
)
"""Blocks that hold no call."""
_EVENTS = frozenset({"messageStart", "contentBlockStop"})
"""Events that add nothing to the message."""


def _prompt(body: Body, ids: Ids) -> list[Json]:
    messages: list[Json] = []
    if body.get("system") is not None:
        messages.append({"role": "system", "content": body["system"]})
    if body.get("promptVariables") is not None:
        messages.append({"promptVariables": body["promptVariables"]})
    return messages + [_named(message, ids) for message in as_list(body.get("messages"))]


def _named(message: Json, ids: Ids) -> Json:
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    return {**message, "content": [_block(part, ids) for part in as_list(message["content"])]}


def _block(part: Json, ids: Ids) -> Json:
    for kind in ("toolUse", "toolResult"):
        inner = as_body(as_body(part).get(kind))
        if isinstance(part, dict) and isinstance(inner.get("toolUseId"), str):
            return {**part, kind: {**inner, "toolUseId": ids(str(inner["toolUseId"]))}}
    return part


def _results(body: Body) -> tuple[ToolResult, ...]:
    messages = map(as_body, as_list(body.get("messages")))
    return tuple(_results_in(block for m in messages for block in as_list(m.get("content"))))


def _results_in(blocks: Iterator[Json]) -> Iterator[ToolResult]:
    for result in (as_body(as_body(block).get("toolResult")) for block in blocks):
        if call_id := text_of(result.get("toolUseId")):
            content = as_list(result.get("content"))
            single = as_body(content[0]) if len(content) == 1 else {}
            given = single.get("json", single.get("text", content))
            yield ToolResult(call_id, given, failed=result.get("status") == "error")


def _user_turns(body: Body) -> int:
    return sum(1 for message in as_list(body.get("messages")) if _is_person(as_body(message)))


def _is_person(message: Body) -> bool:
    blocks = as_list(message.get("content"))
    return message.get("role") == "user" and any("toolResult" not in as_body(b) for b in blocks)


def _read(body: Body) -> Reply:
    message = as_body(as_body(body.get("output")).get("message"))
    blocks = as_list(message.get("content"))
    results = {result.call_id: result for result in _results_in(iter(blocks))}
    tools, unknown = sorted_items(_item(block) for block in blocks)
    answered = (
        replace(tool, result=results.get(tool.call_id or "")) if tool.by_provider else tool
        for tool in tools
    )
    return Reply(
        finish_reason=text_of(body.get("stopReason")),
        usage=usage_of(body.get("usage"), as_body(body.get("serviceTier")).get("type")),
        tools=tuple(answered),
        unknown=unknown,
        message=dict(message),
        error=None if isinstance(message.get("content"), list) else "bad_response",
    )


def _item(block: Json) -> CalledTool | UnknownItem | None:
    body = as_body(block)
    use = body.get("toolUse")
    if use is None:
        odd = sorted(set(body) - _TEXTS) or ([] if body else ["block"])
        return UnknownItem(f"block.{odd[0]}", block) if odd else None
    asked = as_body(use)
    found = named_tool(
        asked.get("toolUseId"), asked.get("name"), asked.get("input"), kind="toolUse"
    )
    if isinstance(found, CalledTool) and asked.get("type") == "server_tool_use":
        return replace(found, by_provider=True)
    return found


def _read_stream(events: tuple[StreamEvent, ...]) -> Reply:
    blocks: dict[int, Body] = {}
    odd: list[UnknownItem] = []
    whole: Body = {}
    first: float | None = None
    for event in events:
        data, place = event.data, count(event.data, "contentBlockIndex") or 0
        if event.name == "contentBlockStart":
            blocks[place] = {**as_body(data.get("start"))}
        elif event.name == "contentBlockDelta":
            first = event.at if first is None else first
            delta = as_body(data.get("delta"))
            blocks[place] = _extended(blocks.get(place, {}), delta)
        elif event.name in {"messageStop", "metadata"}:
            whole |= {name: value for name, value in data.items() if value is not None}
        elif event.name not in _EVENTS:
            odd.append(UnknownItem(f"event.{event.name or 'event'}", data))
    content: list[Json] = [_closed(blocks[place]) for place in sorted(blocks)]
    message: Body = {"role": "assistant", "content": content}
    reply = _read({**whole, "output": {"message": message}})
    error = None if "stopReason" in whole else "cut_stream"
    return replace(reply, first_token=first, error=error, unknown=(*reply.unknown, *odd))


def _extended(block: Body, delta: Body) -> Body:
    """Add a piece: texts are joined at any level, other values are set."""
    new = dict(block)
    for name, value in delta.items():
        old = new.get(name)
        if isinstance(value, str):
            new[name] = f"{old}{value}" if isinstance(old, str) else value
        elif isinstance(value, list):
            new[name] = [*as_list(old), *value]
        else:
            new[name] = _extended(as_body(old), value) if isinstance(value, dict) else value
    return new


def _closed(block: Body) -> Body:
    """Put the argument text, that came in pieces, in the place where a whole message has it."""
    use = as_body(block.get("toolUse"))
    text = use.get("input")
    if not use or not isinstance(text, str):
        return block
    return {**block, "toolUse": {**use, "input": json.loads(text) if is_plain(text) else text}}


WIRE = Wire(
    name="bedrock_converse",
    provider="bedrock",
    kind="llm",
    prompt=_prompt,
    prompt_fields=frozenset({"system", "messages", "promptVariables"}),
    tool_fields=frozenset({"toolConfig"}),
    results=_results,
    user_turns=_user_turns,
    max_tokens=("maxTokens",),
    read=_read,
    read_stream=_read_stream,
    frames="aws",
)
