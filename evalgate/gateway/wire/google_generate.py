"""Google Gemini: `POST /v1beta/models/MODEL:generateContent` and `:streamGenerateContent`."""

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

_CODE = "code_execution"
_DATA = frozenset(
    {
        "text",
        "inlineData",
        "fileData",
        "functionResponse",
        "codeExecutionResult",
        "toolResponse",
    }
)
"""What a part can hold beside a call."""
_BESIDE = frozenset(
    {
        "thought",
        "thoughtSignature",
        "videoMetadata",
        "mediaResolution",
        "partMetadata",
        "audioTranscription",
        "mediaProcessing",
        "speechMetadata",
        "documentMetadata",
        "spreadsheetMetadata",
        "audioMetadata",
    }
)
"""What stands beside the data of a part."""
_CANDIDATE = frozenset(
    {
        "content",
        "finishReason",
        "finishMessage",
        "index",
        "safetyRatings",
        "citationMetadata",
        "tokenCount",
        "groundingMetadata",
        "urlContextMetadata",
        "avgLogprobs",
        "logprobsResult",
    }
)
_CONTENT = frozenset({"role", "parts"})


def _prompt(body: Body, ids: Ids) -> list[Json]:
    system = body.get("systemInstruction", body.get("system_instruction"))
    messages: list[Json] = []
    if system is not None:
        messages.append({"role": "system", "content": system})
    if body.get("cachedContent") is not None:
        messages.append({"cachedContent": body["cachedContent"]})
    contents = body.get("contents")
    listed = contents if isinstance(contents, list) else [contents] if contents else []
    return messages + [_named(content, ids) for content in listed]


def _named(content: Json, ids: Ids) -> Json:
    if not isinstance(content, dict) or not isinstance(content.get("parts"), list):
        return content
    return {**content, "parts": [_named_part(part, ids) for part in as_list(content["parts"])]}


def _named_part(part: Json, ids: Ids) -> Json:
    if not isinstance(part, dict):
        return part
    for kind in ("functionCall", "functionResponse"):
        inner = as_body(part.get(kind))
        if isinstance(inner.get("id"), str):
            return {**part, kind: {**inner, "id": ids(str(inner["id"]))}}
    return part


def _parts(body: Body) -> Iterator[Body]:
    for content in map(as_body, as_list(body.get("contents"))):
        yield from map(as_body, as_list(content.get("parts")))


def _results(body: Body) -> tuple[ToolResult, ...]:
    found = (as_body(part.get("functionResponse")) for part in _parts(body))
    return tuple(
        ToolResult(call_id, answer.get("response"))
        for answer in found
        if (call_id := _call_id(answer))
    )


def _call_id(call: Body) -> str | None:
    """Name a call: without an id, the protocol joins call and result by the tool's name."""
    return text_of(call.get("id")) or text_of(call.get("name"))


def _user_turns(body: Body) -> int:
    return sum(1 for content in as_list(body.get("contents")) if _is_person(as_body(content)))


def _is_person(content: Body) -> bool:
    parts = map(as_body, as_list(content.get("parts")))
    return content.get("role") in {None, "user"} and any(
        "functionResponse" not in part for part in parts
    )


def _read(body: Body) -> Reply:
    listed = as_list(body.get("candidates"))
    candidates = [as_body(one) for one in listed]
    found = [item for one in candidates for item in _items(one)]
    tools, unknown = sorted_items([*map(_misshapen, listed), *found])
    blocked = text_of(as_body(body.get("promptFeedback")).get("blockReason"))
    finish = next((text_of(one.get("finishReason")) for one in candidates), None)
    messages: list[Json] = [one.get("content") for one in candidates]
    usage = usage_of(body.get("usageMetadata"))
    return Reply(
        model=text_of(body.get("modelVersion")),
        finish_reason=finish or blocked,
        usage=usage.model_copy(update={"tool_uses": {**usage.tool_uses, **_searches(candidates)}}),
        tools=tools,
        unknown=unknown,
        message=messages[0] if len(messages) == 1 else messages,
        error=None if candidates or blocked else "bad_response",
    )


def _searches(candidates: list[Body]) -> dict[str, int]:
    """Count the searches, which are billed beside the tokens and which no usage counts."""
    queries = sum(len(_queries(one)) for one in candidates)
    return {"google_search": queries} if queries else {}


def _queries(candidate: Body) -> list[Json]:
    return as_list(as_body(candidate.get("groundingMetadata")).get("webSearchQueries"))


def _misshapen(candidate: Json) -> UnknownItem | None:
    """Keep a candidate in which no parts can be found though there is something."""
    if not isinstance(candidate, dict):
        return UnknownItem("candidate", candidate)
    content = candidate.get("content")
    parts = as_body(content).get("parts")
    odd = (content and not isinstance(content, dict)) or (parts and not isinstance(parts, list))
    return UnknownItem("content", content) if odd else None


def _items(candidate: Body) -> Iterator[CalledTool | UnknownItem | None]:
    parts = as_list(as_body(candidate.get("content")).get("parts"))
    outcomes = [as_body(as_body(part).get("codeExecutionResult")) for part in parts]
    results = iter([outcome for outcome in outcomes if outcome])
    answers = {
        answer["id"]: answer.get("response")
        for part in parts
        if isinstance((answer := as_body(as_body(part).get("toolResponse"))).get("id"), str)
    }
    named: set[str] = set()
    for part in parts:
        item = _item(part)
        if isinstance(item, CalledTool) and item.by_provider:
            named.add(item.name)
            if item.call_id is not None and item.call_id in answers:
                item = replace(item, result=ToolResult(item.call_id, answers[item.call_id]))
            elif item.name == _CODE:
                item = replace(item, result=_outcome(next(results, None)))
        yield item
    yield from (call for call in _grounding(candidate) if call.name not in named)
    yield from _unread("candidate", candidate, _CANDIDATE)
    yield from _unread("content", as_body(candidate.get("content")), _CONTENT)


