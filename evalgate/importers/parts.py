"""One message of any provider or framework as items: texts, calls, results, and what is neither.

The shapes are those of OpenAI (chat and Responses), Anthropic, Gemini, Bedrock, LangChain, the
Vercel AI SDK, Inspect, OpenInference and OpenTelemetry. What a shape does not know is kept as
`Odd`: it may have been a call.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from evalgate.importers.imported import text_or_none
from evalgate.schema.base import Json
from evalgate.schema.trace import UnreadPart
from evalgate.text.strict_json import Parsed, parse

Role = Literal["system", "user", "assistant", "tool"]
"""Who speaks, in one word for all providers."""


@dataclass(frozen=True, slots=True)
class Said:
    """A text."""

    text: str
    refusal: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool that a model asked for, or that its provider ran."""

    name: str
    arguments: Json
    call_id: str | None = None
    result: "Result | None" = None
    """Its answer, where it stands in the same item."""
    provided: bool = False
    """Whether the provider ran it, and not the agent."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool answered."""

    content: Json
    call_id: str | None = None
    name: str | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Odd:
    """An item that is not understood."""

    type: str
    item: Json
    parts: tuple[UnreadPart, ...] = ("tool_calls", "output")


Item = Said | Call | Result | Odd


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its items, in order."""

    role: Role | None
    """Who speaks; null: nobody knows."""
    items: tuple[Item, ...]

    @property
    def text(self) -> str | None:
        """Return its texts as one; null where it has none."""
        return "\n".join(item.text for item in self.items if isinstance(item, Said)) or None


_ROLES: Final[Mapping[str, Role]] = {
    **dict.fromkeys(("system", "developer", "systemmessage"), "system"),
    **dict.fromkeys(("user", "human", "humanmessage", "humanmessagechunk"), "user"),
    **dict.fromkeys(("assistant", "ai", "model", "aimessage", "aimessagechunk"), "assistant"),
    **dict.fromkeys(("tool", "function", "toolmessage", "functionmessage"), "tool"),
}
_TEXTS: Final = frozenset({"text", "input_text", "output_text", "markdown", "json_text"})
_HARMLESS: Final = frozenset(
    {
        *("thinking", "redacted_thinking", "reasoning", "reasoning_content", "thought"),
        *("summary_text", "reasoning_text", "redacted-reasoning", "step-start", "step-finish"),
        *("source", "source-url", "source-document", "citation", "cache_point", "cachePoint"),
        *("mcp_list_tools", "mcp_approval_request", "container_upload", "compaction"),
        "Microsoft.Extensions.AI.TextReasoningContent",
    }
)
"""Parts that are neither an answer nor a call: thoughts, sources, marks."""
_MEDIA: Final = frozenset(
    {
        *("image", "image_url", "input_image", "output_image", "document", "file", "input_file"),
        *("audio", "input_audio", "output_audio", "video", "input_video", "video_url", "media"),
        *("blob", "uri", "inline_data", "inlineData", "file_data", "fileData", "data"),
    }
)
"""Parts that are no text: nothing is lost where they were asked, an answer cannot be read."""
_CALLS: Final = frozenset(
    {
        *("tool_use", "server_tool_use", "mcp_tool_use", "tool_call", "tool-call", "function"),
        *("function_call", "custom_tool_call", "server_tool_call", "toolUse", "functionCall"),
        *("custom", "dynamic-tool", "toolCall"),
    }
)
_PROVIDED: Final = frozenset({"server_tool_use", "mcp_tool_use", "server_tool_call"})
"""Calls that the provider runs itself."""
_RESULTS: Final = frozenset(
    {
        *("tool_result", "tool-result", "tool_call_response", "function_call_output"),
        *("custom_tool_call_output", "server_tool_call_response", "toolResult"),
        *("tool_response", "toolResponse"),
        *("function_response", "functionResponse", "code_execution_result", "codeExecutionResult"),
    }
)
_WRAPPED: Final = (
    *("function_call", "functionCall", "function_response", "functionResponse", "toolUse"),
    *("tool_call", "toolCall", "tool_response", "toolResponse"),
    *("toolResult", "executable_code", "executableCode", "code_execution_result"),
    *("codeExecutionResult", "inline_data", "inlineData", "file_data", "fileData", "image"),
    *("document", "video", "reasoningContent", "cachePoint", "guardContent"),
)
"""Keys that name the kind of a part which has no `type` (Gemini, Bedrock)."""
_WRAPPED_HARMLESS: Final = frozenset(
    {"thought_signature", "thoughtSignature", "thought", "reasoningContent", "cachePoint"}
)
_MESSAGE_KEYS: Final = frozenset(
    {
        *("role", "type", "content", "contents", "parts", "tool_calls", "function_call", "refusal"),
        *("audio", "name", "id", "tool_call_id", "toolCallId", "additional_kwargs", "status"),
        *("reasoning", "reasoning_content", "reasoning_details", "thinking_blocks", "annotations"),
        *("invalid_tool_calls", "tool_call_chunks", "response_metadata", "usage_metadata"),
        *("usage", "metadata", "cache_control", "model", "stop_reason", "stop_sequence"),
        *("finish_reason", "provider_specific_fields", "error", "artifact", "example", "logprobs"),
        *("timestamp", "phase", "container", "context_management", "providerOptions", "citations"),
        *("experimental_attachments", "attachments", "source", "internal", "createdAt", "lc"),
        *("function", "turn_idx", "cost", "raw_data", "weight", "is_error", "isError", "stop"),
    }
)
"""Fields of a message that are read, or hold neither a call nor an answer."""
_ID_KEYS: Final = ("call_id", "tool_call_id", "tool_use_id", "toolCallId", "toolUseId", "id")
_NAME_KEYS: Final = ("name", "tool_name", "toolName", "function_name")
_ARGUMENT_KEYS: Final = ("arguments", "args", "input", "parameters", "tool_input", "code")
_RESULT_KEYS: Final = ("content", "response", "result", "output", "contents", "outcome", "outputs")
_STOPS_TO_CALL: Final = frozenset(
    {"tool_calls", "tool_call", "tool_use", "function_call", "tool-calls"}
)
"""What a message says where its model wants a tool to be called."""
_DEEPEST: Final = 20


def read_message(row: Json) -> Message:
    """Read one message; a text alone is the assistant's."""
    if isinstance(row, str):
        return Message("assistant", (Said(row),) if row else ())
    if not isinstance(row, dict):
        return Message(None, (Odd(type(row).__name__, row),))
    data = _unwrapped(row)
    named = text_or_none(data.get("role")) or text_or_none(data.get("type"))
    role = _ROLES.get(named.lower()) if named is not None else None
    if role == "tool":
        return Message(role, tuple(_tool_message(data, role)))
    if role is None and "role" not in data and (named is not None or "toolCallId" in data):
        return Message("assistant", tuple(_part(data, "assistant", 0)))
    return Message(role, tuple(_items(data, role)))


