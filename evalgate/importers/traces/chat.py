"""Chat transcripts: `{"messages": [...]}`, one or many, as JSON or JSON lines.

Messages are those of OpenAI, of Anthropic (`system` beside them, results in the user's messages),
or of any provider whose items are known.

A transcript says what was done, not what should have been. The calls it made are proposed as the
expectation of a draft: drafts run and are shown, and gate nothing until a person has reviewed
them.
"""

from collections import Counter
from collections.abc import Mapping

from evalgate.errors import DataError
from evalgate.importers.imported import (
    Imported,
    Options,
    case_id_at,
    check_options,
    fingerprint,
    list_at,
    object_at,
    reading,
    text_or_none,
)
from evalgate.importers.messages import conversation
from evalgate.importers.observed import expected_calls, proposed_calls, unread_notes
from evalgate.importers.parts import Message as ReadMessage
from evalgate.importers.parts import Result, read_message
from evalgate.importers.usage import usage_fields
from evalgate.schema.base import Json
from evalgate.schema.canonical import digest
from evalgate.schema.golden import Case, Message, Script
from evalgate.schema.trace import LlmCall, Step, ToolCall, Trace, Unread

_ID_DIGITS = 12
_KNOWN = frozenset({"id", "messages", "system", "model", "usage", "created", "trial"})
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


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
        with reading(where):
            case, trace = _read(transcript, where, options.get("model"), trials)
        if cases.setdefault(case.id, case).input != case.input:
            found = f"found {case.id!r} again, with another input"
            raise DataError(f"{where}/id: {found}; expected one input an id")
        trials[case.id] += 1
        traces.append(trace)
    return Imported(tuple(cases.values()), tuple(traces), _notes(cases, traces))


def _read(
    transcript: dict[str, Json], where: str, model: str | None, trials: Mapping[str, int]
) -> tuple[Case, Trace]:
    messages = _messages(transcript, where)
    model = text_or_none(transcript.get("model")) or model
    talk = conversation(messages, f"{where}/messages", model=model)
    asked = _input(messages, f"{where}/messages")
    named = transcript.get("id")
    case_id = _content_id(asked) if named is None else case_id_at(named, f"{where}/id")
    finished = talk.output is not None or any(isinstance(s, ToolCall | Unread) for s in talk.steps)
    kept = {key: transcript[key] for key in transcript if key not in _KNOWN}
    lost = _lost_media(messages) if isinstance(asked, Script) else 0
    case = Case(
        id=case_id,
        input=asked,
        expected=expected_calls(proposed_calls(talk.steps)),
        tags=("chat",),
        status="draft",
        metadata={"media_left_out": lost} if lost else {},
    )
    trace = Trace(
        case_id=case_id,
        trial=trials[case_id],
        status="finished" if finished else "unfinished",
        error=None if finished else "the transcript has no answer",
        output=talk.output,
        steps=_with_usage(talk.steps, transcript),
        metadata=kept,
    )
    return case, trace


def _messages(transcript: dict[str, Json], where: str) -> list[Json]:
    """Return the messages, with the system prompt that Anthropic keeps beside them."""
    messages = list_at(transcript.get("messages"), f"{where}/messages")
    system = transcript.get("system")
    return [{"role": "system", "content": system}, *messages] if system else messages


def _lost_media(messages: list[Json]) -> int:
    """Count what users sent that is no text, which a script cannot hold."""
    contents = [row.get("content") for row in messages if isinstance(row, dict)]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    kinds = ("image", "image_url", "input_image", "document", "file", "input_audio", "input_file")
    return sum(isinstance(part, dict) and part.get("type") in kinds for part in parts)


def _notes(cases: Mapping[str, Case], traces: list[Trace]) -> tuple[str, ...]:
    notes = [
        "expectations are the calls that were made, as a proposal: review the drafts",
        "transcripts hold no times, and tokens only where `usage` is given",
    ]
    lost = sum("media_left_out" in case.metadata for case in cases.values())
    if lost:
        notes.append(f"{lost} scripts had images or files, which a script cannot hold")
    return (*notes, *unread_notes(traces))


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
    read = [read_message(row) for row in rows]
    users = [i for i, each in enumerate(read) if each.role == "user" and not _answers(each)]
    if not users:
        raise DataError(f"{where}: found no user message; expected at least one")
    first = next((i for i, each in enumerate(read) if each.role == "assistant"), len(rows))
    if users[-1] > first:
        system = [read[i].text or "" for i in range(len(rows)) if read[i].role == "system"]
        turns = tuple(read[i].text or "" for i in users)
        return Script(turns=turns, system="\n\n".join(system) if system else None)
    if first == 1 and read[0].text and _is_text(rows[0].get("content")):
        return read[0].text
    return tuple(
        Message.model_validate(_message(row, read[i].role))
        for i, row in enumerate(rows[:first])
        if read[i].role is not None
    )


def _answers(message: ReadMessage) -> bool:
    """Whether a user's message only carries results of tools."""
    return message.text is None and any(isinstance(item, Result) for item in message.items)


def _is_text(content: Json) -> bool:
    parts = content if isinstance(content, list) else []
    return isinstance(content, str) or all(
        isinstance(part, dict) and part.get("type") == "text" for part in parts
    )


def _message(row: Mapping[str, Json], role: str | None) -> dict[str, Json]:
    kept = {key: row[key] for key in Message.model_fields if row.get(key) is not None}
    return (
        kept if role is None or text_or_none(row.get("role")) in _ROLES else {**kept, "role": role}
    )


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


def _with_usage(steps: tuple[Step, ...], transcript: Mapping[str, Json]) -> tuple[Step, ...]:
    """Give the tokens of a transcript to its only call; with several, whose they are is unknown."""
    usage = transcript.get("usage")
    calls = [step for step in steps if isinstance(step, LlmCall)]
    if not isinstance(usage, dict) or len(calls) != 1:
        return steps
    filled = calls[0].model_copy(update=usage_fields(usage))
    return tuple(filled if step is calls[0] else step for step in steps)
