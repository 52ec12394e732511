"""Reads what converters are given: YAML, JSON, JSON lines, CSV, Parquet, or a set of the hub."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from evalgate.errors import DataError, MissingExtra
from evalgate.importers.results.documents import Document, JsonDocument, load_document
from evalgate.importers.suites.converted import Source
from evalgate.store.strict_yaml import parse_yaml

_HUB: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(:[\w.-]+)?\Z")
_YAML: Final = (".yaml", ".yml")
_MAX_ROWS: Final = 1_000_000


class _Anything(BaseModel):
    """Any mapping."""

    model_config = ConfigDict(extra="allow")


def read_suite_source(path: Path) -> Source:
    """Read a file for a converter; a name like `owner/set:split` that is no file is a hub set.

    Raises:
        DataError: It is not readable, with its place.
        MissingExtra: Parquet or the hub is asked for without the extra `datasets`.
    """
    given = path.as_posix()
    if not path.exists() and _HUB.match(given) and not path.suffix:
        return Source(_hub(given), lambda name: _beside(Path(), name))
    return Source(_load(path), lambda name: _beside(path.parent, name))


def _load(path: Path) -> Document:
    if path.suffix in _YAML:
        return _yaml(path)
    return _parquet(path) if path.suffix == ".parquet" else load_document(path)


def _beside(folder: Path, name: str) -> Document:
    """Read a file that another names; registries keep data in a folder of their own."""
    places = (folder / name, folder.parent / "data" / name, folder / Path(name).name)
    found = next(filter(_is_file, places), None)
    if found is None:
        raise DataError(
            f"{folder / name}: there is no such file, and the file that is read names it",
            fix="put it there, or give that file instead",
        )
    return _load(found)


def _is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except OSError:  # a name that no file can have
        return False


def _yaml(path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is no UTF-8", fix="save it as UTF-8"
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", fix="check the path") from error
    held = parse_yaml(text, _Anything, source=str(path), expected="a mapping")
    return JsonDocument(dict(held.model_extra or {}))


def _parquet(path: Path) -> Document:
    arrow = _extra("pyarrow", str(path))
    parquet = import_module("pyarrow.parquet")
    try:
        return JsonDocument(parquet.read_table(path).to_pylist())
    except (OSError, arrow.ArrowException) as error:
        raise DataError(f"{path} is no Parquet file: {str(error)[:200]}") from error


def _hub(name: str) -> Document:
    datasets = _extra("datasets", name)
    owner, _, split = name.partition(":")
    try:
        table = datasets.load_dataset(owner, split=split or "test")
        if len(table) > _MAX_ROWS:
            raise DataError(f"hub set {name!r} has {len(table):,} rows; at most {_MAX_ROWS:,}")
        return JsonDocument([dict(row) for row in table])
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
