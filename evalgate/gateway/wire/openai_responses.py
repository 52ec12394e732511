"""OpenAI responses: `POST /v1/responses`."""

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

__all__ = ["WIRE"]

_FINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})
_RESULTS = frozenset({"function_call_output", "custom_tool_call_output"})


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
        if item.get("type") in _RESULTS and isinstance(call_id := item.get("call_id"), str)
    )


def _user_turns(body: Body) -> int:
    return sum(1 for item in _items(body) if as_body(item).get("role") == "user")


def _read(body: Body) -> Reply:
    usage = as_body(body.get("usage"))
    output = as_list(body.get("output"))
    reason = text_of(as_body(body.get("incomplete_details")).get("reason"))
    status = text_of(body.get("status"))
    return Reply(
        model=text_of(body.get("model")),
        finish_reason=reason or status,
        usage=Usage(
            input_tokens=count(usage, "input_tokens"),
            output_tokens=count(usage, "output_tokens"),
            cached_tokens=count(as_body(usage.get("input_tokens_details")), "cached_tokens"),
            reasoning_tokens=count(as_body(usage.get("output_tokens_details")), "reasoning_tokens"),
        ),
        tools=tuple(tool for item in output if (tool := _tool(as_body(item))) is not None),
        message=body.get("output"),
        error=_error(body, status),
    )


def _error(body: Body, status: str | None) -> str | None:
    if status == "failed":
        return text_of(as_body(body.get("error")).get("code")) or "server_error"
    return None if isinstance(body.get("output"), list) else "bad_response"


def _tool(item: Body) -> CalledTool | None:
    call_id, name = text_of(item.get("call_id")), text_of(item.get("name")) or ""
    if item.get("type") == "function_call":
        return CalledTool(call_id, name, text_of(item.get("arguments")) or "")
    if item.get("type") == "custom_tool_call":
        return CalledTool(call_id, name, text_of(item.get("input")) or "", free_text=True)
    return None


def _read_stream(events: tuple[Event, ...]) -> Reply:
    first = next((event.at for event in events if _is_token(event.data)), None)
    final = next((e.data for e in reversed(events) if e.data.get("type") in _FINAL), None)
    if final is None:
        started = next((e.data for e in events if "response" in e.data), {})
        model = text_of(as_body(started.get("response")).get("model"))
        return Reply(model=model, first_token=first, error="cut_stream")
    whole = _read(as_body(final.get("response")))
    return Reply(
        whole.model,
        whole.finish_reason,
        whole.usage,
        whole.tools,
        whole.message,
        first,
        whole.error,
    )


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
