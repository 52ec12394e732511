"""The items of an OpenAI response: texts, calls of both sides, and what is not known."""

from collections.abc import Iterator
from dataclasses import replace

from evalgate.gateway.wire.base import (
    Body,
    CalledTool,
    ToolResult,
    UnknownItem,
    as_body,
    as_list,
    named_tool,
    sorted_items,
    text_of,
)
from evalgate.schema.base import Json

_NO_CALLS = frozenset(
    {
        "message",
        "reasoning",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "item_reference",
        "compaction",
        "compaction_summary",
        "additional_tools",
    }
)
"""Items that hold no call that was made."""

_PARTS = frozenset({"output_text", "refusal", "text", "summary_text", "reasoning_text"})
"""Parts of a message that hold no call."""

_AROUND = frozenset(
    {"type", "id", "call_id", "status", "name", "arguments", "output", "outputs", "results"}
    | {"result", "error", "server_label", "approval_request_id", "container_id", "created_by"}
)
"""Fields of a call that are not its arguments."""

_FREE_ACTIONS = frozenset({"open_page", "find_in_page", "find"})
_BILLED = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "image_generation_call": "image_generation",
}
"""Items whose use is billed beside the tokens."""


def read_items(
    output: list[Json],
) -> tuple[tuple[CalledTool, ...], tuple[UnknownItem, ...]]:
    """Sort the items of a response's output into calls and unknown ones."""
    results = {
        call_id: ToolResult(call_id, item.get("output"))
        for item in map(as_body, output)
        if is_result(item) and (call_id := text_of(item.get("call_id")))
    }
    tools, unknown = sorted_items(found for item in output for found in _read(item))
    answered = (
        replace(tool, result=results[tool.call_id])
        if tool.result is None and tool.call_id in results
        else tool
        for tool in tools
    )
    return tuple(answered), unknown


def is_result(item: Body) -> bool:
    """Whether an item is the result of a call."""
    kind = text_of(item.get("type")) or ""
    return kind.endswith(("_call_output", "_search_output"))


def billed_uses(output: list[Json]) -> dict[str, int]:
    """Count the uses of tools that are billed by use and that no usage counts."""
    uses: dict[str, int] = {}
    for item in map(as_body, output):
        tool = _BILLED.get(text_of(item.get("type")) or "")
        action = text_of(as_body(item.get("action")).get("type"))
        if tool is not None and action not in _FREE_ACTIONS:
            uses[tool] = uses.get(tool, 0) + 1
    return uses


def _read(item: Json) -> Iterator[CalledTool | UnknownItem | None]:
    body = as_body(item)
    kind = text_of(body.get("type"))
    if kind == "function_call":
        yield named_tool(
            body.get("call_id"), body.get("name"), body.get("arguments"), kind="function_call"
        )
    elif kind == "custom_tool_call":
        name, text = body.get("name"), body.get("input")
        yield named_tool(body.get("call_id"), name, text, kind=kind, free_text=True)
    elif kind == "message":
        for part in as_list(body.get("content")):
            shape = text_of(as_body(part).get("type"))
            if shape not in _PARTS:
                yield UnknownItem(f"content.{shape or 'part'}", part)
    elif kind is not None and kind.endswith("_call"):
        yield _by_provider(body, kind.removesuffix("_call"))
    elif kind not in _NO_CALLS and not is_result(body):
        yield UnknownItem(kind or "item", item)


def _by_provider(body: Body, kind: str) -> CalledTool:
    """Read a call of a tool that the provider defines and runs."""
    call_id = text_of(body.get("call_id")) or text_of(body.get("id"))
    name = text_of(body.get("name")) or kind
    arguments = body.get("arguments")
    if not isinstance(arguments, str | dict):
        arguments = {key: value for key, value in body.items() if key not in _AROUND}
        # `action` is what is asked of a computer, a shell or a search.
        arguments = as_body(arguments.get("action")) or arguments
    result = next(
        (body[key] for key in ("output", "outputs", "results", "result") if body.get(key)), None
    )
    error = body.get("error")
    failed = bool(error) or body.get("status") == "failed"
    answer = None
    if result is not None or failed:
        answer = ToolResult(call_id or "", error if result is None else result, failed=failed)
    return CalledTool(call_id, name, arguments, by_provider=True, result=answer)
