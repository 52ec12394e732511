"""Inspect logs on disk: JSON that may hold NaN, or a zip archive of JSON files (`.eval`)."""

import re
import zipfile
import zlib
from pathlib import Path
from typing import Final

from evalgate.errors import DataError
from evalgate.schema.base import Json
from evalgate.text.strict_json import MAX_BYTES, loads

_ARCHIVE: Final = b"PK\x03\x04"
_DIGITS: Final = 19
_HEADERS: Final = ("header.json", "_journal/start.json")
_FIX: Final = "inspect log dump LOG.eval > LOG.json"
_CONSTANTS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|-?\b(?:NaN|Infinity)\b', re.DOTALL)
"""Texts, which are kept, and the constants that JSON does not have."""


def read_log(path: Path) -> Json:
    """Read a log as one document: the header, with `samples`.

    Inspect writes NaN for a value that is none; it is read as the text `NaN`.

    Raises:
        DataError: The file is missing, too large, no archive, or no JSON; with its place.
    """
    try:
        with path.open("rb") as file:
            is_archive = file.read(len(_ARCHIVE)) == _ARCHIVE
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(f"{path}: {size:,} bytes; at most {MAX_BYTES:,} are read")
        return _archive(path) if is_archive else _parsed(path.read_bytes(), str(path))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise DataError(message, fix="check the path") from error


def _archive(path: Path) -> Json:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > MAX_BYTES:
                raise DataError(f"{path}: {size:,} bytes unpacked; at most {MAX_BYTES:,} are read")
            names = archive.namelist()
            header = next((name for name in _HEADERS if name in names), None)
            if header is None:
                raise DataError(f"{path}: found no header.json; expected an Inspect log")
            log = _parsed(archive.read(header), f"{path}!{header}")
            samples = sorted(
                (name for name in names if name.startswith("samples/") and name.endswith(".json")),
                key=_natural,
            )
            rows = [_parsed(archive.read(name), f"{path}!{name}") for name in samples]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(f"{path}: the archive cannot be read: {error}", fix=_FIX) from error
    return {**log, "samples": rows} if isinstance(log, dict) else log


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort numbers in names by value."""
    return [
        (int(part), "") if part.isdecimal() and len(part) < _DIGITS else (0, part)
        for part in re.split(r"(\d+)", name)
    ]


def _parsed(raw: bytes, source: str) -> Json:
    return loads(_CONSTANTS.sub(_as_text, raw), source=source)


def _as_text(match: re.Match[bytes]) -> bytes:
    found = match[0]
    return found if found.startswith(b'"') else b'"' + found + b'"'
