"""Inspect logs in JSON: samples, epochs, scores and the events of each run.

Success of a sample is what its scorers said, in Inspect's own reading of letters: C is 1, P is
one half, I and N are 0. Epochs are trials.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from evalgate.errors import DataError
from evalgate.importers.imported import (
    Imported,
    Options,
    check_options,
    list_at,
    number_or_none,
    object_at,
    text_or_none,
    tokens_or_none,
)
from evalgate.importers.messages import arguments_of, conversation, text_of
from evalgate.importers.times import moment, rfc3339, seconds_since
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Expected, Message
from evalgate.schema.trace import LlmCall, RecordedScore, Step, ToolCall, Trace, TraceStatus

__all__ = ["import_inspect"]

_LETTERS: Final[Mapping[str, float]] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}


def import_inspect(data: Json, options: Options) -> Imported:
    """Read an Inspect log.

    Args:
        data: The log in JSON, parsed (`inspect log dump` makes it from `.eval`).
        options: None are known.

    Returns:
        One case a sample, whose success is what its scorers said, and one trace a sample and
        epoch.

    Raises:
        DataError: For anything else, with its JSON pointer.
        ConfigError: For an unknown option.
    """
    check_options(options, [])
    log = object_at(data, "")
    rows = list_at(log.get("samples"), "/samples")
    samples = [object_at(row, f"/samples/{i}") for i, row in enumerate(rows)]
    # A sample that failed has no scores; what its success would be is said by the others.
    scorers = tuple(
        dict.fromkeys(
            name for sample in samples for name in object_at(sample.get("scores") or {}, "")
        )
    )
    cases: dict[str, Case] = {}
    traces: list[Trace] = []
    for index, sample in enumerate(samples):
        where = f"/samples/{index}"
        case = _case(sample, where, scorers)
        cases.setdefault(case.id, case)
        traces.append(_trace(case.id, sample, where))
    status = log.get("status")
    notes = () if status == "success" else (f"the log's status is {status!r}",)
    return Imported(tuple(cases.values()), tuple(traces), notes)


def _case(sample: dict[str, Json], where: str, scorers: tuple[str, ...]) -> Case:
    number = sample.get("id")
    if not isinstance(number, int | str) or isinstance(number, bool):
        raise DataError(f"{where}/id: found {number!r}; expected a number or a text")
    return Case(
        id=str(number),
        input=_input(sample.get("input"), f"{where}/input"),
        expected=Expected(scores=scorers),
        tags=("inspect",),
        metadata={"target": sample.get("target"), "metadata": sample.get("metadata")},
    )


def _input(asked: Json, where: str) -> str | tuple[Message, ...]:
    if isinstance(asked, str):
        return asked
    rows = [object_at(row, f"{where}/{i}") for i, row in enumerate(list_at(asked, where))]
    fields = ("role", "content", "tool_call_id")
    try:
        return tuple(
            Message.model_validate({key: row[key] for key in fields if row.get(key) is not None})
            for row in rows
        )
    except ValidationError as error:
        raise DataError(f"{where}: {error.errors()[0]['msg']}; expected chat messages") from error


def _trace(case_id: str, sample: dict[str, Json], where: str) -> Trace:
    events = list_at(sample.get("events") or [], f"{where}/events")
    rows = [row for row in events if isinstance(row, dict)]
    start = min((at for row in rows if (at := moment(row.get("timestamp")))), default=None)
    steps = tuple(_steps(rows, start))
    talk = conversation(_plain(sample.get("messages")), f"{where}/messages")
    epoch = tokens_or_none(sample.get("epoch")) or 1
    status, error = _ending(sample)
    return Trace(
        case_id=case_id,
        trial=max(epoch - 1, 0),
        status=status,
        error=error,
        output=talk.output,
        steps=steps or talk.steps,
        started_at=rfc3339(start),
        duration=number_or_none(sample.get("total_time")),
        scores=tuple(_scores(object_at(sample.get("scores") or {}, f"{where}/scores"))),
    )


def _ending(sample: Mapping[str, Json]) -> tuple[TraceStatus, str | None]:
    failure, limit = sample.get("error"), sample.get("limit")
    if failure:
        message = failure.get("message") if isinstance(failure, dict) else failure
        return "crashed", str(message)[:500]
    if limit:
        kind = limit.get("type") if isinstance(limit, dict) else limit
        return "limit", f"limit reached: {kind}"
    return "finished", None


def _plain(messages: Json) -> list[Json]:
    """Put Inspect's tool calls into the OpenAI shape."""
    rows: list[Json] = []
    for row in messages if isinstance(messages, list) else []:
        calls = row.get("tool_calls") if isinstance(row, dict) else None
        if not isinstance(row, dict) or not isinstance(calls, list):
            rows.append(row)
            continue
        shaped: list[Json] = [
            {"id": call.get("id"), "function": {"name": call.get("function"), **_arguments(call)}}
            for call in calls
            if isinstance(call, dict)
        ]
        rows.append(row | {"tool_calls": shaped})
    return rows


