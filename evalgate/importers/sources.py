"""Files an importer is given, as data: JSON, JSON lines, and the files that belong together."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.traces.inspect_files import read_log
from evalgate.schema.base import Json
from evalgate.store.lines import read_lines
from evalgate.text.strict_json import MAX_BYTES, Parsed, loads, parse

_QUESTIONS: Final = ".questions.jsonl"


def read_source(
    path: Path, format_name: str, parts: Mapping[str, Path] = MappingProxyType({})
) -> Json:
    """Read a file for an importer, strictly.

    A file of several JSON documents, one a line, is a list of them. For `bfcl`, the answers and
    the results beside `NAME.questions.jsonl` are read with it: `NAME.answers.jsonl` and, where
    there is exactly one, `NAME.*results.jsonl`.

    Args:
        path: The file.
        format_name: The format, as in the registry.
        parts: Files of `bfcl` that are named: `answers`, `results`.

    Raises:
        DataError: A file is missing, unreadable, too large or no strict JSON; with its place.
    """
    if format_name == "bfcl":
        return _bfcl(path, parts)
    if format_name == "inspect":
        return read_log(path)
    return _read(path)


def _read(path: Path) -> Json:
    if path.suffix in (".jsonl", ".ndjson"):
        return _lines(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(
                f"{path}: {path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read"
            )
        raw = path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise DataError(message, fix="check the path") from error
    match parse(raw):
        case Parsed(value):
            return value
        case problem:
            lines = [line for line in raw.splitlines() if line.strip()]
            if len(lines) > 1 and isinstance(parse(lines[0]), Parsed) and problem.line > 1:
                return _lines(path)
            return loads(raw, source=str(path))


def _lines(path: Path) -> list[Json]:
    return [loads(line.raw, source=str(path), line=line.number) for line in read_lines(path)]


def _bfcl(path: Path, parts: Mapping[str, Path]) -> Json:
    answers = parts.get("answers") or path.with_name(f"{_stem(path)}.answers.jsonl")
    results = parts.get("results") or _results_beside(path)
    files: dict[str, Json] = {"questions": _lines(path), "answers": _lines(answers)}
    return files | {"results": _lines(results)} if results is not None else files


def _stem(path: Path) -> str:
    if not path.name.endswith(_QUESTIONS):
        raise DataError(
            f"{path}: found no file of questions; expected a name that ends in {_QUESTIONS!r}",
            fix="name the file of questions, or add --answers and --results",
        )
    return path.name.removesuffix(_QUESTIONS)


def _results_beside(path: Path) -> Path | None:
    if not path.name.endswith(_QUESTIONS) or not path.parent.is_dir():
        return None
    stem = path.name.removesuffix(_QUESTIONS)
    results = sorted(
        other
        for other in path.parent.iterdir()
        if other.name.startswith(f"{stem}.") and other.name.endswith("results.jsonl")
    )
    if len(results) > 1:
        names = ", ".join(repr(other.name) for other in results)
        raise DataError(
            f"{path}: found {len(results)} files of results beside it ({names}); expected one",
            fix="name the one to read with --results",
        )
    return results[0] if results else None
