"""One turn of a Google ADK conversation: what was asked, which calls, which answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.imported import list_at, object_at, text_or_none
from evalgate.importers.messages import arguments_of
from evalgate.importers.parts import Call, Odd, read_content, read_message
from evalgate.schema.base import Json
from evalgate.schema.golden import Expected, ExpectedCall

_NO_CALLS: Final = frozenset({"code_execution"})
"""What ADK's own trajectory leaves out: code that the model ran itself."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn."""

    asked: str
    calls: tuple[ExpectedCall, ...] | None
    """The calls to make; null: the turn says nothing of tools."""
    reference: str | None
    rubrics: tuple[Json, ...] = ()
    odd: tuple[str, ...] = ()
    """Types of items that are not understood; its calls are then not known."""


def field(row: Mapping[str, Json], name: str) -> Json:
    """Return a field under its name, or as ADK's camel case spells it."""
    head, *tail = name.split("_")
    camel = head + "".join(part.capitalize() for part in tail)
    return row[name] if row.get(name) is not None else row.get(camel)


def read_turn(row: dict[str, Json], where: str) -> Turn:
    """Read a turn in any of its forms.

    Raises:
        DataError: For anything else, with its JSON pointer.
    """
    calls, odd = _calls(row, where)
    asked = row.get("query")
    if asked is None:
        asked = _text(field(row, "user_content"), f"{where}/user_content")
    answer = field(row, "final_response")
    answer = field(row, "agent_content") if answer is None else answer
    reference = row.get("reference")
    rubrics = list_at(row.get("rubrics") or [], f"{where}/rubrics")
    return Turn(
        asked=asked if isinstance(asked, str) else "",
        calls=calls,
        reference=text_or_none(reference) or _text(answer, f"{where}/final_response"),
        rubrics=tuple(rubrics),
        odd=odd,
    )


def expected_of(turns: Iterable[Turn]) -> Expected:
    """Expect the calls of all turns; where some turns say nothing, others may lie between."""
    told = [turn.calls for turn in turns]
    known = [calls for calls in told if calls is not None]
    if not known:
        return Expected()
    every = tuple(call for calls in known for call in calls)
    if len(known) == len(told):
        return Expected(tool_calls=every, tool_match="exact")
    # No call expected where turns are silent would read as "none may be made".
    return Expected(tool_calls=every, tool_match="in_order") if every else Expected()


def between(data: Json, where: str) -> list[Json]:
    """Return what lies between question and answer of a turn, as messages in order."""
    row = object_at(data, where)
    events = field(row, "invocation_events")
    if events is not None:
        rows = list_at(events, f"{where}/invocation_events")
        contents = [
            object_at(event, f"{where}/invocation_events/{i}").get("content")
            for i, event in enumerate(rows)
        ]
        return [_message(content) for content in contents if content is not None]
    if row.get("parts") is not None:
        return [_message(row)]
    uses = list_at(field(row, "tool_uses") or [], f"{where}/tool_uses")
    answers = list_at(field(row, "tool_responses") or [], f"{where}/tool_responses")
    parts: list[Json] = [
        *({"function_call": use} for use in uses),
        *({"function_response": answer} for answer in answers),
    ]
    return [{"role": "model", "content": parts}]


def _message(content: Json) -> Json:
    """Put a content into a message; results stand in the user's, as ADK has it."""
    role = content.get("role") if isinstance(content, dict) else None
    return {"role": "user" if role == "user" else "model", "content": content}


def _calls(
    row: Mapping[str, Json], where: str
) -> tuple[tuple[ExpectedCall, ...] | None, tuple[str, ...]]:
    """Return the calls a turn expects, and the types of what could not be read."""
    if "expected_tool_use" in row:
        place = f"{where}/expected_tool_use"
        uses = list_at(row["expected_tool_use"] or [], place)
        return tuple(_listed(object_at(use, place), place) for use in uses), ()
    data = field(row, "intermediate_data")
    if data is None or not _says_tools(object_at(data, f"{where}/intermediate_data")):
        return None, ()
    messages = between(data, f"{where}/intermediate_data")
    items = [item for message in messages for item in read_message(message).items]
    odd = tuple(item.type for item in items if isinstance(item, Odd))
    if odd:
        return None, odd
    calls = [item for item in items if isinstance(item, Call) and item.name not in _NO_CALLS]
    return tuple(_expected(call, where) for call in calls), ()


def _says_tools(data: Mapping[str, Json]) -> bool:
    names = ("invocation_events", "tool_uses", "parts")
    return any(field(data, name) is not None for name in names)


def _listed(use: Mapping[str, Json], where: str) -> ExpectedCall:
    name = text_or_none(use.get("tool_name")) or text_or_none(use.get("name"))
    if name is None:
        raise DataError(f"{where}: found {sorted(use)!r}; expected a call with a name")
    given = use.get("tool_input") if use.get("args") is None else use.get("args")
    return _expected(Call(name, given), where)


def _expected(call: Call, where: str) -> ExpectedCall:
    arguments = arguments_of(call.arguments)
    if isinstance(arguments, str):
        shown = arguments[:120]
        raise DataError(f"{where}: call {call.name!r}: found {shown!r}; expected an object")
    return ExpectedCall(name=call.name, arguments=arguments)


def _text(content: Json, where: str) -> str | None:
    if content is None:
        return None
    if not isinstance(content, str):
        object_at(content, where)
    return read_content(content, "user").text
