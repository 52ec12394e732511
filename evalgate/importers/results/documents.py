"""A file of another tool as data: JSON, JSON lines, a table, XML or an archive.

Tools write what strict JSON forbids (`NaN`, a byte order mark); both are read here, and `NaN` is
null: unscored.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Final, NoReturn
from xml.etree.ElementTree import Element, ParseError
from xml.etree.ElementTree import fromstring as parse_xml

from evalgate.errors import DataError
from evalgate.schema.base import Json
from evalgate.text.strict_json import MAX_BYTES, Parsed, Problem, loads, parse

_MAX_CELL: Final = 16 * 1024 * 1024
_JSON_LINES: Final = (".jsonl", ".ndjson")
_TABLES: Final = (".csv", ".tsv")
_ARCHIVE_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """One JSON document."""

    value: Json


@dataclass(frozen=True, slots=True)
class LinesDocument:
    """JSON documents, one a line."""

    values: tuple[tuple[int, Json], ...]
    """Line and data of each."""


@dataclass(frozen=True, slots=True)
class TableDocument:
    """A table of texts; names of columns may repeat or be empty."""

    header: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    """Line and cells of each row; every row is as long as the header."""


@dataclass(frozen=True, slots=True)
class XmlDocument:
    """An XML document."""

    root: Element


@dataclass(frozen=True, slots=True)
class ArchiveDocument:
    """The JSON files of a zip archive."""

    files: Mapping[str, Json]
    """Data by name."""


Document = JsonDocument | LinesDocument | TableDocument | XmlDocument | ArchiveDocument


def load_document(path: Path) -> Document:
    """Read a file of another tool.

    Raises:
        DataError: It is missing, too large, not UTF-8, cut off, or none of the known kinds; with
            its place.
    """
    raw = _bytes(path)
    if raw.startswith(b"PK\x03\x04") or path.suffix == ".eval":
        return _archive(raw, path)
    text = _text(raw, path)
    if not text.strip():
        raise DataError(f"{path}: found an empty file; expected results", fix="run the tool again")
    if path.suffix in _JSON_LINES:
        return _lines(text, path)
    if path.suffix in _TABLES:
        return _table(text, path)
    start = text.lstrip()[:1]
    if start == "<":
        return _xml(text, path)
    if start in ("{", "[") or path.suffix == ".json":
        return _json(text, path)
    return _table(text, path)


def _bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder; expected a file of results", fix="name the file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(f"{path}: {size:,} bytes; at most {MAX_BYTES:,} are read")
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}", fix="check the path"
        ) from error


def _text(raw: bytes, path: Path) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(
            f"{path}: found UTF-16; expected UTF-8",
            fix=f"iconv -f UTF-16 -t UTF-8 {path.name} > utf8-{path.name}",
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise DataError(
            f"{path}:{line}:{column}: found the byte 0x{raw[error.start]:02x}; expected UTF-8",
            fix=f"iconv -f ISO-8859-1 -t UTF-8 {path.name} > utf8-{path.name}",
        ) from error


def parse_loosely(text: str, source: str, line: int = 1) -> Json:
    """Read JSON strictly, but for `NaN`, `Infinity` and numbers too large: they are null.

    Raises:
        DataError: For anything else that is no JSON.
    """
    match parse(text, line=line):
        case Parsed(value):
            return value
        case Problem(expected=expected) if "finite number" in expected:
            pass
        case _:
            return loads(text, source=source, line=line)
    return loads(_LOOSE.sub(_finite_or_null, text), source=source, line=line)


def _finite_or_null(token: re.Match[str]) -> str:
    """Keep strings and finite numbers."""
    raw = token[0]
    kept = raw.startswith('"') or (raw[-1].isdigit() and isfinite(float(raw)))
    return raw if kept else "null"


_LOOSE: Final = re.compile(
    r'"[^"\\]*(?:\\.[^"\\]*)*"|NaN|-?Infinity|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?', re.DOTALL
)


def _json(text: str, path: Path) -> JsonDocument | LinesDocument:
    try:
        return JsonDocument(parse_loosely(text, str(path)))
    except DataError:
        head, _, rest = text.strip().partition("\n")
        if rest.strip() and isinstance(parse(head), Parsed):
            return _lines(text, path)
        raise


def _lines(text: str, path: Path) -> LinesDocument:
    return LinesDocument(
        tuple(
            (number, parse_loosely(line, str(path), number))
            for number, line in enumerate(text.split("\n"), 1)
            if line.strip()
        )
    )


def _table(text: str, path: Path) -> TableDocument:
    csv.field_size_limit(_MAX_CELL)  # answers are longer than the module expects
    head = text.lstrip().partition("\n")[0]
    tab, semicolon = head.count("\t"), head.count(";")
    delimiter = "\t" if tab > head.count(",") else ";" if semicolon > head.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    try:
        header = tuple(name.strip() for name in next(reader, []))
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _check_width(cells, header, f"{path}:{line}")
                rows.append((line, tuple(cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: {error}; expected CSV") from error
    return TableDocument(header, tuple(rows))


def _check_width(cells: list[str], header: tuple[str, ...], place: str) -> None:
    if len(cells) != len(header):
        raise DataError(
            f"{place}: found {len(cells)} cells; expected {len(header)}, as the header has",
            fix="quote cells that hold the separator, or export the file again",
        )


def _xml(text: str, path: Path) -> XmlDocument:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DataError(f"{path}: found a document type; expected XML without one")
    try:
        return XmlDocument(parse_xml(text))  # noqa: S314  # document types are refused above
    except (ParseError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: {error}; expected XML", fix="write the file again") from error


def _archive(raw: bytes, path: Path) -> ArchiveDocument:
    files: dict[str, Json] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            inside = [i for i in archive.infolist() if i.filename.endswith(".json")]
            if sum(info.file_size for info in inside) > MAX_BYTES:
                _refuse_size(path)
            for info in inside:
                text = archive.read(info).decode("utf-8-sig")
                files[info.filename] = parse_loosely(text, f"{path}:{info.filename}")
    except DataError:
        raise
    except _ARCHIVE_ERRORS as error:
        raise DataError(
            f"{path}: {error or type(error).__name__}; expected a whole zip archive",
            fix="write the log again; the file may have been cut off",
        ) from error
    return ArchiveDocument(files)


def _refuse_size(path: Path) -> NoReturn:
    raise DataError(f"{path}: unpacked it is larger than {MAX_BYTES:,} bytes")
