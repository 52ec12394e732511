"""A reply of every protocol, whole and streamed, with the number of calls it holds."""
# ruff: noqa: ANN401  # replies are any JSON

from typing import Any

from evalgate.gateway.wire import (
    anthropic_messages,
    bedrock_converse,
    google_generate,
    openai_chat,
    openai_responses,
)
from evalgate.gateway.wire.base import Wire

_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
_ARGUMENTS = ['{"a":', " 1}"]

Shape = tuple[Wire, Any, int]
"""A protocol, a body or a list of events, and how many calls it holds."""


def _chat_call(number: int) -> dict[str, Any]:
    function = {"name": f"f{number}", "arguments": "".join(_ARGUMENTS)}
    return {"id": f"c{number}", "type": "function", "function": function}


def _chat() -> Shape:
    message = {"role": "assistant", "content": "x", "tool_calls": [_chat_call(0), _chat_call(1)]}
    legacy = {"role": "assistant", "function_call": {"name": "g", "arguments": "{}"}}
    choices = [
        {"index": 0, "message": message, "finish_reason": "tool_calls"},
        {"index": 1, "message": legacy, "finish_reason": "function_call"},
    ]
    return openai_chat.WIRE, {"model": "m", "choices": choices, "usage": _USAGE}, 3


def _chat_stream() -> Shape:
    def piece(delta: Any, finish: str | None = None) -> Any:
        return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    def part(number: int, text: str, **more: Any) -> Any:
        return {"index": number, "function": {"arguments": text}, **more}

    events = [piece({"role": "assistant", "content": "x"})]
    for number in range(2):
        call = part(number, _ARGUMENTS[0], id=f"c{number}", type="function")
        call["function"]["name"] = f"f{number}"
        events += [piece({"tool_calls": [call]}), piece({"tool_calls": [part(number, " 1}")]})]
    events += [piece({}, "tool_calls"), {"choices": [], "usage": _USAGE}]
    return openai_chat.WIRE, events, 2


ITEMS = [
    {"type": "reasoning", "id": "r", "summary": []},
    {"type": "function_call", "id": "i0", "call_id": "c0", "name": "f", "arguments": "{}"},
    {"type": "mcp_call", "id": "i1", "name": "refund", "arguments": "{}", "output": "ok"},
    {"type": "web_search_call", "id": "i2", "action": {"type": "search", "query": "q"}},
    {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "x"}]},
]


def _responses() -> Shape:
    return openai_responses.WIRE, {"model": "m", "status": "completed", "output": ITEMS}, 3


def _responses_stream() -> Shape:
    done = [
        {"type": "response.output_item.done", "output_index": n, "item": item}
        for n, item in enumerate(ITEMS)
    ]
    end = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    return openai_responses.WIRE, [*done, end], 3


BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "x"},
    {"type": "tool_use", "id": "t0", "name": "f", "input": {"a": 1}},
    {"type": "server_tool_use", "id": "t1", "name": "web_search", "input": {"query": "q"}},
    {"type": "web_search_tool_result", "tool_use_id": "t1", "content": []},
    {"type": "mcp_tool_use", "id": "t2", "name": "refund", "server_name": "s", "input": {}},
]


def _messages() -> Shape:
    body = {"type": "message", "model": "m", "content": BLOCKS, "stop_reason": "end_turn"}
    return anthropic_messages.WIRE, body, 3


def _messages_stream() -> Shape:
    events: list[Any] = [{"type": "message_start", "message": {"model": "m", "usage": {}}}]
    for index, block in enumerate(BLOCKS):
        start = {"type": "content_block_start", "index": index, "content_block": block}
        events += [start, {"type": "content_block_stop", "index": index}]
    return anthropic_messages.WIRE, [*events, {"type": "message_stop"}], 3


def _google() -> Shape:
    parts: list[Any] = [
        {"text": "x"},
        {"functionCall": {"name": "f", "args": {"a": 1}}},
        {"executableCode": {"code": "1", "language": "PYTHON"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
    ]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    return google_generate.WIRE, {"candidates": [candidate], "modelVersion": "m"}, 2


def _google_stream() -> Shape:
    wire, body, calls = _google()
    candidate = {"content": {"parts": [{"text": "y"}]}}
    return wire, [{"candidates": [candidate]}, body], calls


def _bedrock() -> Shape:
    blocks = [{"text": "x"}, {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}}]
    message = {"role": "assistant", "content": blocks}
    return bedrock_converse.WIRE, {"output": {"message": message}, "stopReason": "tool_use"}, 1


SHAPES = [
    _google,
    _google_stream,
    _bedrock,
    _chat,
    _chat_stream,
    _responses,
    _responses_stream,
    _messages,
    _messages_stream,
]