def read_content(content: Json, role: Role = "assistant") -> Message:
    """Read the content of a message: a text, a part, or a list of parts."""
    return Message(role, tuple(_content(content, role, 0)))


def _unwrapped(row: dict[str, Json]) -> dict[str, Json]:
    """Take the wrappers of OpenInference and LangChain off."""
    match row:
        case {"message": dict() as inner, **rest} if not rest:
            return inner
        case {"kwargs": dict() as inner, "id": [*_, str() as kind], "lc": _}:
            return {"type": kind, **inner}
        case {"data": dict() as inner, "type": str() as kind} if "content" in inner:
            return {**inner, "type": kind}
        case {"choices": [{"message": dict() as inner}]}:
            return inner
        case _:
            return row


def _items(data: Mapping[str, Json], role: Role | None) -> Iterator[Item]:
    """Read a message; where it stopped to call a tool, a call is in it, or it is not understood."""
    items = tuple(_parts(data, role))
    stopped = str(data.get("finish_reason")) in _STOPS_TO_CALL
    if not stopped or any(not isinstance(item, Said) for item in items):
        yield from items
        return
    content = data.get("content")
    written = parse(content) if isinstance(content, str) else None
    calls = tuple(_content(written.value, role, 0)) if isinstance(written, Parsed) else ()
    if calls and all(isinstance(item, Call) for item in calls):
        yield from calls  # some frameworks write them as the text of the message
        return
    yield from items
    yield Odd("stopped to call a tool, without a call", dict(data), ("tool_calls",))


