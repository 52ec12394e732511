"""Braintrust experiments: events of `fetch` or an export, as JSON, JSON lines or CSV.

Only root spans are rows. A case is the dataset's record (`dataset_record_id`, `origin.id`), else
its input; a second row of it is a trial (`trial_count`). Scores lie in 0 to 1; null is unscored.
"""

from collections.abc import Mapping
from typing import Final

from evalgate.importers.results.documents import (
    Document,
    JsonDocument,
    LinesDocument,
    TableDocument,
)
from evalgate.importers.results.rows import (
    RATIO,
    UNSCORED,
    ReadOptions,
    ResultRow,
    Results,
    broken,
    case_id,
    first,
    items,
    mapping,
    number,
    score_of,
    text_of,
    tokens,
    unexpected,
)
from evalgate.schema.base import Json
from evalgate.schema.result import TrialUsage
from evalgate.text.counts import number_of
from evalgate.text.strict_json import Parsed, parse

_JSON_CELLS: Final = ("input", "output", "expected", "metadata", "metrics", "scores", "origin")
_PREFIX: Final = "scores."


def detect(document: Document) -> bool:
    """Say whether the document holds rows of a Braintrust experiment."""
    if isinstance(document, TableDocument):
        header = document.header
        scored = "scores" in header or any(name.startswith(_PREFIX) for name in header)
        return "input" in header and scored
    rows = [mapping(row) for _, row in _rows(document)[:5]]
    return bool(rows) and any(
        isinstance(row.get("scores"), dict) and "input" in row and "run" not in row for row in rows
    )


def _rows(document: Document) -> list[tuple[str, Json]]:
    match document:
        case LinesDocument(values):
            return [(f"line {line}", value) for line, value in values]
        case JsonDocument(dict() as data):
            return [(f"/{i}", row) for i, row in enumerate(items(first(data, "events", "results")))]
        case JsonDocument(value):
            return [(f"/{i}", row) for i, row in enumerate(items(value))]
        case TableDocument(header, lines):
            return [
                (f"line {line}", _cells(dict(zip(header, cells, strict=True))))
                for line, cells in lines
            ]
        case _:
            return []


def _cells(row: dict[str, str]) -> dict[str, Json]:
    read: dict[str, Json] = {}
    scores: dict[str, Json] = {}
    for name, cell in row.items():
        if name.startswith(_PREFIX):
            scores[name.removeprefix(_PREFIX)] = cell or None
            continue
        found = parse(cell) if name in _JSON_CELLS and cell[:1] in ("{", "[", '"') else None
        read[name] = found.value if isinstance(found, Parsed) else cell or None
    return {**read, "scores": scores} if scores else read


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read rows of a Braintrust experiment."""
    rows: list[ResultRow] = []
    inner = 0
    for where, value in _rows(document):
        if not isinstance(value, dict):
            raise unexpected(value, where, "an object")
        if _is_root(value):
            rows.append(_row(where, value))
        else:
            inner += 1
    notes = (f"{number_of(inner, 'span')} inside the rows left out",) if inner else ()
    kinds = {name: RATIO for row in rows for name in row.scores}
    return Results(tuple(rows), kinds, errors=True, repeats=True, notes=notes)


def _is_root(row: Mapping[str, Json]) -> bool:
    if isinstance(row.get("is_root"), bool):
        return bool(row["is_root"])
    if row.get("span_parents"):
        return False
    root, span = row.get("root_span_id"), row.get("span_id")
    return root is None or span is None or root == span


def _row(where: str, row: Mapping[str, Json]) -> ResultRow:
    metrics = mapping(row.get("metrics"))
    failed = text_of(row.get("error"))
    record = first(row, "dataset_record_id") or first(mapping(row.get("origin")), "id")
    given = {name: score_of(value) for name, value in mapping(row.get("scores")).items()}
    scores = given or {"score": UNSCORED}
    start, end = number(metrics.get("start")), number(metrics.get("end"))
    return ResultRow(
        case=case_id(record or row.get("input")),
        place=where,
        scores={name: broken(failed) for name in scores} if failed else scores,
        asks=text_of(row.get("input")),
        error=failed or None,
        usage=TrialUsage(
            tokens(metrics.get("prompt_tokens")),
            tokens(metrics.get("completion_tokens")),
            tokens(metrics.get("prompt_cached_tokens")),
        ),
        cost_usd=number(first(metrics, "estimated_cost", "cost")),
        seconds=number(metrics.get("duration"))
        if start is None or end is None
        else max(end - start, 0.0),
        output=text_of(row.get("output")),
    )