def _unread(where: str, body: Body, known: frozenset[str]) -> Iterator[UnknownItem]:
    for name, value in body.items():
        if name not in known and value not in (None, "", [], {}):
            yield UnknownItem(f"{where}.{name}", value)


def _outcome(ran: Body | None) -> ToolResult | None:
    if ran is None:
        return None
    return ToolResult("", ran.get("output"), failed=ran.get("outcome") != "OUTCOME_OK")


def _grounding(candidate: Body) -> Iterator[CalledTool]:
    """Yield the searches that only what grounds an answer tells of."""
    if queries := _queries(candidate):
        yield CalledTool(None, "google_search", {"queries": queries}, by_provider=True)
    grounding = as_body(candidate.get("groundingMetadata"))
    chunks = map(as_body, as_list(grounding.get("groundingChunks")))
    asked = as_list(grounding.get("retrievalQueries"))
    if asked or any(chunk.get("retrievedContext") is not None for chunk in chunks):
        yield CalledTool(None, "file_search", {"queries": asked}, by_provider=True)
    pages = as_list(as_body(candidate.get("urlContextMetadata")).get("urlMetadata"))
    if pages:
        urls = [as_body(page).get("retrievedUrl") for page in pages]
        yield CalledTool(None, "url_context", {"urls": urls}, by_provider=True)


def _item(part: Json) -> CalledTool | UnknownItem | None:
    body = as_body(part)
    call = body.get("functionCall")
    if call is not None:
        asked = as_body(call)
        arguments = asked.get("args", {})
        if set(asked) - {"id", "name", "args"}:  # arguments in pieces
            return UnknownItem("functionCall", part)
        return named_tool(_call_id(asked), asked.get("name"), arguments, kind="functionCall")
    if isinstance(body.get("executableCode"), dict):
        return CalledTool(None, _CODE, as_body(body["executableCode"]), by_provider=True)
    ran = as_body(body.get("toolCall"))
    if isinstance(kind := ran.get("toolType"), str) and kind:
        name = "google_search" if kind.startswith("GOOGLE_SEARCH") else kind.lower()
        return CalledTool(text_of(ran.get("id")), name, as_body(ran.get("args")), by_provider=True)
    kinds = set(body) - _BESIDE
    if isinstance(part, dict) and kinds <= _DATA:
        return None
    return UnknownItem(f"part.{min(kinds - _DATA, default='part')}", part)


def _read_stream(events: tuple[StreamEvent, ...]) -> Reply:
    whole: Body = {}
    candidates: dict[int, Body] = {}
    parts: dict[int, list[Json]] = {}
    odd: list[UnknownItem] = []
    first: float | None = None
    for event in events:
        known = {"modelVersion", "usageMetadata", "promptFeedback"} & event.data.keys()
        whole |= {name: event.data[name] for name in known}
        given = event.data.get("candidates")
        listed = as_list(given)
        odd += [item for item in map(_misshapen, listed) if item is not None]
        if (given and not listed) or (event.data and not listed and not known):
            odd.append(UnknownItem("event", event.data))
        for piece in map(as_body, listed):
            place = count(piece, "index") or 0
            more = as_list(as_body(piece.get("content")).get("parts"))
            parts.setdefault(place, []).extend(more)
            candidates[place] = {**candidates.get(place, {}), **piece}
            first = event.at if first is None and more else first
    listed = [
        {**candidates[place], "content": {"role": "model", "parts": _joined(parts[place])}}
        for place in sorted(candidates)
    ]
    reply = _read({**whole, "candidates": listed})
    error = None if reply.finish_reason else "cut_stream"
    return replace(reply, first_token=first, error=error, unknown=(*reply.unknown, *odd))


def _joined(parts: list[Json]) -> list[Json]:
    """Put pieces of one text together."""
    joined: list[Json] = []
    for part in parts:
        last = as_body(joined[-1]) if joined else {}
        piece, text = as_body(part), text_of(as_body(part).get("text"))
        same = text_of(last.get("text")) is not None and last.get("thought") == piece.get("thought")
        if text is not None and same and "thoughtSignature" not in last:
            joined[-1] = {**last, **piece, "text": f"{last['text']}{text}"}
        else:
            joined.append(part)
    return joined


def _read_count(body: Body) -> Reply:
    tokens = count(body, "totalTokens")
    return Reply(message=body, error="bad_response" if tokens is None else None)


WIRE = Wire(
    name="google_generate",
    provider="google",
    kind="llm",
    prompt=_prompt,
    prompt_fields=frozenset(
        {"systemInstruction", "system_instruction", "contents", "cachedContent"}
    ),
    tool_fields=frozenset({"tools", "toolConfig"}),
    results=_results,
    user_turns=_user_turns,
    max_tokens=("maxOutputTokens",),
    read=_read,
    read_stream=_read_stream,
)

COUNT_TOKENS = Wire(
    name="google_count_tokens",
    provider="google",
    kind="other",
    prompt=_prompt,
    prompt_fields=WIRE.prompt_fields,
    tool_fields=WIRE.tool_fields,
    read=_read_count,
    read_stream=_read_stream,
)
