"""Chat messages in the OpenAI shape as steps of a trace; what several formats have in common."""

from dataclasses import dataclass

from evalgate.errors import DataError
from evalgate.importers.imported import fingerprint, list_at, object_at, text_or_none
from evalgate.schema.base import Json
from evalgate.schema.trace import Handoff, LlmCall, Step, ToolCall, UserMessage
from evalgate.text.strict_json import Parsed, parse

__all__ = ["Conversation", "arguments_of", "conversation", "handoff_of", "text_of", "tool_error"]

_HANDOFF_TOOL = "transfer_to_human_agents"
"""The tool of tau-bench and tau2 that hands over to a person."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as steps."""

    steps: tuple[Step, ...]
    """LLM calls, tool calls, hand-overs and user messages, in order."""
    output: str | None
    """The last text the agent said."""


def conversation(messages: Json, where: str, *, model: str | None = None) -> Conversation:
    """Turn chat messages into steps.

    Each assistant message is one LLM call, followed by its tool calls, which take their results
    from the tool messages that answer them. The system prompt is kept as a fingerprint.

    Args:
        messages: Messages in the OpenAI shape.
        where: JSON pointer of the list, for messages of errors.
        model: The model that wrote them, where it is known.

    Raises:
        DataError: For a message without a role the format knows.
    """
    rows = [object_at(row, f"{where}/{i}") for i, row in enumerate(list_at(messages, where))]
    results = _results(rows)
    prompt: str | None = None
    output: str | None = None
    steps: list[Step] = []
    for index, row in enumerate(rows):
        text = text_of(row.get("content"))
        match row.get("role"):
            case "system" | "developer":
                prompt = fingerprint(text or "")
            case "user":
                steps.append(UserMessage(id=f"m{index}", content=text or ""))
            case "assistant":
                output = text or output
                call = LlmCall(id=f"m{index}", model=model, output=text, prompt_digest=prompt)
                steps += [call, *_calls(row, index, results, where)]
            case "tool" | "function":
                pass
            case role:
                allowed = "system, developer, user, assistant or tool"
                raise DataError(f"{where}/{index}/role: found {role!r}; expected {allowed}")
    return Conversation(tuple(steps), output)


def text_of(content: Json) -> str | None:
    """Return the text of a message's content: a text, or the text parts of a list."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str)) or None
    return text_or_none(content)


def arguments_of(raw: Json) -> dict[str, Json] | str:
    """Return a call's arguments: an object, or the text that could not be parsed as one."""
    if isinstance(raw, dict):
        return raw
    text = raw if isinstance(raw, str) else ""
    if not text.strip():
        return {}
    match parse(text):
        case Parsed(dict() as value):
            return value
        case _:
            return text


def tool_error(content: Json) -> str | None:
    """Return the error a tool answered with, in the way of tau-bench: a text `Error: ...`."""
    if isinstance(content, str) and content.startswith(("Error:", "Error executing")):
        return content[:500]
    return None


def handoff_of(call: ToolCall) -> Handoff | None:
    """Return the hand-over that a tool call is, where its tool hands over to a person."""
    if call.name != _HANDOFF_TOOL or call.requestor != "assistant":
        return None
    reason = call.arguments.get("summary") if isinstance(call.arguments, dict) else None
    step_id = None if call.id is None else f"{call.id}.handoff"
    return Handoff(
        id=step_id,
        parent_id=call.id,
        start=call.end,
        end=call.end,
        target="human",
        reason=text_or_none(reason),
    )


def _results(rows: list[dict[str, Json]]) -> dict[tuple[int, str], Json]:
    """Map each assistant message and call id to its result; ids may come again later."""
    results: dict[tuple[int, str], Json] = {}
    asked: dict[str, int] = {}
    for index, row in enumerate(rows):
        if row.get("role") == "assistant":
            for call in _raw_calls(row):
                asked[str(call.get("id"))] = index
        elif row.get("role") in ("tool", "function"):
            key = str(row.get("tool_call_id"))
            results[asked.get(key, -1), key] = row.get("content")
    return results


def _raw_calls(row: dict[str, Json]) -> list[dict[str, Json]]:
    calls = row.get("tool_calls")
    listed = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    single = row.get("function_call")
    return [*listed, {"function": single}] if isinstance(single, dict) else listed


def _calls(
    row: dict[str, Json], index: int, results: dict[tuple[int, str], Json], where: str
) -> list[Step]:
    steps: list[Step] = []
    for number, raw in enumerate(_raw_calls(row)):
        place = f"{where}/{index}/tool_calls/{number}"
        function = object_at(raw.get("function", raw), f"{place}/function")
        name = text_or_none(function.get("name"))
        if name is None:
            raise DataError(f"{place}/function/name: found no name; expected the tool's name")
        call_id = text_or_none(raw.get("id"))
        content = results.get((index, str(raw.get("id"))))
        arguments = arguments_of(function.get("arguments"))
        call = ToolCall(
            id=f"m{index}.{number}",
            name=name,
            arguments=arguments,
            result=content,
            error="unparsable" if isinstance(arguments, str) else tool_error(content),
            call_id=call_id,
        )
        handoff = handoff_of(call)
        steps += [call] if handoff is None else [call, handoff]
    return steps
