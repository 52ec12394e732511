"""Reading results of other tools, and what tests look at in them."""

import json
from pathlib import Path
from typing import Any

from evalgate.importers.results.read import ForeignFile, read_results
from evalgate.importers.results.rows import ReadOptions, ResultRow
from evalgate.schema.score import Scored


def foreign(path: Path, name: str | None = None, **options: Any) -> ForeignFile:  # noqa: ANN401  # as they are
    """Read a file as it is found."""
    return read_results(path, ReadOptions(**options), name)


def write(folder: Path, name: str, data: object) -> Path:
    """Write data as JSON, text as it is, a list as JSON lines where the name says so."""
    path = folder / name
    if isinstance(data, str):
        path.write_text(data, encoding="utf-8")
    elif isinstance(data, list) and name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in data), encoding="utf-8")
    else:
        path.write_text(json.dumps(data), encoding="utf-8")
    return path


def rows(file: ForeignFile) -> tuple[ResultRow, ...]:
    """Return the rows."""
    return file.results.rows


def values(file: ForeignFile, name: str) -> list[float | None]:
    """Return a score of every row; null where it is not scored."""
    found = [row.scores.get(name) for row in rows(file)]
    return [score.value if isinstance(score, Scored) else None for score in found]


def mean(file: ForeignFile, name: str) -> float:
    """Return the mean over the rows that are scored."""
    known = [value for value in values(file, name) if value is not None]
    return sum(known) / len(known)


def tokens(file: ForeignFile) -> tuple[int, int]:
    """Return the input and output tokens of all rows."""
    return (
        sum(row.usage.input_tokens or 0 for row in rows(file)),
        sum(row.usage.output_tokens or 0 for row in rows(file)),
    )
