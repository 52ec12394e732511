"""The run folder: everything one run produced, safe on disk before it is reported.

    RUNS/ID/manifest.json   what was run, when and where
    RUNS/ID/trials.jsonl    one scored trial a line, in the order they ended
    RUNS/ID/traces.jsonl    the trace of each, line by line the same trials
    RUNS/ID/report.json     the report, once it is made
    RUNS/ID/lock            held while a run writes

A trial counts when its line in `trials.jsonl` is whole; its trace is on disk before that line.
A line that a kill cut off is left out when the folder is read, and cut off when it is resumed.
"""

import os
import shutil
from collections.abc import Container, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from evalgate.errors import DataError
from evalgate.schema.report_text import report_text
from evalgate.schema.result import Manifest, Report, ReportSet, TrialResult
from evalgate.schema.trace import Trace
from evalgate.store.atomic import write_text
from evalgate.store.plain import open_plain, read_plain
from evalgate.text.suggest import did_you_mean

try:
    import fcntl
except ImportError:  # Windows: nothing tells there whether a run still writes
    fcntl = None  # type: ignore[assignment]


MANIFEST: Final = "manifest.json"
TRIALS: Final = "trials.jsonl"
TRACES: Final = "traces.jsonl"
REPORT: Final = "report.json"
LOCK: Final = "lock"

_SLUG_LENGTH: Final = 40


def new_run_id(now: datetime, suite: str) -> str:
    """Return an id that sorts by time: UTC to the millisecond, and the suite.

    Args:
        now: A time with a time zone.
        suite: The suite's name; characters that are not safe in a path become `-`.
    """
    utc = now.astimezone(UTC)
    slug = "".join(c if c.isascii() and (c.isalnum() or c in "_.") else "-" for c in suite)
    return f"{utc:%Y%m%dT%H%M%S}.{utc.microsecond // 1000:03d}Z-{slug[:_SLUG_LENGTH].strip('.')}"


def is_run(folder: Path) -> bool:
    """Tell whether a folder is a run folder."""
    return (folder / MANIFEST).is_file()


def list_runs(runs: Path) -> tuple[Path, ...]:
    """Return all run folders, oldest first."""
    if not runs.is_dir():
        return ()
    return tuple(sorted(folder for folder in runs.iterdir() if is_run(folder)))


def latest_run(runs: Path, suite: str | None = None) -> Path | None:
    """Return the run folder that was started last, of one suite or of any."""
    for folder in reversed(list_runs(runs)):
        if suite is None or read_manifest(folder).suite == suite:
            return folder
    return None