def _parts(data: Mapping[str, Json], role: Role | None) -> Iterator[Item]:
    for key in ("content", "parts", "contents"):
        yield from _content(data.get(key), role, 0)
    refusal = text_or_none(data.get("refusal"))
    if refusal is not None:
        yield Said(refusal, refusal=True)
    match data.get("audio"):
        case {"transcript": str() as transcript} if transcript:
            yield Said(transcript)
        case dict() as audio if audio:
            yield Odd("audio", audio, ("output",))
        case _:
            pass
    yield from _called(data)
    for key, value in data.items():
        if key not in _MESSAGE_KEYS and isinstance(value, dict | list) and value:
            yield Odd(key, value)


def _called(data: Mapping[str, Json]) -> Iterator[Item]:
    extra = data.get("additional_kwargs")
    extra = extra if isinstance(extra, dict) else {}
    calls = data.get("tool_calls") or extra.get("tool_calls") or []
    for call in calls if isinstance(calls, list) else [calls]:
        yield _call(call)
    invalid = data.get("invalid_tool_calls")
    for call in invalid if isinstance(invalid, list) else []:
        yield _call(call)
    single = data.get("function_call") or extra.get("function_call")
    if single:
        yield _call(single)


def _tool_message(data: Mapping[str, Json], role: Role) -> Iterator[Item]:
    inner = tuple(item for key in ("parts", "content") for item in _content(data.get(key), role, 0))
    answers = [item for item in inner if isinstance(item, Result)]
    if answers:
        yield from inner
        return
    failed = data.get("status") == "error" or data.get("is_error") is True
    error = data.get("error")
    content = data.get("content", data.get("parts"))
    yield Result(
        _plain(content) if content not in (None, "") or not error else error,
        _first(data, *(key for key in _ID_KEYS if key != "id")),
        text_or_none(data.get("name")) or text_or_none(data.get("function")),
        failed or bool(error),
    )


def _content(content: Json, role: Role | None, depth: int) -> Iterator[Item]:
    if content is None or content == "":
        return
    if depth > _DEEPEST:
        yield Odd("nested content", content)
    elif isinstance(content, str):
        yield Said(content)
    elif isinstance(content, list):
        for part in content:
            yield from _content(part, role, depth + 1)
    elif isinstance(content, dict):
        yield from _part(content, role, depth + 1)
    else:
        yield Odd(type(content).__name__, content)


def _part(part: dict[str, Json], role: Role | None, depth: int) -> Iterator[Item]:
    kind = part.get("type")
    if not isinstance(kind, str):
        yield from _untyped(part, role, depth)
    elif kind in _TEXTS:
        texts = part.get("text", part.get("content"))
        yield from [Said(texts)] if isinstance(texts, str) else [Odd(kind, part, ("output",))]
    elif kind == "refusal":
        yield Said(text_or_none(part.get("refusal")) or "", refusal=True)
    elif kind == "message" or (kind in _ROLES and kind not in _CALLS and "content" in part):
        yield from _content(part.get("content"), role, depth + 1)
    elif kind in _CALLS or (kind.startswith("tool-") and "toolCallId" in part):
        named = part if kind in _CALLS else {"toolName": kind.removeprefix("tool-"), **part}
        yield _call(named)
    elif kind in _RESULTS or kind.endswith(("_tool_result", "_call_output")):
        yield _result(part)
    elif kind.endswith("_call"):
        yield _provided(part, kind)
    elif kind in _MEDIA:
        yield from _media(kind, part, role)
    elif kind not in _HARMLESS:
        yield Odd(kind, part)


def _untyped(whole: dict[str, Json], role: Role | None, depth: int) -> Iterator[Item]:
    part: dict[str, Json] = {key: value for key, value in whole.items() if value is not None}
    match part:
        case {"message_content": inner} | {"message": inner}:
            yield from _content(inner, role, depth + 1)
            return
        case {"text": str() as text}:
            if part.get("thought") is not True:
                yield Said(text)
            return
        case {"parts": inner}:
            yield from _content(inner, role, depth + 1)
            return
        case _:
            yield from _wrapped_part(part, role)


