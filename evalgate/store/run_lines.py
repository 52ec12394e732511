"""Reads the trials and traces of a run folder, line by line."""

import os
from collections.abc import Container, Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from evalgate.errors import DataError
from evalgate.schema.result import TrialResult
from evalgate.schema.trace import Trace
from evalgate.store.plain import open_plain
from evalgate.store.problems import first_problem
from evalgate.store.runs import TRACES, TRIALS


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
            f"{path}:{number}: {first_problem(error)}",
            fix="run folders are written by evalgate alone; start a new run",
        ) from None