def find_run(runs: Path, wanted: str) -> Path:
    """Return the run folder of an id, of the unique start of one, of `latest`, or of a path.

    Raises:
        DataError: There is none, or more than one.
    """
    if is_run(Path(wanted)):
        return Path(wanted)
    folders = list_runs(runs)
    if wanted == "latest" and folders:
        return folders[-1]
    fitting = [f for f in folders if f.name == wanted] or [
        f for f in folders if wanted and f.name.startswith(wanted)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        listed = ", ".join(folder.name for folder in fitting[:5])
        raise DataError(f"{wanted!r} fits {len(fitting)} runs in {runs}: {listed}")
    names = [folder.name for folder in folders]
    raise DataError(
        f"there is no run {wanted!r} in {runs}{did_you_mean(wanted, names)}",
        fix=f"the latest is {names[-1]}" if names else "`evalgate run` makes one",
    )


def prune_runs(runs: Path, keep: int, *, spare: Container[Path] = ()) -> tuple[Path, ...]:
    """Remove all but the newest run folders, and return the removed ones.

    Args:
        runs: Folder of the run folders.
        keep: Run folders that stay; 0 keeps all.
        spare: Folders that stay in any case; so do those whose lock somebody holds.
    """
    if keep == 0:
        return ()
    old = [folder for folder in list_runs(runs)[:-keep] if folder not in spare]
    removed = []
    for folder in old:
        with _unheld(folder / LOCK) as free:
            if free:
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
    return tuple(removed)


@contextmanager
def _unheld(lock: Path) -> Iterator[bool]:
    """Hold a lock that nobody else holds, or say that somebody does."""
    try:
        descriptor = os.open(lock, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        yield True  # a folder without a lock is of no run that writes
        return
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace `manifest.json` as a whole.

    Raises:
        InputError: It cannot be written; the old one stands.
    """
    write_text(folder / MANIFEST, manifest.model_dump_json(by_alias=True, indent=2) + "\n")


def write_report(folder: Path, report: Report | ReportSet) -> Path:
    """Replace `report.json` as a whole, and return its path.

    Raises:
        InputError: It cannot be written; the old one stands.
    """
    write_text(folder / REPORT, report_text(report))
    return folder / REPORT


def read_manifest(folder: Path) -> Manifest:
    """Read `manifest.json`.

    Raises:
        DataError: The folder is no run folder, or the file is not readable.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(read_plain(path))
    except OSError as error:
        raise DataError(
            f"{folder} is no run folder: {MANIFEST} cannot be read: {error.strerror}",
            fix="run folders lie in .evalgate/runs; `evalgate run` makes them",
        ) from error
    except ValidationError as error:
        raise DataError(f"{path}: {_first(error)}") from None


@cache
def trial_lines() -> TypeAdapter[TrialResult]:
    """Return what reads and writes a line of trials; built when the first is needed."""
    return TypeAdapter(TrialResult)


def iter_trials(folder: Path) -> Iterator[TrialResult]:
    """Yield every whole trial, in the order they ended.

    Raises:
        DataError: A line is malformed, or a trial stands there twice.
    """
    path = folder / TRIALS
    seen: dict[tuple[str, int], int] = {}
    for number, raw in _whole_lines(path):
        result: TrialResult = _read(trial_lines().validate_json, raw, path, number)
        first = seen.setdefault((result.case_id, result.trial), number)
        if first != number:
            raise DataError(
                f"{path}:{number}: case {result.case_id!r}, trial {result.trial} stands on line "
                f"{first} already; the file was edited"
            )
        yield result


def iter_traces(folder: Path, wanted: Container[tuple[str, int]] | None = None) -> Iterator[Trace]:
    """Yield the trace of every whole trial, in the order they ended.

    Args:
        folder: The run folder.
        wanted: Case and number of the trials to read; null: all.

    Raises:
        DataError: A line is malformed.
    """
    count = sum(1 for _ in _whole_lines(folder / TRIALS))
    path = folder / TRACES
    for number, raw in _whole_lines(path):
        if number > count:
            return
        trace: Trace = _read(Trace.model_validate_json, raw, path, number)
        if wanted is None or (trace.case_id, trace.trial) in wanted:
            yield trace


FINGERPRINT: Final = 16
"""Bytes of the digest of a line."""


def fingerprint(line: bytes) -> bytes:
    """Digest one line of a file."""
    return blake2b(line, digest_size=FINGERPRINT).digest()


def fingerprints(folder: Path) -> bytes:
    """Digest every whole line of the traces, one behind the other."""
    return b"".join(fingerprint(raw) for _, raw in _whole_lines(folder / TRACES))


def checked_traces(
    folder: Path, written: bytes, wanted: Container[tuple[str, int]] | None = None
) -> Iterator[Trace]:
    """Yield traces that are what was written, in the order in which trials ended.

    Args:
        folder: The run folder.
        written: Digests of all its lines: see `fingerprints`.
        wanted: Case and number of the trials to read; null: all.

    Raises:
        DataError: A line is not what was written, or there are fewer or more of them.
    """
    path, count = folder / TRACES, 0
    for number, raw in _whole_lines(path):
        start = count * FINGERPRINT
        if fingerprint(raw) != written[start : start + FINGERPRINT]:
            raise _rewritten(path, number)
        count += 1
        trace: Trace = _read(Trace.model_validate_json, raw, path, number)
        if wanted is None or (trace.case_id, trace.trial) in wanted:
            yield trace
    if count * FINGERPRINT != len(written):
        raise _rewritten(path, count + 1)


def _rewritten(path: Path, number: int) -> DataError:
    return DataError(
        f"{path}:{number}: is not what this run wrote: something changed the file meanwhile",
        fix="run again with --sandbox, which keeps agents from the run folder",
    )


def torn_lines(folder: Path) -> tuple[str, ...]:
    """Say which files end in a line that a killed run left behind."""
    return tuple(
        f"{path}: the last line is cut off and left out (a killed run); "
        "`evalgate run --resume` goes on from there"
        for path in (folder / TRIALS, folder / TRACES)
        if path.is_file() and not _ends_whole(path)
    )


def whole_bytes(path: Path, lines: int) -> int:
    """Return the length in bytes of the first so many whole lines."""
    return sum(len(raw) for number, raw in _whole_lines(path) if number <= lines)


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of every line that has an end."""
    try:
        with open_plain(path) as file:
            for number, raw in enumerate(file, start=1):
                if raw.endswith(b"\n"):
                    yield number, raw
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _read(validate: Any, raw: bytes, path: Path, number: int) -> Any:  # noqa: ANN401
    try:
        return validate(raw)
    except ValidationError as error:
        raise DataError(
            f"{path}:{number}: {_first(error)}",
            fix="run folders are written by evalgate alone; start a new run",
        ) from None


def _first(error: ValidationError) -> str:
    item = error.errors(include_url=False, include_context=False)[0]
    pointer = "".join(f"/{part}" for part in item["loc"])
    return f"{pointer or '/'}: {item['msg']} (found {item['input']!r:.80})"
