"""Langfuse: results of `run_experiment`, run items with scores, traces with scores, score lists.

A case is the dataset item where the file names it; else the trace, so that both files must be of
the same traces. A score on an observation inside a trace belongs to that trace.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from evalgate.importers.results.documents import (
    Document,
    JsonDocument,
    LinesDocument,
    TableDocument,
)
from evalgate.importers.results.rows import (
    UNSCORED,
    ReadOptions,
    ResultRow,
    Results,
    ScoreKind,
    case_id,
    first,
    items,
    mapping,
    number,
    score_of,
    text_of,
    unexpected,
)
from evalgate.schema.base import Json
from evalgate.schema.score import Score

_ITEM: Final = ("datasetItemId", "dataset_item_id", "experimentDatasetItemId", "experimentItemId")
_TRACE: Final = ("traceId", "trace_id")


def detect(document: Document) -> bool:
    """Say whether the document holds results of Langfuse."""
    if isinstance(document, TableDocument):
        names = set(document.header)
        return bool(names & set(_TRACE)) and {"name", "value"} <= names
    rows = [mapping(row) for _, row in _rows(document)[:5]]
    return bool(rows) and any(map(_is_result, rows))


def _is_result(row: Mapping[str, Json]) -> bool:
    return (
        isinstance(row.get("evaluations"), list)
        or (first(row, *_ITEM) is not None and first(row, *_TRACE) is not None)
        or (first(row, *_TRACE) is not None and {"name", "value"} <= row.keys())
        or (
            "scores" in row
            and isinstance(row["scores"], list)
            and bool({"observations", "latency", "totalCost", "sessionId"} & row.keys())
        )
    )


def _rows(document: Document) -> list[tuple[str, Json]]:
    match document:
        case LinesDocument(values):
            return [(f"line {line}", value) for line, value in values]
        case JsonDocument(dict() as data):
            named = ("item_results", "itemResults", "datasetRunItems", "data", "traces", "scores")
            for name in named:
                if isinstance(data.get(name), list):
                    return [(f"/{name}/{i}", row) for i, row in enumerate(items(data[name]))]
            return []
        case JsonDocument(value):
            return [(f"/{i}", row) for i, row in enumerate(items(value))]
        case TableDocument(header, lines):
            return [
                (f"line {line}", {k: v or None for k, v in zip(header, cells, strict=True)})
                for line, cells in lines
            ]
        case _:
            return []


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read results of Langfuse."""
    kinds: dict[str, ScoreKind] = {}
    beside = _scores_beside(document, kinds)
    rows: dict[str, ResultRow] = {}
    for where, value in _rows(document):
        if not isinstance(value, dict):
            raise unexpected(value, where, "an object")
        row = _row(where, value, kinds, beside)
        key = text_of(first(value, *_TRACE)) if "value" in value else ""
        if key and key in rows:  # one line a score: lines of one trace are one row
            old = rows[key]
            row = ResultRow(
                case=old.case,
                place=old.place,
                scores=_joined(old.scores, row.scores),
                asks=old.asks,
            )
        rows[key or where] = row
    found = tuple(rows.values())
    by_item = any(
        first(mapping(value), *_ITEM) or "item" in mapping(value) for _, value in _rows(document)
    )
    note = "no dataset item is named: cases are paired by trace id"
    return Results(found, kinds, repeats=by_item, notes=() if by_item else (note,))


def _scores_beside(document: Document, kinds: dict[str, ScoreKind]) -> dict[str, dict[str, Score]]:
    """Return the scores of a list of their own, by trace."""
    data = mapping(document.value) if isinstance(document, JsonDocument) else {}
    if "datasetRunItems" not in data:
        return {}
    found: dict[str, dict[str, Score]] = {}
    for score in map(mapping, items(data.get("scores"))):
        trace = text_of(first(score, *_TRACE))
        found[trace] = _joined(found.get(trace, {}), dict(_scores([score], kinds)))
    return found


def _scores(rows: list[Json], kinds: dict[str, ScoreKind]) -> Iterator[tuple[str, Score]]:
    for score in map(mapping, rows):
        name = text_of(first(score, "name", "key"))
        kind = text_of(first(score, "dataType", "data_type"))
        if not name:
            continue
        is_bool = kind == "BOOLEAN" or isinstance(score.get("value"), bool)
        kinds.setdefault(name, ScoreKind(direction=None, bounds=(0.0, 1.0) if is_bool else None))
        yield name, UNSCORED if kind == "CATEGORICAL" else score_of(score.get("value"))


def _joined(old: Mapping[str, Score], new: Mapping[str, Score]) -> dict[str, Score]:
    """Put scores of one trace together; two of one name that differ are not understood."""
    return {**old, **new} | {
        name: UNSCORED for name in old.keys() & new.keys() if old[name] != new[name]
    }


def _row(
    where: str,
    row: Mapping[str, Json],
    kinds: dict[str, ScoreKind],
    beside: Mapping[str, Mapping[str, Score]],
) -> ResultRow:
    trace = mapping(row.get("trace"))
    item = mapping(row.get("item"))
    metadata = mapping(first(row, "metadata") or trace.get("metadata"))
    own = first(row, "evaluations", "scores") or trace.get("scores")
    listed = items(own) or ([dict(row)] if {"name", "value"} <= row.keys() else [])
    scores: dict[str, Score] = {}
    for name, score in _scores(listed, kinds):
        scores = _joined(scores, {name: score})
    trace_id = first(row, *_TRACE) or first(trace, "id")
    scores |= beside.get(text_of(trace_id), {})
    asked = first(item, "input") or first(row, "input") or trace.get("input")
    return ResultRow(
        case=case_id(
            first(row, *_ITEM)
            or first(item, "id")
            or first(metadata, *_ITEM)
            or (asked if item else None)
            or trace_id
            or row.get("id")
        ),
        place=where,
        scores=scores or {"score": UNSCORED},
        asks=text_of(asked),
        cost_usd=number(first(row, "totalCost") or trace.get("totalCost")),
        seconds=number(first(row, "latency") or trace.get("latency")),
        output=text_of(first(row, "output") or trace.get("output")),
    )
