"""Writes trials of a run to disk: appended, synced in groups, never torn apart by an error."""

import asyncio
import os
import queue
import threading
import time
from collections.abc import AsyncIterator, Container, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from io import FileIO
from itertools import count
from pathlib import Path
from typing import Final

from evalgate.errors import DataError, InputError
from evalgate.schema.result import Manifest, TrialResult
from evalgate.schema.trace import Trace
from evalgate.store.run_lines import (
    checked_traces,
    fingerprint,
    fingerprints,
    iter_traces,
    iter_trials,
    trial_lines,
    whole_bytes,
)
from evalgate.store.runs import LOCK, TRACES, TRIALS, read_manifest, write_manifest
from evalgate.store.sealed import hidden_folder

try:
    import fcntl
except ImportError:  # Windows: nothing keeps two runs apart there but their ids
    fcntl = None  # type: ignore[assignment]


_sync: Final = getattr(os, "fdatasync", os.fsync)
_GROUP_BYTES: Final = 4_000_000
"""Bytes after which a group goes to disk even if more lines wait."""

_LINGER_S: Final = 0.005
"""Seconds the first line of a group waits for others; a sync for each would be slower for all."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One trial on its way to disk."""

    trace: bytes
    trial: bytes
    done: "asyncio.Future[None]"


@dataclass(slots=True)
class RunWriter:
    """Appends trials to a run folder; a thread writes and syncs them in groups."""

    folder: Path
    """The run folder; no other writer has it."""
    done: frozenset[tuple[str, int]]
    """Case and number of the trials that were on disk when the folder was opened."""
    notes: tuple[str, ...]
    """What was found and repaired when the folder was opened."""
    _loop: asyncio.AbstractEventLoop
    _traces: FileIO
    _trials: FileIO
    _lines: "queue.SimpleQueue[_Line | None]" = field(default_factory=queue.SimpleQueue)
    _thread: threading.Thread | None = None
    _failed: InputError | None = None
    _written: bytearray = field(default_factory=bytearray)
    """A digest of every line of the traces, one behind the other."""

    def append(self, trace: Trace, result: TrialResult) -> "asyncio.Future[None]":
        """Write a trial behind all others.

        Both records are turned into bytes at once; nothing of them is kept.

        Returns:
            A future that is done when the trial is safe on disk, or carries an `InputError` when
            the disk is full or gone.
        """
        done: asyncio.Future[None] = self._loop.create_future()
        if self._failed is not None:
            done.set_exception(self._failed)
            return done
        line = _trace_line(trace)
        self._written += fingerprint(line)
        self._lines.put(_Line(line, _trial_line(result), done))
        return done

    def traces(self, wanted: Container[tuple[str, int]] | None = None) -> Iterator[Trace]:
        """Yield traces as they were written, in the order in which trials ended.

        Args:
            wanted: Case and number of the trials to read; null: all.

        Raises:
            DataError: The file is not what was written.
        """
        return checked_traces(self.folder, bytes(self._written), wanted)

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._write, name="evalgate-store", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Bring everything to disk and end the thread."""
        self._lines.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _write(self) -> None:
        for group in self._groups():
            self._write_group(group)

    def _groups(self) -> Iterator[list[_Line]]:
        """Yield all lines that wait, at least one at a time, until the end."""
        over = False
        while not over:
            group: list[_Line] = []
            size = 0
            item = self._lines.get()
            if item is not None:
                time.sleep(_LINGER_S)
            while item is not None:
                group.append(item)
                size += len(item.trace)
                if size > _GROUP_BYTES or self._lines.empty():
                    break
                item = self._lines.get()
            over = item is None
            if group:
                yield group

    def _write_group(self, group: list[_Line]) -> None:
        """Write a group, traces first, so that a trial on disk always has its trace."""
        error = self._failed
        if error is None:
            error = _append(self._traces, b"".join(line.trace for line in group))
        if error is None:
            error = _append(self._trials, b"".join(line.trial for line in group))
        self._failed = error
        self._loop.call_soon_threadsafe(_settle, group, error)


def _settle(group: list[_Line], error: InputError | None) -> None:
    """Tell everyone who waits for a line of this group; runs in the event loop."""
    for line in group:
        if line.done.done():
            continue
        if error is None:
            line.done.set_result(None)
        else:
            line.done.set_exception(error)


def _append(file: FileIO, data: bytes) -> InputError | None:
    """Write and sync; on failure take back what was written of it, and return the error."""
    before = os.fstat(file.fileno()).st_size
    view = memoryview(data)
    try:
        while view:
            view = view[file.write(view) :]
        _sync(file.fileno())
    except OSError as error:
        with suppress(OSError):  # else the torn line is left out when the file is read
            os.ftruncate(file.fileno(), before)
        return InputError(
            f"{file.name}: cannot be written: {error.strerror}",
            fix="free some space and continue with `evalgate run --resume`; "
            "every trial that was reported is on disk",
        )
    return None


def _trace_line(trace: Trace) -> bytes:
    text = trace.__pydantic_serializer__.to_json(trace, by_alias=True, exclude_none=True)
    return text + b"\n"


def _trial_line(result: TrialResult) -> bytes:
    return trial_lines().dump_json(result, exclude_none=True) + b"\n"


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the lock of a run folder; the system gives it back when the process dies.

    Raises:
        InputError: Another run writes there.
    """
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{folder}: another run is writing there",
                    fix="wait for it to end, or start a run of its own without --resume",
                ) from None
        yield
    finally:
        os.close(descriptor)


