"""Chat messages as steps of a trace; what several formats have in common."""

from collections.abc import Iterable
from dataclasses import dataclass

from evalgate.importers.imported import fingerprint, list_at, object_at, text_or_none
from evalgate.importers.parts import Call, Message, Odd, Result, Said, read_content, read_message
from evalgate.schema.base import Json
from evalgate.schema.trace import Handoff, LlmCall, Step, ToolCall, Unread, UserMessage
from evalgate.text.failures import says_failed
from evalgate.text.strict_json import Parsed, parse

_HANDOFF_TOOL = "transfer_to_human_agents"
"""The tool of tau-bench and tau2 that hands over to a person."""
_ENCODINGS = 3
"""How often arguments may have been encoded as JSON."""
_ERROR_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as steps."""

    steps: tuple[Step, ...]
    """LLM calls, tool calls, hand-overs, user messages and what could not be read, in order."""
    output: str | None
    """The last text the agent said."""


@dataclass(slots=True)
class _Open:
    """A call that waits for its result."""

    step_id: str
    message: int
    call: Call
    result: Result | None


def conversation(messages: Json, where: str, *, model: str | None = None) -> Conversation:
    """Turn chat messages of any provider into steps.

    Each assistant message is one LLM call, followed by its tool calls, which take their results
    from the messages that answer them: by id, the latest call of that id that has none yet;
    without an id in order. The system prompts are kept as a fingerprint. An item that is not
    understood is a step of its own.

    Args:
        messages: The messages.
        where: JSON pointer of the list, for messages of errors.
        model: The model that wrote them, where it is known.

    Raises:
        DataError: For anything that is no list of objects.
    """
    rows = [object_at(row, f"{where}/{i}") for i, row in enumerate(list_at(messages, where))]
    steps: list[Step | _Open] = []
    prompts: list[str] = []
    output: str | None = None
    for index, row in enumerate(rows):
        message = read_message(row)
        if message.role == "system":
            prompts.append(message.text or "")
        elif message.role == "assistant":
            output = message.text or output
            steps.append(_llm_call(message, index, model, prompts))
        elif message.role == "user" and not _only_results(message):
            steps.append(UserMessage(id=f"m{index}", content=message.text or ""))
        elif message.role is None:
            label = str(row.get("role", row.get("type")))[:_ERROR_CHARACTERS]
            steps.append(unread(Odd(f"role {label!r}", row), f"m{index}"))
            continue
        _add(steps, message, index)
    return Conversation(tuple(_settled(steps)), output)


def text_of(content: Json) -> str | None:
    """Return the text of a message's content: a text, or the text parts of a list."""
    return read_content(content).text


def unread(item: Odd, step_id: str | None = None) -> Unread:
    """Keep an item that is not understood as a step."""
    return Unread(id=step_id, type=item.type, item=item.item, parts=item.parts)


def arguments_of(raw: Json) -> dict[str, Json] | str:
    """Return a call's arguments: an object, or the text that could not be parsed as one.

    Some clients encode the text of the arguments once more; it is read until it is an object.
    """
    if isinstance(raw, dict):
        return raw
    if raw is None:
        return {}
    if not isinstance(raw, str):
        return str(raw)
    if not raw.strip():
        return {}
    value: Json = raw
    for _ in range(_ENCODINGS):
        match parse(value) if isinstance(value, str) else None:
            case Parsed(dict() as found):
                return found
            case Parsed(str() as inner):
                value = inner
            case _:
                break
    return raw


def tool_error(content: Json, *, failed: bool = False) -> str | None:
    """Return the error a tool answered with, else null.

    Args:
        content: What it answered.
        failed: Whether the source marks it as a failure.
    """
    if not (failed or says_failed(content)):
        return None
    return (text_or_none(content) or "error")[:_ERROR_CHARACTERS]


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


def _llm_call(message: Message, index: int, model: str | None, prompts: list[str]) -> LlmCall:
    refused = any(isinstance(item, Said) and item.refusal for item in message.items)
    return LlmCall(
        id=f"m{index}",
        model=model,
        output=message.text,
        finish_reason="refusal" if refused else None,
        prompt_digest=fingerprint("\n\n".join(prompts)) if prompts else None,
    )


def _only_results(message: Message) -> bool:
    """Whether a user's message only carries results of tools, as Anthropic's do."""
    return any(isinstance(item, Result) for item in message.items) and message.text is None


def _add(steps: list[Step | _Open], message: Message, index: int) -> None:
    """Append the calls of a message and what could not be read; give results to their calls."""
    for number, item in enumerate(each for each in message.items if not isinstance(each, Said)):
        step_id = f"m{index}.{number}"
        match item:
            case Call():
                steps.append(_Open(step_id, index, item, item.result))
            case Result():
                waiting = _waiting(steps, item)
                if waiting is not None:
                    waiting.result = item
                elif not _is_known(steps, item):
                    odd = Odd("result of a call that is not there", _as_data(item))
                    steps.append(unread(odd, step_id))
            case Odd() if message.role not in ("user", "system"):
                steps.append(unread(item, step_id))
            case Odd():
                pass  # what the agent was given holds nothing that it did


def _as_data(result: Result) -> Json:
    """Write a result as data, to keep it."""
    return {"call_id": result.call_id, "name": result.name, "content": result.content}


def _waiting(steps: Iterable[Step | _Open], result: Result) -> _Open | None:
    """Find the call a result belongs to: the latest message that has one open, its first."""
    waiting = [s for s in steps if isinstance(s, _Open) and s.result is None]
    if result.call_id is not None:
        same = [each for each in waiting if each.call.call_id == result.call_id]
        nameless = [each for each in waiting if each.call.call_id is None]
        waiting = same or (nameless if result.name is None else _named(nameless, result))
    elif result.name is not None:
        waiting = _named(waiting, result)
    latest = max((each.message for each in waiting), default=None)
    return next((each for each in waiting if each.message == latest), None)


def _named(waiting: list[_Open], result: Result) -> list[_Open]:
    return [each for each in waiting if each.call.name == result.name]


def _is_known(steps: Iterable[Step | _Open], result: Result) -> bool:
    """Whether a result says again what its call has already answered."""
    return any(
        isinstance(step, _Open)
        and step.call.call_id == result.call_id
        and step.result is not None
        and step.result.content == result.content
        for step in steps
    )


def _settled(steps: Iterable[Step | _Open]) -> Iterable[Step]:
    for step in steps:
        if not isinstance(step, _Open):
            yield step
            continue
        call = _tool_call(step)
        yield call
        handoff = handoff_of(call)
        if handoff is not None:
            yield handoff


def _tool_call(waiting: _Open) -> ToolCall:
    call, result = waiting.call, waiting.result
    arguments = arguments_of(call.arguments)
    content = None if result is None else result.content
    failure = None if result is None else tool_error(content, failed=result.failed)
    return ToolCall(
        id=waiting.step_id,
        name=call.name,
        arguments=arguments,
        result=content,
        error="unparsable" if isinstance(arguments, str) else failure,
        call_id=call.call_id,
        executor="provider" if call.provided else "agent",
    )
