"""Messages of a tau2 simulation as steps.

The agent and the simulated user both talk, both call tools, and both cost money; only what the
agent did becomes LLM calls. A message may hold text and calls, and several calls. The greeting
before the first user message comes from a script and not from a model.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from evalgate.importers.imported import (
    list_at,
    number_or_none,
    object_at,
    text_at,
    text_or_none,
    unexpected,
)
from evalgate.importers.messages import Conversation, arguments_of, handoff_of, tool_error
from evalgate.importers.times import moment, seconds_since
from evalgate.importers.usage import usage_fields
from evalgate.schema.base import Json
from evalgate.schema.trace import LlmCall, Span, Step, ToolCall, UserMessage


@dataclass(frozen=True, slots=True)
class Run:
    """What holds for all simulations of a file."""

    agent: str | None = None
    """Kind of agent."""
    model: str | None = None
    temperature: float | None = None
    """Sampling temperature."""
    prompt_digest: str | None = None
    """Fingerprint of the policy it was given."""


@dataclass(frozen=True, slots=True)
class _Timed:
    """A message, when it came and when the one before it did."""

    index: int
    row: dict[str, Json]
    before: float | None
    at: float | None


def steps_of(messages: Json, where: str, run: Run, start: datetime | None) -> Conversation:
    """Turn the messages of a simulation into steps.

    A message carries the time it was complete: an LLM call starts with the message before it, a
    tool call ends with the message that answers it.

    Args:
        messages: The messages.
        where: JSON pointer of the list.
        run: What holds for the whole file.
        start: When the simulation started; null: unknown.

    Raises:
        DataError: For a message without a role the format knows.
    """
    timed = list(_timed(messages, where, start))
    answers = [message for message in timed if message.row["role"] == "tool"]
    steps: list[Step] = []
    output: str | None = None
    for message in timed:
        role, content = message.row["role"], text_or_none(message.row.get("content"))
        if role == "assistant":
            output = content or output
            steps.append(_said(message, run))
        elif role == "user" and content is not None:
            steps.append(_user_message(message, content))
        if role in ("assistant", "user"):
            steps += _calls(message, answers, f"{where}/{message.index}")
    return Conversation(tuple(steps), output)


def _timed(messages: Json, where: str, start: datetime | None) -> Iterator[_Timed]:
    before = 0.0 if start is not None else None
    for index, value in enumerate(list_at(messages, where)):
        row = object_at(value, f"{where}/{index}")
        if row.get("role") == "system":
            continue
        if row.get("role") not in ("assistant", "user", "tool"):
            expected = "assistant, user, tool or system"
            raise unexpected(row.get("role"), f"{where}/{index}/role", expected)
        at = seconds_since(start, moment(row.get("timestamp")))
        yield _Timed(index, row, before, at)
        before = at


def _said(message: _Timed, run: Run) -> Step:
    row = message.row
    content = text_or_none(row.get("content"))
    usage, raw = row.get("usage"), row.get("raw_data")
    if message.index == 0 and not isinstance(usage, dict) and not isinstance(raw, dict):
        return Span(id="m0", name="greeting", start=message.before, end=message.at, output=content)
    tokens = usage if isinstance(usage, dict) else {}
    finish = raw.get("finish_reason") if isinstance(raw, dict) else None
    return LlmCall(
        id=f"m{message.index}",
        start=message.before,
        end=message.at,
        model=run.model,
        temperature=run.temperature,
        finish_reason=text_or_none(finish),
        output=content,
        prompt_digest=run.prompt_digest,
        **{**usage_fields(tokens), "cost_usd": number_or_none(row.get("cost"))},
    )


def _user_message(message: _Timed, content: str) -> UserMessage:
    kept = {key: message.row[key] for key in ("cost", "usage") if message.row.get(key) is not None}
    return UserMessage(
        id=f"m{message.index}",
        start=message.before,
        end=message.at,
        content=content,
        metadata=kept,
    )


def _calls(message: _Timed, answers: list[_Timed], where: str) -> Iterator[Step]:
    rows = message.row.get("tool_calls") or []
    for number, value in enumerate(list_at(rows, f"{where}/tool_calls")):
        raw = object_at(value, f"{where}/tool_calls/{number}")
        answer = _answer(message, raw.get("id"), answers)
        arguments = arguments_of(raw.get("arguments"))
        call = ToolCall(
            id=f"m{message.index}.{number}",
            name=text_at(raw, "name", f"{where}/tool_calls/{number}"),
            start=message.at,
            end=None if answer is None else answer.at,
            arguments=arguments,
            result=None if answer is None else answer.row.get("content"),
            error="unparsable" if isinstance(arguments, str) else _error(answer),
            requestor="user" if raw.get("requestor") == "user" else "assistant",
            call_id=text_or_none(raw.get("id")),
        )
        yield call
        handoff = handoff_of(call)
        if handoff is not None:
            yield handoff


def _answer(message: _Timed, call_id: Json, answers: list[_Timed]) -> _Timed | None:
    """Take the first answer after a message that has the call's id: an id may come again."""
    for answer in answers:
        if answer.index > message.index and answer.row.get("id") == call_id:
            answers.remove(answer)
            return answer
    return None


def _error(answer: _Timed | None) -> str | None:
    if answer is None or answer.row.get("error") is not True:
        return None
    content = answer.row.get("content")
    return tool_error(content) or text_or_none(content) or "error"