def _wrapped_part(part: dict[str, Json], role: Role | None) -> Iterator[Item]:
    """Read a part by the key that names its kind."""
    if {"toolCallId", "toolName"} <= part.keys():  # of the AI SDK
        yield _call(part)
        return
    kind = next((key for key in _WRAPPED if part.get(key) is not None), None)
    inner = part.get(kind) if kind is not None else None
    if kind in ("executable_code", "executableCode") and isinstance(inner, dict):
        yield Call("code_execution", inner, _first(inner, "id"), provided=True)
    elif kind in _CALLS and isinstance(inner, dict):
        yield _call(inner)
    elif kind in _RESULTS and isinstance(inner, dict):
        yield _result(inner)
    elif kind in _MEDIA:
        yield from _media(kind, part, role)
    elif not part or set(part) <= _WRAPPED_HARMLESS or kind in _WRAPPED_HARMLESS:
        return
    else:
        yield Odd(f"part with {', '.join(sorted(part))}", part)


def _media(kind: str, part: Json, role: Role | None) -> Iterator[Item]:
    if role not in ("user", "system", "tool"):
        yield Odd(kind, part, ("output",))


def _call(raw: Json) -> Item:
    """Read a call in whichever spelling; one without a name is none that could be judged."""
    if isinstance(raw, dict) and isinstance(raw.get("tool_call"), dict):
        raw = raw["tool_call"]
    if not isinstance(raw, dict):
        return Odd("tool call", raw, ("tool_calls",))
    inner = raw.get("function")
    free = raw.get("custom")
    body = free if isinstance(free, dict) else inner if isinstance(inner, dict) else raw
    name = _first(body, *_NAME_KEYS) or text_or_none(inner)
    if name is None:
        return Odd("tool call without a name", raw, ("tool_calls",))
    given = next((body[key] for key in _ARGUMENT_KEYS if body.get(key) is not None), None)
    is_free = body is free or raw.get("type") in ("custom_tool_call", "custom")
    if is_free and isinstance(given, str):
        given = {"input": given}
    answered = raw.get("result", raw.get("output"))
    result = None if answered is None else Result(_plain(answered), failed=bool(raw.get("error")))
    return Call(name, given, _first(raw, *_ID_KEYS), result, str(raw.get("type")) in _PROVIDED)


def _provided(part: dict[str, Json], kind: str) -> Item:
    """Read a call that the provider ran itself (`web_search_call`, `mcp_call`, ...)."""
    kept = {"id", "call_id", "type", "status", "output", "error", "result", "results", "name"}
    given = part.get("arguments", {key: part[key] for key in part if key not in kept})
    content = next((part[key] for key in ("output", "results", "result") if part.get(key)), None)
    failed = bool(part.get("error")) or part.get("status") in ("failed", "incomplete")
    result = Result(_plain(content) if content else part.get("error"), failed=failed)
    name = text_or_none(part.get("name")) or kind.removesuffix("_call")
    answer = result if content or failed else None
    return Call(name, given, _first(part, *_ID_KEYS), answer, provided=True)


def _result(raw: dict[str, Json]) -> Result:
    content = next((raw[key] for key in _RESULT_KEYS if raw.get(key) is not None), None)
    failed = (
        any(raw.get(key) is True for key in ("is_error", "isError"))
        or raw.get("status") in ("error", "failed")
        or (isinstance(content, dict) and str(content.get("type")).endswith("_error"))
    )
    return Result(_plain(content), _first(raw, *_ID_KEYS), _first(raw, *_NAME_KEYS), failed)


def _plain(content: Json) -> Json:
    """Return a list of text parts as one text, anything else as it is."""
    if isinstance(content, list) and content:
        texts = [
            part.get("text", part.get("content")) if isinstance(part, dict) else None
            for part in content
        ]
        if all(isinstance(text, str) for text in texts):
            return "\n".join(str(text) for text in texts)
    return content


def _first(data: Mapping[str, Json], *keys: str) -> str | None:
    return next((text for key in keys if (text := text_or_none(data.get(key))) is not None), None)
