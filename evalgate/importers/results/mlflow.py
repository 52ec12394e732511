"""MLflow's table of an evaluation (`eval_results_table.json`): `{columns, data}`.

Scores are the columns `NAME/score`, since MLflow 3 also `NAME/value`; the file does not say which
way is better.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from evalgate.importers.results.documents import Document, JsonDocument
from evalgate.importers.results.rows import (
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

_SUFFIXES: Final = ("/score", "/value")
_ASKED: Final = ("inputs", "input", "request", "question", "query", "prompt")


def detect(document: Document) -> bool:
    """Say whether the document is a table of MLflow."""
    if not isinstance(document, JsonDocument):
        return False
    data = mapping(document.value)
    names = items(data.get("columns"))
    return "data" in data and any(text_of(name).endswith(_SUFFIXES) for name in names)


def read(document: Document, options: ReadOptions) -> Results:
    """Read a table of MLflow."""
    data = mapping(document.value) if isinstance(document, JsonDocument) else {}
    rows = [_row(where, cells, options) for where, cells in _rows(data)]
    kinds = {name: ScoreKind(direction=None) for row in rows for name in row.scores}
    return Results(tuple(rows), kinds)


def _rows(data: Mapping[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    names = [text_of(name) for name in items(data.get("columns"))]
    if not isinstance(data.get("data"), list):
        raise unexpected(data.get("data"), "/data", "a list of rows")
    for index, cells in enumerate(items(data["data"])):
        if not isinstance(cells, list) or len(cells) != len(names):
            raise unexpected(cells, f"/data/{index}", f"{len(names)} cells, as `columns` has")
        yield f"/data/{index}", dict(zip(names, cells, strict=True))


def _row(where: str, cells: Mapping[str, Json], options: ReadOptions) -> ResultRow:
    asked = text_of(first(cells, *_ASKED))
    named = (
        text_of(cells.get(options.id)) if options.id else text_of(first(cells, "id", "request_id"))
    )
    return ResultRow(
        case=case_id(named or asked),
        place=where,
        scores={
            name.removesuffix("/score").removesuffix("/value"): score_of(value)
            for name, value in cells.items()
            if name.endswith(_SUFFIXES)
        },
        asks=asked,
        seconds=number(cells.get("latency")),
        output=text_of(first(cells, "outputs", "output", "predictions", "response")),
    )
