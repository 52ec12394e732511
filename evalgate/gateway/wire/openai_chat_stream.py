"""The pieces of a streamed chat completion, put together to the body of a whole one."""

import json
from dataclasses import dataclass, field

from evalgate.gateway.wire.base import Body, StreamEvent, as_body, as_list, count, text_of
from evalgate.schema.base import Json
from evalgate.text.tame_json import is_plain
from evalgate.usage.sums import merge_usages

_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


@dataclass(slots=True)
class _Choice:
    """One choice while its pieces come."""

    message: Body = field(default_factory=lambda: {"role": "assistant", "content": None})
    calls: list[tuple[int | None, Body]] = field(default_factory=list)
    """Its tool calls, each with the index under which its last piece came."""
    odd: list[Json] = field(default_factory=list)
    """Pieces of tool calls that are no objects."""
    finish: str | None = None
    rest: Body = field(default_factory=dict)
    """Fields of the choice that are neither message nor end."""


def assemble(events: tuple[StreamEvent, ...]) -> tuple[Body, float | None]:
    """Put a stream together.

    Returns:
        The body as it would have come in one piece, and when its first token came.
    """
    whole: Body = {}
    usages: list[Body] = []
    choices: dict[int, _Choice] = {}
    first: float | None = None
    for event in events:
        for name in ("model", "service_tier"):
            if text_of(event.data.get(name)):
                whole[name] = event.data[name]
        usages += [as_body(event.data.get("usage")), _groq(event.data)]
        for piece in map(as_body, as_list(event.data.get("choices"))):
            usages.append(as_body(piece.get("usage")))  # Moonshot
            choice = choices.setdefault(count(piece, "index") or 0, _Choice())
            if _add(choice, piece) and first is None:
                first = event.at
    whole["usage"] = merge_usages(usages)
    whole["choices"] = [_closed(choices[index]) for index in sorted(choices)]
    return whole, first


def _groq(data: Body) -> Body:
    return as_body(as_body(data.get("x_groq")).get("usage"))


def _add(choice: _Choice, piece: Body) -> bool:
    """Add a piece to a choice; say whether it holds a token."""
    choice.finish = text_of(piece.get("finish_reason")) or choice.finish
    for name, value in piece.items():
        if name not in {"index", "delta", "message", "finish_reason", "usage"} and value:
            choice.rest[name] = value
    # Some servers send the whole message in the last event.
    delta = piece.get("delta") or piece.get("message")
    if not isinstance(delta, dict):
        if delta:
            choice.rest["odd_delta"] = [delta]
        return False
    tokens = [_add_part(choice, name, value) for name, value in delta.items()]
    return any(tokens)


def _add_part(choice: _Choice, name: str, value: Json) -> bool:
    """Add one field of a delta; say whether it holds a token."""
    if name == "tool_calls":
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                _add_call(choice, part)
            elif part:
                choice.odd.append(part)
        return bool(value)
    if name == "function_call" and isinstance(value, dict):
        call = as_body(choice.message.setdefault(name, {"name": "", "arguments": ""}))
        _extend(call, value, "arguments")
        return True
    if value is not None and name != "role":
        _add_field(choice.message, name, value)
    return name in _TEXTS and bool(value)


def _add_field(message: Body, name: str, value: Json) -> None:
    old = message.get(name)
    if isinstance(value, str) and isinstance(old, list):  # Mistral: parts, then a text
        message[name] = [*old, {"type": "text", "text": value}] if value else old
    elif isinstance(value, str):
        message[name] = (old if isinstance(old, str) else "") + value
    elif isinstance(value, list):
        before: list[Json] = [{"type": "text", "text": old}] if old and text_of(old) else []
        message[name] = [*before, *as_list(old), *value]
    else:
        message[name] = {**as_body(old), **value} if isinstance(value, dict) else value


def _add_call(choice: _Choice, part: Body) -> None:
    index, call_id = count(part, "index"), text_of(part.get("id")) or None
    at = _place(choice.calls, index, call_id, part)
    if at is None:
        choice.calls.append((index, {"id": call_id, "type": "function"}))
        at = len(choice.calls) - 1
    call = choice.calls[at][1]
    call["id"] = call.get("id") or call_id
    known = False
    for kind, piece_name in (("function", "arguments"), ("custom", "input")):
        piece = part.get(kind)
        if isinstance(piece, dict):
            call["type"] = kind
            whole = as_body(call.setdefault(kind, {"name": "", piece_name: ""}))
            _extend(whole, piece, piece_name)
            known = True
    if not known:
        call |= {k: v for k, v in part.items() if k not in {"index", "id"} and v is not None}


def _place(
    calls: list[tuple[int | None, Body]], index: int | None, call_id: str | None, part: Body
) -> int | None:
    """Find the call that a piece continues; None where it begins one."""
    piece = as_body(part.get("function") or part.get("custom"))
    if call_id is not None:
        known = [n for n, (_, call) in enumerate(calls) if call.get("id") == call_id]
        if known:
            return known[-1]
    same = [n for n, (at, _) in enumerate(calls) if index is None or at == index]
    if not same:
        return None
    last = same[-1]
    call = calls[last][1]
    if not text_of(piece.get("name")):
        return last
    if call_id is not None and call.get("id"):
        return None
    return None if piece.get("arguments") and _is_complete(call) else last


def _is_complete(call: Body) -> bool:
    """Whether the arguments of a call have come to their end."""
    given = as_body(call.get("function")).get("arguments")
    return isinstance(given, dict) or (isinstance(given, str) and given != "" and is_plain(given))


def _extend(whole: Body, piece: Body, name: str) -> None:
    old, new = text_of(whole.get("name")) or "", text_of(piece.get("name")) or ""
    whole["name"] = old if new in {"", old} else old + new
    more = piece.get(name)
    if isinstance(more, str):
        whole[name] = (text_of(whole.get(name)) or "") + more
    elif more is not None:
        whole[name] = more if isinstance(more, dict) else json.dumps(more, ensure_ascii=False)


def _closed(choice: _Choice) -> Body:
    if choice.calls or choice.odd:
        choice.message["tool_calls"] = [*(call for _, call in choice.calls), *choice.odd]
    return {**choice.rest, "message": choice.message, "finish_reason": choice.finish}
