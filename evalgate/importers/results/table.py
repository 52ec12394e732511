"""Any table of results: CSV, TSV, JSON lines or a JSON list of flat objects.

Columns are named with `--id`, `--trial` and `--score`, or guessed, and what was guessed is said.
A table may also be long: one row a case and metric.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.results.documents import (
    Document,
    JsonDocument,
    LinesDocument,
    TableDocument,
)
from evalgate.importers.results.rows import (
    RATIO,
    SUCCESS,
    ReadOptions,
    ResultRow,
    Results,
    ScoreKind,
    broken,
    case_id,
    first,
    number,
    objects_of,
    passed,
    score_of,
    text_of,
    tokens,
    unexpected,
)
from evalgate.schema.base import Json
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Score, Scored
from evalgate.schema.verdict import Direction
from evalgate.text.suggest import did_you_mean

_IDS: Final = (
    *("id", "case_id", "case", "test_id", "example_id", "sample_id", "question_id", "item_id"),
    *("task_id", "uid", "name", "test", "test_name", "task", "question", "input", "user_input"),
    *("inputs", "query", "prompt"),
)
_ASKED: Final = ("question", "input", "user_input", "inputs", "query", "prompt")
_TRIALS: Final = ("trial", "epoch", "repeat", "repetition", "attempt", "iteration")
_VERDICTS: Final = (
    *("passed", "pass", "success", "correct", "is_correct", "status", "outcome", "verdict"),
    "result",
)
_ERRORS: Final = ("error", "exception", "error_message")
_ENDS: Final = ("status", "outcome", "result")
"""Columns that say how a row ended, an error among the ends."""
_BROKE: Final = ("error", "errored", "exception", "timeout", "crash", "crashed")
_COSTS: Final = ("cost_usd", "cost", "total_cost", "price_usd")
_SECONDS: Final = ("seconds", "duration_s", "latency_s", "duration_seconds", "latency_seconds")
_SENT: Final = ("input_tokens", "prompt_tokens", "tokens_in")
_MADE: Final = ("output_tokens", "completion_tokens", "tokens_out")
_METRICS: Final = ("metric", "metric_name", "scorer", "score_name", "evaluator")
_VALUES: Final = ("value", "score")
_NO_SCORE: Final = re.compile(
    r"^(unnamed.*|index|idx|row|line|order|seed|weight|year|.*threshold|.*_ms|.*time.*|.*date.*"
    r"|expected.*|target.*|ideal.*|label.*|reference.*|ground_truth.*|.*token.*|.*latency.*|.*duration.*|.*cost.*|.*_id|id|n|count|.*_count|version)?$"
)
_HIGHER: Final = re.compile(
    r"score|accura|f1|recall|precision|reward|rating|grade|correct|faithful|relevan|similar|match"
    r"|success|pass|bleu|rouge|quality|helpful"
)
LOWER: Final = re.compile(
    r"toxic|bias\b|hallucinat|error|perplexity|loss|distance|\bwer\b|\bcer\b|latency|duration"
    r"|seconds|cost|tokens|violation"
)
_NOTHING: Final = ("", "nan", "null", "none", "n/a", "na", "-")


@dataclass(frozen=True, slots=True)
class _Columns:
    """What each column is."""

    id: str
    trial: str | None
    scores: tuple[str, ...]
    verdict: str | None
    metric: str | None = None


def detect(document: Document) -> bool:
    """Say whether the document is a table."""
    match document:
        case TableDocument() | LinesDocument():
            return True
        case JsonDocument(list() as rows):
            return bool(rows) and all(isinstance(row, dict) for row in rows)
        case JsonDocument(dict() as data):
            return _inner(data) is not None
        case _:
            return False


def _inner(data: Mapping[str, Json]) -> list[Json] | None:
    """Find the only list of objects in an object."""
    lists = [v for v in data.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
    return lists[0] if len(lists) == 1 else None


def read(document: Document, options: ReadOptions) -> Results:
    """Read a table.

    Raises:
        DataError: A column that is needed is missing, repeated or not told.
    """
    rows = _rows(document)
    if not rows:
        raise DataError("found no row; expected results", fix="run the tool again")
    names = dict.fromkeys(name for _, row in rows for name in row)
    columns = _columns(names, [row for _, row in rows], options)
    _refuse_repeated(document, columns)
    if columns.metric is not None:
        read_rows = _long(rows, columns)
    else:
        read_rows = [_row(where, row, columns) for where, row in rows]
    kinds = _kinds(read_rows, rows)
    errors = columns.metric is None and _tells_errors(names, columns)
    return Results(tuple(read_rows), kinds, errors=errors, notes=(_told(columns),))


def _tells_errors(names: Iterable[str], columns: _Columns) -> bool:
    """Say whether a row that ended in an error would say so, in a column of its own or its end."""
    if _plain(columns.verdict or "") in _ENDS:
        return True
    return any(_plain(name) in _ERRORS and name not in columns.scores for name in names)


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")


def _rows(document: Document) -> list[tuple[str, dict[str, Json]]]:
    match document:
        case JsonDocument(dict() as data):
            return objects_of(JsonDocument(_inner(data) or []))
        case _:
            return objects_of(document)


def _columns(names: Iterable[str], rows: list[dict[str, Json]], options: ReadOptions) -> _Columns:
    known = list(names)
    lower = {_plain(name): name for name in reversed(known)}
    for option, given in (("--id", options.id), ("--trial", options.trial)):
        if given is not None and given not in known:
            raise _no_column(given, known, option)
    id_column = options.id or next((lower[name] for name in _IDS if name in lower), None)
    if id_column is None:
        raise DataError(
            f"line 1: found the columns {known!r} and none that names the case",
            fix="say which: --id COLUMN",
        )
    trial = options.trial or next((lower[n] for n in _TRIALS if n in lower), None)
    metric = next((lower[n] for n in _METRICS if n in lower), None)
    value = next((lower[n] for n in _VALUES if n in lower), None)
    if metric is not None and value is not None and metric != id_column:
        return _Columns(id_column, trial, (value,), None, metric)
    taken = {id_column, trial}
    verdict = next(
        (
            lower[n]
            for n in _VERDICTS
            if n in lower
            and lower[n] not in taken
            and _all_verdicts([row.get(lower[n]) for row in rows])
        ),
        None,
    )
    taken.add(verdict)
    for name in options.scores:
        if name not in known and name != SUCCESS:
            raise _no_column(name, known, "--score")
    named = tuple(name for name in options.scores if name not in (verdict, SUCCESS))
    guessed = tuple(
        name for name in known if name not in taken and name not in named and _is_score(name, rows)
    )
    if not (named or guessed or verdict):
        raise DataError(
            f"line 1: found the columns {known!r} and none that holds scores",
            fix="say which: --score COLUMN",
        )
    return _Columns(id_column, trial, (*named, *guessed), verdict)


def _no_column(name: str, known: list[str], option: str) -> DataError:
    return DataError(
        f"line 1: {option} names the column {name!r}{did_you_mean(name, known)}; found {known!r}",
        fix=f"{option} COLUMN",
    )


def _all_verdicts(values: list[Json]) -> bool:
    """Say whether a column holds passes and fails, and at most errors and gaps besides."""
    held = [value for value in values if not _is_nothing(value)]
    clear = [v for v in held if isinstance(_verdict(v), Scored)]
    return 2 * len(clear) > len(held) or ((not held and bool(values)) and False)


def _verdict(value: Json) -> Score:
    """Read a pass or fail; 1 and 0 are one too."""
    found = passed(value)
    given = number(value)
    return Scored(given) if not isinstance(found, Scored) and given in (0.0, 1.0) else found


def _is_nothing(value: Json) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def _is_score(name: str, rows: list[dict[str, Json]]) -> bool:
    """Say whether a column holds scores: most of what it holds is a number or truth value."""
    plain = _plain(name)
    if _NO_SCORE.match(plain) or plain in (*_COSTS, *_SECONDS, *_ERRORS):
        return False
    held = [row.get(name) for row in rows if not _is_nothing(row.get(name))]
    scored = sum(isinstance(score_of(value), Scored) for value in held)
    return 2 * scored > len(held) or (not held and bool(_HIGHER.search(plain)))


def _refuse_repeated(document: Document, columns: _Columns) -> None:
    if not isinstance(document, TableDocument):
        return
    for name in (columns.id, columns.trial, columns.verdict, *columns.scores):
        count = document.header.count(name) if name else 0
        if count > 1:
            raise DataError(
                f"line 1: found {count} columns {name!r}; expected one",
                fix="rename the columns, or force the tool's own format with --from",
            )


def _told(columns: _Columns) -> str:
    scores = [name for name in (columns.verdict, *columns.scores) if name]
    trial = f", trial {columns.trial!r}" if columns.trial else ""
    shown = ", ".join(repr(name) for name in scores)
    return f"columns: id {columns.id!r}{trial}, scores {shown}"


def _get(row: Mapping[str, Json], names: tuple[str, ...]) -> Json:
    lower = {_plain(name): value for name, value in row.items()}
    return first(lower, *names)


def _row(where: str, row: Mapping[str, Json], columns: _Columns) -> ResultRow:
    scores: dict[str, Score] = {name: score_of(row.get(name)) for name in columns.scores}
    error = _get(row, _ERRORS)
    reason = "" if _is_nothing(error) or error is False else text_of(error)
    if number(error) is not None and any(name in columns.scores for name in _ERRORS):
        reason = ""
    if columns.verdict is not None:
        said = row.get(columns.verdict)
        if isinstance(said, str) and said.strip().lower() in _BROKE:
            reason = reason or said
        scores[SUCCESS] = _verdict(said)
    if reason:
        scores = {name: broken(reason) for name in scores}
    return ResultRow(
        case=case_id(row.get(columns.id)),
        place=where,
        scores=scores,
        trial=_trial(row, columns.trial, where),
        asks=text_of(_get(row, _ASKED)),
        error=reason or None,
        usage=TrialUsage(tokens(_get(row, _SENT)), tokens(_get(row, _MADE))),
        cost_usd=number(_get(row, _COSTS)),
        seconds=number(_get(row, _SECONDS)),
        output=text_of(_get(row, ("output", "answer", "response", "actual_output"))),
    )


def _trial(row: Mapping[str, Json], column: str | None, where: str) -> int | None:
    if column is None:
        return None
    found = tokens(row.get(column))
    if found is None:
        place = f"{where}: column {column!r}"
        raise unexpected(row.get(column), place, "the number of a trial")
    return found


def _long(rows: list[tuple[str, dict[str, Json]]], columns: _Columns) -> list[ResultRow]:
    """Put the rows of one case and trial together."""
    merged: dict[tuple[str, int | None], ResultRow] = {}
    (value,) = columns.scores
    for where, row in rows:
        name = text_of(row.get(columns.metric or ""))
        key = case_id(row.get(columns.id)), _trial(row, columns.trial, where)
        old = merged.get(key)
        if old is not None and name in old.scores:
            raise DataError(
                f"{where}: found {name!r} of case {key[0]!r} again; {old.place} has it",
                fix="name the column of the trial: --trial COLUMN",
            )
        error = _get(row, _ERRORS)
        score = score_of(row.get(value)) if _is_nothing(error) else broken(text_of(error))
        merged[key] = ResultRow(
            case=key[0],
            place=where if old is None else old.place,
            trial=key[1],
            scores={**({} if old is None else old.scores), name or "score": score},
            asks=text_of(_get(row, _ASKED)),
        )
    return list(merged.values())


def _kinds(rows: list[ResultRow], raw: list[tuple[str, dict[str, Json]]]) -> dict[str, ScoreKind]:
    kinds: dict[str, ScoreKind] = {}
    for name in dict.fromkeys(name for row in rows for name in row.scores):
        if name == SUCCESS:
            continue
        words = [row.get(name) for _, row in raw if not _is_nothing(row.get(name))]
        is_word = bool(words) and all(isinstance(passed(v), Scored) for v in words)
        kinds[name] = RATIO if is_word else ScoreKind(direction_of(name))
    return kinds


def direction_of(name: str) -> Direction | None:
    """Guess from a score's name which way is better; null where it does not say."""
    plain = name.lower()
    if LOWER.search(plain):
        return "lower"
    return "higher" if _HIGHER.search(plain) else None
