"""Reads reports that other runs left behind; an artifact from elsewhere is treated as hostile.

A report is looked for in a run folder, in a folder of such folders, in a file, or in a `.zip`.
Nothing is unpacked, no name of an archive becomes a path, and no link leads out of a folder.
"""

import zlib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from stat import S_ISLNK
from typing import Final
from zipfile import BadZipFile, ZipFile, ZipInfo

from pydantic import ValidationError

from evalgate.errors import BaselineMissing, DataError
from evalgate.schema.base import Json
from evalgate.schema.result import Report, ReportSet
from evalgate.store.plain import read_plain
from evalgate.store.problems import problems_of
from evalgate.store.runs import MANIFEST, REPORT, TRACES, TRIALS, is_run
from evalgate.text.strict_json import MAX_BYTES, loads

_MOST_FILES: Final = 10_000
_SHOWN: Final = 5
_BROKEN: Final = (
    *(BadZipFile, LookupError, NotImplementedError, RuntimeError, EOFError, ValueError),
    zlib.error,
)
"""What `zipfile` raises over an archive that is damaged."""
_WAYS: Final = "name run folders, report.json files, or the .zip of an artifact"


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report of one suite, and where it was found."""

    source: str
    """File, for messages."""
    report: Report
    folder: Path | None = None
    """Its run folder, with all trials and traces; null: there is only the report."""
    digest: str = ""
    """SHA-256 of the bytes it was read from, in hexadecimal digits."""


def read_reports(path: Path) -> tuple[StoredReport, ...]:
    """Read every report in a run folder, a folder of them, a JSON file or an archive.

    Args:
        path: What the user named.

    Raises:
        BaselineMissing: There is no such file.
        DataError: It holds no report, a malformed one, or names that lead elsewhere.
    """
    if not path.exists():
        raise BaselineMissing(f"{path}: there is no such file or folder", fix=_WAYS)
    if path.is_dir():
        return _in_folder(path)
    if path.suffix == ".zip":
        return _in_archive(path)
    return _parsed(_bytes(path), str(path), None)


def _in_folder(folder: Path) -> tuple[StoredReport, ...]:
    """Read the report of a folder, or those of the folders inside."""
    own = folder / REPORT
    files = [own] if own.exists() or is_run(folder) else sorted(folder.glob(f"*/{REPORT}"))
    if not files:
        raise DataError(f"{folder}: there is no {REPORT} in it", fix=_WAYS)
    found: list[StoredReport] = []
    for file in files:
        _refuse_links(file.parent, folder)
        if not file.is_file():
            raise DataError(
                f"{file.parent}: a run that was cut off: it has no {REPORT}",
                fix=f"evalgate run --resume {file.parent.name}, with the options of that run",
            )
        found += _parsed(_bytes(file), str(file), file.parent if is_run(file.parent) else None)
    return tuple(found)


def _refuse_links(place: Path, folder: Path) -> None:
    """Refuse a run folder of which a file stands somewhere else."""
    for name in (REPORT, MANIFEST, TRIALS, TRACES):
        file = place / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"{file}: a link that leads out of {folder}; nothing of it was read")


def _bytes(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise DataError(f"{file}: {size:,} bytes; a report has at most {MAX_BYTES:,}")
        return read_plain(file)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from error


def _in_archive(path: Path) -> tuple[StoredReport, ...]:
    """Read every `report.json` of an archive, without unpacking it."""
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_FILES:
                raise DataError(f"{path}: {len(entries):,} files; at most {_MOST_FILES:,}")
            for entry in entries:
                _refuse_hostile(path, entry)
            wanted = [e for e in entries if PurePosixPath(e.filename).name == REPORT]
            return tuple(
                stored
                for entry in wanted
                for stored in _parsed(_unpacked(archive, entry, path), f"{path}:{entry.filename}")
            ) or _no_report(path)
    except _BROKEN as error:
        raise DataError(f"{path}: no readable archive: {error}", fix=_WAYS) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _no_report(path: Path) -> tuple[StoredReport, ...]:
    raise DataError(f"{path}: there is no {REPORT} in it", fix=_WAYS)


def _refuse_hostile(path: Path, entry: ZipInfo) -> None:
    name = entry.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    absolute = name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":")
    if absolute or ".." in parts or S_ISLNK(entry.external_attr >> 16):
        raise DataError(
            f"{path}: it holds {name[:100]!r}, a name or a link that leads out of it; nothing of "
            "it was read",
            fix="make the artifact again; evalgate writes no such names",
        )


def _unpacked(archive: ZipFile, entry: ZipInfo, path: Path) -> bytes:
    """Unpack one file into memory, and no more of it than a report may have."""
    with archive.open(entry) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DataError(f"{path}:{entry.filename}: more than {MAX_BYTES:,} bytes")
    return data


def _parsed(data: bytes, source: str, folder: Path | None = None) -> tuple[StoredReport, ...]:
    document = loads(data, source=source)
    schema = document.get("schema") if isinstance(document, dict) else None
    try:
        match schema:
            case "evalgate.report/1":
                reports: tuple[Report, ...] = (Report.model_validate(document),)
            case "evalgate.reports/1":
                reports = ReportSet.model_validate(document).suites
            case _:
                raise DataError(
                    f"{source}: schema {schema!r}; expected 'evalgate.report/1'", fix=_WAYS
                )
    except ValidationError as error:
        raise _malformed(error, document, source) from None
    digest = sha256(data).hexdigest()
    return tuple(StoredReport(source, report, folder, digest) for report in reports)


def _malformed(error: ValidationError, document: Json, source: str) -> DataError:
    found = problems_of(error, Report, document)[:_SHOWN]
    return DataError("\n".join(f"{source}: {p.pointer or '/'}: {p.message}" for p in found))