@asynccontextmanager
async def create_run(runs: Path, manifest: Manifest) -> AsyncIterator[RunWriter]:
    """Make the folder of a new run and write to it.

    Args:
        runs: Folder of the run folders.
        manifest: What is run; `run_id` is the folder's name, with a number where it is taken.

    Raises:
        InputError: The folder cannot be made.
    """
    folder = _make_folder(runs, manifest.run_id)
    with _held(folder):
        write_manifest(folder, manifest.model_copy(update={"run_id": folder.name}))
        async with _writing(folder, frozenset(), ()) as writer:
            yield writer


def _make_folder(runs: Path, run_id: str) -> Path:
    folder = runs / run_id
    try:
        runs.mkdir(parents=True, exist_ok=True)
        for folder_up in (runs, *runs.parents):
            if folder_up.name == ".evalgate":
                hidden_folder(folder_up.parent, folder_up.name)
    except OSError as error:
        raise InputError(f"{runs}: cannot be made: {error.strerror}") from error
    for number in count(2):
        try:
            folder.mkdir()
            break
        except FileExistsError:  # two runs start in one millisecond
            folder = runs / f"{run_id}-{number}"
        except OSError as error:
            raise InputError(f"{folder}: cannot be made: {error.strerror}") from error
    return folder


@asynccontextmanager
async def resume_run(folder: Path) -> AsyncIterator[RunWriter]:
    """Go on with a run that was cut off; `done` of the writer says what need not be run again.

    Raises:
        DataError: The folder is no run folder, or was edited.
        InputError: Another run writes there.
    """
    read_manifest(folder)
    with _held(folder):
        done, notes = _cut_torn_tails(folder)
        async with _writing(folder, done, notes) as writer:
            yield writer


@asynccontextmanager
async def _writing(
    folder: Path, done: frozenset[tuple[str, int]], notes: tuple[str, ...]
) -> AsyncIterator[RunWriter]:
    loop = asyncio.get_running_loop()
    with _appending(folder / TRACES) as traces, _appending(folder / TRIALS) as trials:
        writer = RunWriter(folder, done, notes, loop, traces, trials)
        writer._written += fingerprints(folder)  # noqa: SLF001  # of an earlier session
        writer.start()
        try:
            yield writer
        finally:
            await writer.close()


def _appending(path: Path) -> FileIO:
    """Open a file to append to, without a buffer.

    Raises:
        InputError: It cannot be opened.
    """
    try:
        return FileIO(path, "ab")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def _cut_torn_tails(folder: Path) -> tuple[frozenset[tuple[str, int]], tuple[str, ...]]:
    """Cut off what a kill left behind, and return the trials that are whole."""
    trials = [(result.case_id, result.trial) for result in iter_trials(folder)]
    traces = [(trace.case_id, trace.trial) for trace in iter_traces(folder)]
    if trials != traces:
        raise DataError(
            f"{folder}: {TRIALS} and {TRACES} do not hold the same trials in the same order",
            fix="the folder was edited; start a new run",
        )
    notes = []
    for name in (TRIALS, TRACES):
        path = folder / name
        if not path.exists():
            continue
        whole, size = whole_bytes(path, len(trials)), path.stat().st_size
        if whole < size:
            os.truncate(path, whole)
            notes.append(f"{path}: cut off {size - whole} bytes that a killed run left behind")
    return frozenset(trials), tuple(notes)
