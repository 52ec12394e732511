"""Inspect logs, `.json` or `.eval`: samples, epochs, scores and the events of each run.

Success of a sample is what its scorers said, in Inspect's own reading of letters: C is 1, P is
one half, I and N are 0. Epochs are trials.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import ValidationError

from evalgate.errors import DataError
from evalgate.importers.imported import (
    Imported,
    Options,
    case_id_at,
    check_options,
    list_at,
    number_or_none,
    object_at,
    once,
    reading,
    text_or_none,
    tokens_or_none,
)
from evalgate.importers.messages import conversation
from evalgate.importers.observed import unread_notes
from evalgate.importers.times import moment, rfc3339
from evalgate.importers.traces.inspect_events import events_of, steps_of
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Expected, Message
from evalgate.schema.status import TraceStatus
from evalgate.schema.trace import LlmCall, RecordedScore, Trace
from evalgate.text.counts import number_of

_UNSCORED: Final = frozenset({"NaN", "nan", "Infinity", "-Infinity"})
_LETTERS: Final[Mapping[str, float]] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}


def import_inspect(data: Json, options: Options) -> Imported:
    """Read an Inspect log.

    Args:
        data: The log, parsed; of an `.eval` file the header with its samples.
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
    if "eval" in log and log.get("samples") is None:
        raise DataError(
            "/samples: the log holds none: it is a header alone, or the run ended before the first",
            fix="take the log of a run that ended and kept its samples",
        )
    rows = list_at(log.get("samples"), "/samples")
    samples = [object_at(row, f"/samples/{i}") for i, row in enumerate(rows)]
    # A sample that failed has no scores; what its success would be is said by the others.
    scorers = tuple(
        dict.fromkeys(
            name for sample in samples for name in object_at(sample.get("scores") or {}, "")
        )
    )
    cases: dict[str, Case] = {}
    seen: dict[tuple[str, int], str] = {}
    traces: list[Trace] = []
    for index, sample in enumerate(samples):
        where = f"/samples/{index}"
        whole = _attached(sample)
        with reading(where):
            case = _case(whole, where, scorers)
            trace = _trace(case.id, whole, where)
        if cases.setdefault(case.id, case).input != case.input:
            raise DataError(f"{where}/id: found {case.id!r} again, with another input")
        what = f"epoch {trace.trial + 1} of sample {case.id!r}"
        once(seen, (case.id, trace.trial), where, what)
        traces.append(trace)
    notes = _notes(log, samples, traces, scored=bool(scorers))
    return Imported(tuple(cases.values()), tuple(traces), notes)


def _notes(
    log: Mapping[str, Json],
    samples: list[dict[str, Json]],
    traces: list[Trace],
    *,
    scored: bool,
) -> tuple[str, ...]:
    notes: list[str] = []
    if log.get("status") != "success":
        notes.append(f"the log's status is {log.get('status')!r}")
    results = log.get("results")
    said = results.get("total_samples") if isinstance(results, dict) else None
    if isinstance(said, int) and said != len(samples):
        notes.append(f"the log's header counts {said} samples, the file holds {len(samples)}")
    limited = sum("limit" in trace.metadata for trace in traces)
    if limited:
        one, more = "sample that reached a limit was", "samples that reached a limit were"
        notes.append(f"{number_of(limited, one, more)} scored all the same, and counts")
    unscored = sum(not trace.scores for trace in traces)
    if unscored:
        lack = number_of(unscored, "sample has no score", "samples have no score")
        notes.append(f"{lack}: success is not measured there")
    if not scored:
        notes.append(
            "no sample is scored, so the cases are drafts: say under `expected` what is right (the "
            "target is in `metadata`), and take `status: draft` off"
        )
    return (*notes, *unread_notes(traces))


def _attached(sample: dict[str, Json]) -> dict[str, Json]:
    """Put texts that a log keeps apart (`attachment://...`) where they belong."""
    transcript = sample.get("transcript")
    older = transcript.get("content") if isinstance(transcript, dict) else None
    texts = {
        f"{scheme}://{key}": text
        for scheme, held in (("attachment", sample.get("attachments")), ("tc", older))
        if isinstance(held, dict)
        for key, text in held.items()
    }
    if not texts:
        return sample

    def put(value: Json) -> Json:
        if isinstance(value, str):
            return texts.get(value, value)
        if isinstance(value, list):
            return [put(item) for item in value]
        if isinstance(value, dict):
            return {key: put(item) for key, item in value.items()}
        return value

    return {
        key: value if key in ("attachments", "transcript") else put(value)
        for key, value in sample.items()
    } | ({"events": put(list(events_of(sample)))} if older else {})


def _case(sample: dict[str, Json], where: str, scorers: tuple[str, ...]) -> Case:
    return Case(
        id=case_id_at(sample.get("id"), f"{where}/id"),
        input=_input(sample.get("input"), f"{where}/input"),
        expected=Expected(scores=scorers),
        status="reviewed" if scorers else "draft",  # nothing says what would be right
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
    rows = events_of(sample)
    start = min((at for row in rows if (at := moment(row.get("timestamp")))), default=None)
    steps = steps_of(rows, start)
    talk = conversation(sample.get("messages") or [], f"{where}/messages")
    epoch = tokens_or_none(sample.get("epoch")) or 1
    scores = tuple(_scores(object_at(sample.get("scores") or {}, f"{where}/scores")))
    status, error = _ending(sample, scored=bool(scores))
    limit = sample.get("limit")
    return Trace(
        case_id=case_id,
        trial=max(epoch - 1, 0),
        status=status,
        error=error,
        output=talk.output,
        steps=steps if any(isinstance(step, LlmCall) for step in steps) else talk.steps,
        started_at=rfc3339(start),
        duration=number_or_none(sample.get("total_time")),
        scores=scores,
        metadata={"limit": limit} if limit and status == "finished" else {},
    )


def _ending(sample: Mapping[str, Json], *, scored: bool) -> tuple[TraceStatus, str | None]:
    failure, limit = sample.get("error"), sample.get("limit")
    if failure:
        message = failure.get("message") if isinstance(failure, dict) else failure
        return "crashed", str(message)[:500]
    # What its scorers said of a sample that was cut short is what Inspect counts.
    if limit and not scored:
        kind = limit.get("type") if isinstance(limit, dict) else limit
        return "limit", f"limit reached: {kind}"
    return "finished", None


def _scores(rows: Mapping[str, Json]) -> Iterator[RecordedScore]:
    for name, value in rows.items():
        row = value if isinstance(value, dict) and "value" in value else {"value": value}
        given = row.get("value")
        # A scorer of several values names each of them.
        parts = given if isinstance(given, dict) else {"": given}
        for key, part in parts.items():
            graded = _graded(part)
            if graded is not None:
                yield RecordedScore(
                    name=f"{name}.{key}" if key else name,
                    value=graded,
                    comment=text_or_none(row.get("explanation")),
                    source="inspect",
                    metadata={} if row.get("answer") is None else {"answer": row["answer"]},
                )


def _graded(value: Json) -> float | bool | str | None:
    """Return a value; null where it is none: Inspect writes NaN for unscored."""
    if isinstance(value, str):
        return None if value in _UNSCORED else _LETTERS.get(value, value)
    return value if isinstance(value, bool | int | float) else None
