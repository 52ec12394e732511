"""Reads a file of another tool; its format is found by what it holds, or named."""

from dataclasses import dataclass, replace
from pathlib import Path

from evalgate.errors import ConfigError, DataError
from evalgate.importers.results.documents import JsonDocument, load_document
from evalgate.importers.results.rows import ReadOptions, ResultRow, Results
from evalgate.registry import names, resolve
from evalgate.schema.score import Broken
from evalgate.text.redact import Redactor
from evalgate.text.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A file of another tool, read."""

    path: Path
    format: str
    """Its format, as in the registry."""
    results: Results
    """What it holds."""


def read_results(path: Path, options: ReadOptions, name: str | None = None) -> ForeignFile:
    """Read a file of another tool.

    Args:
        path: The file.
        options: What the user says of its columns.
        name: The format; null: found by what the file holds.

    Raises:
        ConfigError: There is no such format.
        DataError: The file is not readable, or in no known format, with the place.
    """
    known = names("readers")
    if name is not None and name not in known:
        raise ConfigError(
            f"--from {name!r}{did_you_mean(name, known)}: there is no such format",
            fix=f"one of {', '.join(known)}",
        )
    document = load_document(path)
    if name is None:
        name = next((n for n in known if resolve("readers", n).detect(document)), None)
    if name is None:
        keys = (
            list(document.value)[:8]
            if isinstance(document, JsonDocument) and isinstance(document.value, dict)
            else []
        )
        held = f"an object with the keys {keys!r}" if keys else type(document).__name__
        raise DataError(
            f"{path}: found {held}, in no format that is known",
            fix=f"name it with --from ({', '.join(known)}), or export a CSV of id and score",
        )
    try:
        results: Results = resolve("readers", name).read(document, options)
    except DataError as error:
        raise DataError(f"{path}: {error.message}", fix=error.fix) from error
    if not results.rows:
        raise DataError(
            f"{path}: read as {name}, it holds no row; expected results",
            fix="run the tool again, or name the format with --from",
        )
    for row in results.rows:
        if not row.case:
            raise DataError(
                f"{path}: {row.place}: found a row without an id; expected one that names its case",
                fix="add an id, or name its column with --id",
            )
    said = f"{path}: read as {name}"
    notes = "; ".join((said, *results.notes))
    return ForeignFile(path, name, replace(results, notes=(notes,)))


def without_secrets(file: ForeignFile, redactor: Redactor) -> ForeignFile:
    """Return the file with what its rows say redacted; the same object where it holds no secret."""
    texts = "\0".join(text for row in file.results.rows for text in _said(row))
    if redactor.redact(texts) == texts:
        return file
    rows = tuple(_clean(row, redactor) for row in file.results.rows)
    return replace(file, results=replace(file.results, rows=rows))


def _said(row: ResultRow) -> tuple[str, ...]:
    errors = (score.error for score in row.scores.values() if isinstance(score, Broken))
    return (row.case, row.error or "", row.output, *row.scores, *errors)


def _clean(row: ResultRow, redactor: Redactor) -> ResultRow:
    return replace(
        row,
        case=redactor.redact(row.case),
        error=None if row.error is None else redactor.redact(row.error),
        output=redactor.redact(row.output),
        scores={
            redactor.redact(name): Broken(redactor.redact(score.error))
            if isinstance(score, Broken)
            else score
            for name, score in row.scores.items()
        },
    )
