"""Reads what converters are given: YAML, JSON, JSON lines, CSV, Parquet, or a set of the hub."""

import re
from dataclasses import dataclass
from datetime import date, time
from glob import glob
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any, Final

from evalgate.errors import DataError, MissingExtra
from evalgate.importers.results.documents import Document, JsonDocument, load_document
from evalgate.importers.suites.converted import Source
from evalgate.schema.base import Json
from evalgate.store.strict_yaml import parse_documents

_HUB: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(:[\w.-]+)?\Z")
_YAML: Final = (".yaml", ".yml")
_GLOB: Final = frozenset("*?[")
_MAX_ROWS: Final = 1_000_000


def read_suite_source(path: Path) -> Source:
    """Read a file for a converter; a name like `owner/set:split` that is no file is a hub set.

    Raises:
        DataError: It is not readable, with its place.
        MissingExtra: Parquet or the hub is asked for without the extra `datasets`.
    """
    given = path.as_posix()
    if not path.exists() and _HUB.match(given) and not path.suffix:
        return Source(_hub(given), _Folder(Path()))
    return Source(_load(path), _Folder(path.parent))


def _load(path: Path) -> Document:
    if path.suffix in _YAML:
        return _yaml(path)
    return _parquet(path) if path.suffix == ".parquet" else load_document(path)


@dataclass(frozen=True, slots=True)
class _Folder:
    """The files that a file names."""

    path: Path

    def document(self, name: str) -> Document:
        return _load(self._found(name))

    def text(self, name: str) -> str:
        return _text(self._found(name))

    def names(self, pattern: str) -> tuple[str, ...]:
        if not _GLOB & set(pattern):
            return (pattern,)
        found = glob(pattern, root_dir=self.path, recursive=True)  # noqa: PTH207  # maybe absolute
        return tuple(sorted(found))

    def _found(self, name: str) -> Path:
        """Find a file; registries keep data in a folder of their own."""
        folder = self.path
        places = (folder / name, folder.parent / "data" / name, folder / Path(name).name)
        found = next(filter(_is_file, places), None)
        if found is None:
            raise DataError(
                f"{folder / name}: there is no such file, and the file that is read names it",
                fix="put it there, or give that file instead",
            )
        return found


def _is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is no UTF-8", fix="save it as UTF-8"
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", fix="check the path") from error


def _yaml(path: Path) -> Document:
    held = parse_documents(_text(path), source=str(path))
    if len(held) != 1:
        raise DataError(
            f"{path}: found {len(held)} YAML documents; expected one",
            fix="keep one document in the file",
        )
    return JsonDocument(_plain(held[0]))


def _plain(value: object) -> Json:
    """Return data as JSON has it: days and times as text, no number as null."""
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float() if not isfinite(value):
            return None
        case None | bool() | int() | float() | str():
            return value
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.decode("utf-8", "replace")
        case _:
            return str(value)


def _parquet(path: Path) -> Document:
    arrow = _extra("pyarrow", str(path))
    parquet = import_module("pyarrow.parquet")
    try:
        return JsonDocument(_plain(parquet.read_table(path).to_pylist()))
    except (OSError, arrow.ArrowException) as error:
        raise DataError(f"{path} is no Parquet file: {str(error)[:200]}") from error


def _hub(name: str) -> Document:
    datasets = _extra("datasets", name)
    owner, _, split = name.partition(":")
    try:
        table = datasets.load_dataset(owner, split=split or "test")
        if len(table) > _MAX_ROWS:
            raise DataError(f"hub set {name!r} has {len(table):,} rows; at most {_MAX_ROWS:,}")
        return JsonDocument(_plain([dict(row) for row in table]))
    except (OSError, ValueError, TypeError, datasets.exceptions.DatasetsError) as error:
        first = (str(error).strip().splitlines() or ["unknown"])[0][:300]
        raise DataError(
            f"hub set {name!r} cannot be read: {first}",
            fix="check the name, the split (NAME:SPLIT) and the network",
        ) from error


def _extra(module: str, what: str) -> Any:  # noqa: ANN401  # a module without types
    try:
        return import_module(module)  # heavy, and an extra
    except ImportError as error:
        raise MissingExtra(
            f"{what}: reading it needs the extra `datasets`, which is not installed",
            fix="pip install 'agent-evalgate[datasets]'",
        ) from error
