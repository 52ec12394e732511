"""Reads a file of another tool and writes a golden set and traces."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalgate.errors import ConfigError, DataError
from evalgate.importers.imported import Imported, Options
from evalgate.pipeline.plugins import resolve
from evalgate.schema.base import Json
from evalgate.store.golden import write_golden
from evalgate.store.traces import write_traces
from evalgate.text.strict_json import loads

__all__ = ["ImportFiles", "import_file"]

_PARTS = ("answers", "results")


@dataclass(frozen=True, slots=True)
class ImportFiles:
    """What is read and what is written."""

    source: Path
    """The file to read; of `bfcl` the questions."""
    golden: Path | None = None
    """Where the golden set goes; null: nowhere."""
    traces: Path | None = None
    """Where the traces go; null: nowhere."""
    parts: dict[str, Path] = field(default_factory=dict)
    """Further files of `bfcl`: `answers`, `results`."""

    @classmethod
    def of(cls, paths: Mapping[str, Path | None]) -> "ImportFiles":
        """Sort paths by what they are called: `source`, `golden`, `traces`, else a part."""
        known = {name: path for name, path in paths.items() if path is not None}
        parts = {name: known[name] for name in _PARTS if name in known}
        return cls(known["source"], known.get("golden"), known.get("traces"), parts)


def import_file(name: str, files: ImportFiles, options: Options) -> Imported:
    """Read, then write; nothing is written when reading fails.

    Args:
        name: The format.
        files: What to read and to write.
        options: Options of the importer.

    Raises:
        PluginError: The format is unknown.
        ConfigError: Neither a golden set nor traces are asked for.
        DataError: A file is not in the format.
    """
    importer = resolve("importers", name)
    if files.golden is None and files.traces is None:
        raise ConfigError(
            "nothing would be written", fix="--golden golden.jsonl --traces traces.jsonl"
        )
    data = _with_parts(files) if name == "bfcl" else _read(files.source)
    try:
        imported: Imported = importer(data, options)
    except DataError as error:
        raise DataError(f"{files.source}: {error.message}", fix=error.fix) from error
    for path in (files.golden, files.traces):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    if files.golden is not None:
        write_golden(files.golden, imported.cases)
    if files.traces is not None:
        write_traces(files.traces, imported.traces)
    return imported


def _with_parts(files: ImportFiles) -> Json:
    """Gather the three files of a BFCL category; siblings named alike are found by themselves."""
    found: dict[str, Any] = {"questions": _rows(files.source)}
    for part in _PARTS:
        path = files.parts.get(part) or _sibling(files.source, part)
        if path is not None:
            found[part] = _rows(path)
    return found


def _sibling(source: Path, part: str) -> Path | None:
    if "questions" not in source.name:
        return None
    exact = source.with_name(source.name.replace("questions", part))
    if exact.is_file():
        return exact
    head = source.name.partition(".")[0]
    fitting = sorted(source.parent.glob(f"{head}.*{part}.jsonl"))
    return fitting[0] if len(fitting) == 1 else None


def _rows(path: Path) -> Json:
    data = _read(path)
    return data if isinstance(data, list) else [data]


def _read(path: Path) -> Json:
    """Read JSON, or JSONL as a list of its lines."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}") from error
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if path.suffix == ".jsonl" or (len(lines) > 1 and _complete(lines[0][1])):
        return [loads(line, source=str(path), line=number) for number, line in lines]
    return loads(text, source=str(path))


def _complete(line: str) -> bool:
    """Say whether one line is a whole JSON object, as in JSONL."""
    text = line.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return False
    try:
        loads(text, source="")
    except DataError:
        return False
    return True
