"""OpenAI chat transcripts: `{"messages": [...]}`, one or many, as JSON or JSON lines.

A transcript says what was done, not what should have been. The calls it made are proposed as the
expectation of a draft: drafts run and are shown, and gate nothing until a person has reviewed
them.
"""

from collections import Counter
from collections.abc import Mapping

from pydantic import ValidationError

from evalgate.errors import DataError
from evalgate.importers.imported import (
    Imported,
    Options,
    check_options,
    fingerprint,
    list_at,
    number_or_none,
    object_at,
    text_or_none,
    tokens_or_none,
)
from evalgate.importers.messages import conversation, text_of
from evalgate.schema.base import Json
from evalgate.schema.canonical import digest
from evalgate.schema.golden import Case, Expected, ExpectedCall, Message, Script
from evalgate.schema.trace import LlmCall, Step, ToolCall, Trace

__all__ = ["import_chat"]

_ID_DIGITS = 12
_KNOWN = frozenset({"id", "messages", "model", "usage", "created", "trial"})


def import_chat(data: Json, options: Options) -> Imported:
    """Read chat transcripts.

    Args:
        data: A transcript (an object with `messages`, or the bare list of messages), or a list of
            transcripts.
        options: `model`: the model of transcripts that name none.

    Returns:
        One draft case a different input, and one trace a transcript; transcripts of one input are
        its trials.

    Raises:
        DataError: For anything that is no transcript, with its JSON pointer.
        ConfigError: For an unknown option.
    """
    check_options(options, ["model"])
    cases: dict[str, Case] = {}
    traces: list[Trace] = []
    trials: Counter[str] = Counter()
    for where, transcript in _transcripts(data):
        messages = list_at(transcript.get("messages"), f"{where}/messages")
        model = text_or_none(transcript.get("model")) or options.get("model")
        talk = conversation(messages, f"{where}/messages", model=model)
        asked = _input(messages, f"{where}/messages")
        case_id = text_or_none(transcript.get("id")) or _content_id(asked)
        known = cases.setdefault(case_id, _draft(case_id, asked, talk.steps))
        if known.input != asked:
            found = f"found {case_id!r} again, with another input"
            raise DataError(f"{where}/id: {found}; expected one input an id")
        trials[case_id] += 1
        finished = talk.output is not None or any(isinstance(s, ToolCall) for s in talk.steps)
        traces.append(
            Trace(
                case_id=case_id,
                trial=trials[case_id] - 1,
                status="finished" if finished else "unfinished",
                error=None if finished else "the transcript has no answer",
                output=talk.output,
                steps=_with_usage(talk.steps, transcript),
                metadata={key: transcript[key] for key in transcript if key not in _KNOWN},
            )
        )
    notes = (
        "expectations are the calls that were made, as a proposal: review the drafts",
        "transcripts hold no times, and tokens only where `usage` is given",
    )
    return Imported(tuple(cases.values()), tuple(traces), notes)


def _transcripts(data: Json) -> list[tuple[str, dict[str, Json]]]:
    if isinstance(data, dict):
        return [("", data)]
    rows = list_at(data, "")
    if rows and all(isinstance(row, dict) and "role" in row for row in rows):
        return [("", {"messages": rows})]
    return [
        (f"/{i}", {"messages": row} if isinstance(row, list) else object_at(row, f"/{i}"))
        for i, row in enumerate(rows)
    ]


def _input(messages: list[Json], where: str) -> str | tuple[Message, ...] | Script:
    """Return what the agent was given: a text, the messages before its answer, or a script."""
    rows = [object_at(row, f"{where}/{i}") for i, row in enumerate(messages)]
    turns = [text_of(row.get("content")) or "" for row in rows if row.get("role") == "user"]
    if not turns:
        raise DataError(f"{where}: found no user message; expected at least one")
    first = next((i for i, row in enumerate(rows) if row.get("role") == "assistant"), len(rows))
    if len(turns) > sum(row.get("role") == "user" for row in rows[:first]):
        system = [
            text_of(r.get("content")) for r in rows if r.get("role") in ("system", "developer")
        ]
        return Script(turns=tuple(turns), system=system[0] if system else None)
    if [row.get("role") for row in rows[:first]] == ["user"] and turns[0]:
        return turns[0]
    try:
        return tuple(Message.model_validate(_message(row)) for row in rows[:first])
    except ValidationError as error:
        raise DataError(f"{where}: {error.errors()[0]['msg']}; expected chat messages") from error


def _message(row: Mapping[str, Json]) -> dict[str, Json]:
    return {key: row[key] for key in Message.model_fields if row.get(key) is not None}


def _content_id(asked: str | tuple[Message, ...] | Script) -> str:
    """Name a case by what it asks, so that the same input is the same case in every file."""
    match asked:
        case str():
            return f"chat-{fingerprint(asked)[:_ID_DIGITS]}"
        case Script():
            plain: Json = asked.model_dump(mode="json")
        case messages:
            plain = [message.model_dump(mode="json") for message in messages]
    return f"chat-{digest(plain).removeprefix('sha256:')[:_ID_DIGITS]}"


def _draft(
    case_id: str, asked: str | tuple[Message, ...] | Script, steps: tuple[Step, ...]
) -> Case:
    calls = tuple(
        ExpectedCall(name=step.name, arguments=step.arguments)
        for step in steps
        if isinstance(step, ToolCall) and isinstance(step.arguments, dict)
    )
    return Case(
        id=case_id,
        input=asked,
        expected=Expected(tool_calls=calls, tool_match="any_order"),
        tags=("chat",),
        status="draft",
    )


def _with_usage(steps: tuple[Step, ...], transcript: Mapping[str, Json]) -> tuple[Step, ...]:
    """Give the tokens of a transcript to its only call; with several, whose they are is unknown."""
    usage = transcript.get("usage")
    calls = [step for step in steps if isinstance(step, LlmCall)]
    if not isinstance(usage, dict) or len(calls) != 1:
        return steps
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    filled = calls[0].model_copy(
        update={
            "input_tokens": tokens_or_none(usage.get("prompt_tokens")),
            "output_tokens": tokens_or_none(usage.get("completion_tokens")),
            "cached_tokens": tokens_or_none(cached),
            "cost_usd": number_or_none(usage.get("cost")),
        }
    )
    return tuple(filled if step is calls[0] else step for step in steps)
