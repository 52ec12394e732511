"""Events of an Inspect sample as steps: the agent's, apart from its graders'."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from evalgate.importers.imported import number_or_none, text_or_none
from evalgate.importers.messages import arguments_of, tool_error, unread
from evalgate.importers.parts import Call, Message, Odd, read_message
from evalgate.importers.times import moment, seconds_since
from evalgate.importers.usage import usage_fields
from evalgate.schema.base import Json
from evalgate.schema.trace import LlmCall, Span, Step, ToolCall, Unread

_HARMLESS: Final = frozenset(
    {
        *("sample_init", "sample_limit", "state", "store", "step", "span_begin", "span_end"),
        *("info", "logger", "score", "score_edit", "error", "input", "approval", "sandbox"),
        *("subtask", "compaction", "anchor", "branch", "checkpoint", "interrupt"),
    }
)
"""Events that are neither a call of a model nor of a tool."""
_SCORERS: Final = frozenset({"scorer", "scorers"})
_RENAMED: Final[Mapping[str, str]] = {
    "input_tokens_cache_read": "cache_read_input_tokens",
    "input_tokens_cache_write": "cache_creation_input_tokens",
    "total_cost": "cost",
}


@dataclass(frozen=True, slots=True)
class _Event:
    """An event, and whether it is a grader's."""

    row: dict[str, Json]
    step_id: str
    graded: bool


def events_of(sample: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Return the events of a sample, which older logs keep in its transcript."""
    events = sample.get("events")
    transcript = sample.get("transcript")
    if not events and isinstance(transcript, dict):
        events = transcript.get("events")
    return [row for row in events if isinstance(row, dict)] if isinstance(events, list) else []


def steps_of(rows: Iterable[dict[str, Json]], start: datetime | None) -> tuple[Step, ...]:
    """Turn events into steps; calls of graders become spans, which are never counted."""
    events = list(_flat(rows))
    ran = {
        str(event.row.get("id"))
        for event in events
        if event.row.get("event") == "tool" and event.row.get("id") is not None
    }
    return tuple(step for event in events for step in _steps(event, start, ran))


def _flat(rows: Iterable[dict[str, Json]]) -> Iterator[_Event]:
    """Yield events in order, those within others too, and note what belongs to scorers."""
    scoring: set[str] = set()
    depth = 0
    for index, row in enumerate(rows):
        kind = row.get("event")
        if kind == "span_begin" and (
            str(row.get("type")) in _SCORERS or str(row.get("parent_id")) in scoring
        ):
            scoring.add(str(row.get("id")))
        if kind == "step" and str(row.get("type")) in _SCORERS:
            depth += 1 if row.get("action") == "begin" else -1
        graded = depth > 0 or str(row.get("span_id")) in scoring or row.get("role") == "grader"
        yield _Event(row, f"e{index}", graded)
        inner = row.get("events")
        for number, each in enumerate(inner if isinstance(inner, list) else []):
            if isinstance(each, dict):
                yield _Event(each, f"e{index}.{number}", graded)


def _steps(event: _Event, start: datetime | None, ran: set[str]) -> Iterator[Step]:
    row = event.row
    began = seconds_since(start, moment(row.get("timestamp")))
    ended = seconds_since(start, moment(row.get("completed")))
    kind = row.get("event")
    if kind == "model":
        yield from _model(event, began, ended, ran)
    elif kind == "tool":
        yield _tool_call(event, began, ended)
    elif str(kind) not in _HARMLESS:
        odd = Odd(f"event {kind}", row)
        yield unread(odd, event.step_id).model_copy(update={"start": began})


def _model(event: _Event, start: float | None, end: float | None, ran: set[str]) -> Iterator[Step]:
    row = event.row
    answer = _object(row.get("output"))
    choices = answer.get("choices")
    choice = _object(choices[0]) if isinstance(choices, list) and choices else {}
    message = read_message(choice["message"]) if isinstance(choice.get("message"), dict) else None
    if event.graded:
        said = None if message is None else message.text
        usage = answer.get("usage")
        kept: dict[str, Json] = {} if usage is None else {"usage": usage}
        yield Span(
            id=event.step_id, name="grader", start=start, end=end, output=said, metadata=kept
        )
        return
    yield _llm_call(event, start, end, choice, message)
    for number, item in enumerate(message.items if message is not None else ()):
        if isinstance(item, Call) and (item.call_id is None or item.call_id not in ran):
            yield _asked(item, f"{event.step_id}.c{number}", end)
        elif isinstance(item, Odd):
            yield unread(item, f"{event.step_id}.c{number}").model_copy(update={"start": end})


def _llm_call(
    event: _Event,
    start: float | None,
    end: float | None,
    choice: Mapping[str, Json],
    message: Message | None,
) -> LlmCall:
    row, answer = event.row, _object(event.row.get("output"))
    usage = {_RENAMED.get(key, key): value for key, value in _object(answer.get("usage")).items()}
    provider, _, named = str(row.get("model") or "").rpartition("/")
    return LlmCall(
        id=event.step_id,
        start=start,
        end=end,
        provider=provider or None,
        model=text_or_none(answer.get("model")) or named or None,
        temperature=number_or_none(_object(row.get("config")).get("temperature")),
        finish_reason=text_or_none(choice.get("stop_reason")),
        error=text_or_none(row.get("error")),
        output=None if message is None else message.text,
        **usage_fields(usage),
    )


def _asked(call: Call, step_id: str, at: float | None) -> ToolCall:
    """Keep a call that has no event: the provider ran it, or nobody did."""
    arguments = arguments_of(call.arguments)
    result = call.result
    error = None if result is None else tool_error(result.content, failed=result.failed)
    return ToolCall(
        id=step_id,
        name=call.name,
        start=at,
        end=at,
        arguments=arguments,
        result=None if result is None else result.content,
        error="unparsable" if isinstance(arguments, str) else error,
        call_id=call.call_id,
        executor="provider" if call.provided else "agent",
    )


def _tool_call(event: _Event, start: float | None, end: float | None) -> Step:
    row = event.row
    name = text_or_none(row.get("function"))
    if event.graded:
        return Span(id=event.step_id, name="grader", start=start, end=end, output=row.get("result"))
    if name is None:
        odd = "tool call without a name"
        return Unread(id=event.step_id, type=odd, item=row, parts=("tool_calls",), start=start)
    failure = row.get("error")
    message = failure.get("message") if isinstance(failure, dict) else failure
    return ToolCall(
        id=event.step_id,
        name=name,
        start=start,
        end=end,
        arguments=arguments_of(row.get("arguments")),
        result=row.get("result"),
        error=None if not failure else str(message)[:500],
        call_id=text_or_none(row.get("id")),
    )


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