def _arguments(call: Mapping[str, Json]) -> dict[str, Json]:
    return {"arguments": call.get("arguments")}


def _steps(rows: list[dict[str, Json]], start: datetime | None) -> Iterator[Step]:
    for index, row in enumerate(rows):
        began = seconds_since(start, moment(row.get("timestamp")))
        ended = seconds_since(start, moment(row.get("completed")))
        if row.get("event") == "model":
            yield _llm_call(row, f"e{index}", began, ended)
        elif row.get("event") == "tool":
            yield _tool_call(row, f"e{index}", began, ended)


def _llm_call(
    row: Mapping[str, Json], step_id: str, start: float | None, end: float | None
) -> LlmCall:
    answer = row.get("output")
    answer = answer if isinstance(answer, dict) else {}
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    choice = choice if isinstance(choice, dict) else {}
    message = choice.get("message")
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    settings = row.get("config")
    model = text_or_none(answer.get("model"))
    provider, _, named = str(row.get("model") or "").rpartition("/")
    cached = tokens_or_none(usage.get("input_tokens_cache_read"))
    written = tokens_or_none(usage.get("input_tokens_cache_write"))
    sent, made = (
        tokens_or_none(usage.get("input_tokens")),
        tokens_or_none(usage.get("output_tokens")),
    )
    total, beside = tokens_or_none(usage.get("total_tokens")), (cached or 0) + (written or 0)
    if sent is not None and made is not None and beside and sent + made + beside == total:
        sent += beside
    return LlmCall(
        id=step_id,
        start=start,
        end=end,
        provider=provider or None,
        model=model or named or None,
        temperature=number_or_none(settings.get("temperature"))
        if isinstance(settings, dict)
        else None,
        input_tokens=sent,
        output_tokens=made,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=tokens_or_none(usage.get("reasoning_tokens")),
        finish_reason=text_or_none(choice.get("stop_reason")),
        error=text_or_none(row.get("error")),
        output=text_of(message.get("content")) if isinstance(message, dict) else None,
    )


def _tool_call(
    row: Mapping[str, Json], step_id: str, start: float | None, end: float | None
) -> ToolCall:
    failure = row.get("error")
    message = failure.get("message") if isinstance(failure, dict) else failure
    return ToolCall(
        id=step_id,
        name=text_or_none(row.get("function")) or "tool",
        start=start,
        end=end,
        arguments=arguments_of(row.get("arguments")),
        result=row.get("result"),
        error=None if not failure else str(message)[:500],
        call_id=text_or_none(row.get("id")),
    )


def _scores(rows: Mapping[str, Json]) -> Iterator[RecordedScore]:
    for name, value in rows.items():
        row = value if isinstance(value, dict) else {"value": value}
        given = row.get("value")
        graded = _LETTERS.get(given, given) if isinstance(given, str) else given
        if isinstance(graded, bool | int | float | str):
            yield RecordedScore(
                name=name,
                value=graded,
                comment=text_or_none(row.get("explanation")),
                source="inspect",
                metadata={} if row.get("answer") is None else {"answer": row["answer"]},
            )
