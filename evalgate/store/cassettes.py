"""Cassette files: strict reading, journals that survive a kill, and merges that never tear.

A recording first goes to a journal of its own, `DIR/.recording/NAME.TRIAL.ID.jsonl`: every line is
one `write` on a descriptor opened for appending, and is on disk when the call returns. When the
trial ends, the journal is merged into `DIR/NAME.jsonl` under a lock and by an atomic rename, so
that the reviewed file is at any moment either the old one or the new one.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from evalgate.errors import DataError, InputError
from evalgate.schema.cassette import (
    SCHEMA,
    CallEntry,
    CallPart,
    CassetteHeader,
    ToolEntry,
    TrialEntry,
)
from evalgate.store.atomic import write_bytes
from evalgate.store.plain import open_plain, read_plain
from evalgate.store.sealed import (
    SealBroken,
    case_file,
    hidden_folder,
    is_whole,
    locked,
    seal,
    unseal,
)

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

try:
    import fcntl
except ImportError:  # Windows has no flock; there, two recorders of one case are not kept apart
    fcntl = None  # type: ignore[assignment]


JOURNALS = ".recording"
"""Folder of the journals and locks inside a folder of cassettes."""

Entry = CallEntry | ToolEntry | TrialEntry
"""One line of a cassette after the header."""

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)
_CALL = re.compile(rb'\{"kind":"(?:call|tool)","trial":(\d+)')
_RERECORD = "record the case again, or restore the file from git"


@dataclass(frozen=True, slots=True)
class Cassette:
    """A cassette as it was read."""

    header: CassetteHeader
    """Which case, and what answered."""
    calls: tuple[CallEntry, ...]
    """The recorded responses, in the order of the file."""
    trials: tuple[TrialEntry, ...]
    """The trials that were recorded to their end."""
    warnings: tuple[str, ...] = ()
    """What was left out, in words."""
    recordings: Mapping[int, str] = field(default_factory=dict)
    """Digest of what is recorded of each trial."""
    tools: tuple[ToolEntry, ...] = ()
    """The recorded calls of tools, in the order of the file."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every line after the header."""
        return (*self.calls, *self.tools, *self.trials)


def cassette_path(directory: Path, case_id: str) -> Path:
    """Return where the cassette of a case lies; two cases never share a file."""
    return case_file(directory, case_id)


def encode_header(header: CassetteHeader) -> bytes:
    """Write the first line, with its newline."""
    return header.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"


def encode_entry(entry: Entry) -> bytes:
    """Write one line with the digest over its bytes, and its newline."""
    data = entry.model_dump_json(exclude_defaults=True, exclude_none=False)
    body = f'{{"kind":"{entry.kind}",{data[1:-1]}'.encode()
    return seal(body)


def cassette_digests(directory: Path) -> dict[Path, bytes]:
    """Digest every cassette of a folder as it is now; journals are none.

    Raises:
        DataError: One cannot be read.
    """
    try:
        return {path: sha256(read_plain(path)).digest() for path in directory.glob("*.jsonl")}
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from error


def read_cassette(path: Path, sealed: bytes | None = None) -> Cassette:
    """Read one cassette strictly.

    Args:
        path: The file.
        sealed: SHA-256 of the bytes it had when the run began; null: it may be any.

    Returns:
        Its content. A torn last line (one without its newline that does not hold) is left out,
        with a warning.

    Raises:
        DataError: The file cannot be read, is of a newer version, or a line was edited, torn in
            the middle, or recorded twice; with file and line.
    """
    try:
        data = read_plain(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", fix=_RERECORD) from error
    if sealed is not None and sha256(data).digest() != sealed:
        raise rewritten(path)
    lines = data.split(b"\n")
    torn_from = len(lines) if lines[-1] == b"" else len(lines) - 1
    first = lines[0].rstrip(b"\r")
    if torn_from == 0 and not _is_header(first):
        warning = f"{path}: only the torn beginning of a header; nothing is recorded here"
        return Cassette(CassetteHeader(case_id="?"), (), (), (warning,))
    header = _header(first, path)
    calls: list[CallEntry] = []
    tools: list[ToolEntry] = []
    trials: list[TrialEntry] = []
    warnings: list[str] = []
    for number, line in enumerate(lines[1:], start=2):
        text = line.rstrip(b"\r")
        if not text:
            continue
        if number - 1 >= torn_from and not is_whole(text):
            warnings.append(f"{path}:{number}: the torn last line was left out")
            continue
        entry = _entry(text, path, number)
        if isinstance(entry, CallEntry):
            calls.append(entry)
        elif isinstance(entry, ToolEntry):
            tools.append(entry)
        else:
            trials.append(entry)
    _refuse_doubles([*calls, *tools], trials, path)
    digests = recording_digests(lines)
    return Cassette(header, tuple(calls), tuple(trials), tuple(warnings), digests, tuple(tools))


def rewritten(path: Path) -> DataError:
    """Return the error of a cassette that changed while it was replayed."""
    return DataError(
        f"{path}: is not what it was when the run began: something rewrote it meanwhile",
        fix="run again with --sandbox, which keeps agents from recordings",
    )


def recording_digests(lines: Iterable[bytes]) -> dict[int, str]:
    """Fingerprint what is recorded of each trial, 8 hexadecimal digits.

    Args:
        lines: The lines of a cassette, in its order; only recorded calls count.
    """
    found: dict[int, HASH] = {}
    for line in lines:
        call = _CALL.match(line)
        if call is not None:
            found.setdefault(int(call[1]), sha256()).update(line.rstrip(b"\r") + b"\n")
    return {trial: digest.hexdigest()[:8] for trial, digest in found.items()}


def _is_header(line: bytes) -> bool:
    try:
        CassetteHeader.model_validate_json(line)
    except ValidationError:
        return False
    return True


def _header(line: bytes, path: Path) -> CassetteHeader:
    try:
        return CassetteHeader.model_validate_json(line)
    except ValidationError as error:
        found = re.match(rb'\{"schema": ?"evalgate\.cassette/(\d{1,9})"', line)
        if found and int(found[1]) > int(SCHEMA.rpartition("/")[2]):
            raise DataError(
                f"{path}:1: format evalgate.cassette/{found[1].decode()} is newer than this "
                f"version of evalgate reads ({SCHEMA})",
                fix="update evalgate",
            ) from error
        shown = line[:60].decode(errors="replace")
        raise DataError(
            f"{path}:1: expected the header of a cassette ({SCHEMA}), found {shown!r}",
            fix=_RERECORD,
        ) from error


def _entry(line: bytes, path: Path, number: int) -> Entry:
    try:
        body = unseal(line)
    except SealBroken as problem:
        raise DataError(f"{path}:{number}: the line {problem}", fix=_RERECORD) from None
    try:
        if body.startswith(b'{"kind":"call"'):
            return CallEntry.model_validate_json(body)
        if body.startswith(b'{"kind":"tool"'):
            return ToolEntry.model_validate_json(body)
        return _ENTRY.validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path}:{number}: {where}: {first['msg']}, found {first['input']!r:.80}",
            fix=_RERECORD,
        ) from error


def _refuse_doubles(
    calls: Sequence[CallEntry | ToolEntry], trials: list[TrialEntry], path: Path
) -> None:
    seen = Counter((_part(call), call.trial, call.key, call.order) for call in calls)
    if len(seen) != len(calls):
        (_, trial, key, order), _ = seen.most_common(1)[0]
        raise DataError(
            f"{path}: trial {trial}, request {key[:19]}, order {order} is recorded more than "
            "once: two recordings were merged",
            fix="keep the file of one side, then record the case again",
        )
    doubled = [n for n, count in Counter(t.trial for t in trials).items() if count > 1]
    if doubled:
        raise DataError(
            f"{path}: trial {doubled[0]} ends more than once: two recordings were merged",
            fix="keep the file of one side, then record the case again",
        )


def _part(entry: CallEntry | ToolEntry) -> CallPart:
    return entry.part if isinstance(entry, CallEntry) else "agent"


def _sort_key(entry: Entry) -> tuple[int, int, int, str, str, int]:
    if isinstance(entry, TrialEntry):
        return (entry.trial, 2, 0, "", "", 0)
    if isinstance(entry, ToolEntry):
        return (entry.trial, 1, 0, "", entry.key, entry.order)
    messages = entry.request.get("messages")
    depth = len(messages) if isinstance(messages, list) else 0
    return (entry.trial, 0, depth, entry.part, entry.key, entry.order)


def write_cassette(path: Path, header: CassetteHeader, entries: Iterable[Entry]) -> bytes:
    """Replace a cassette as a whole, sorted: the old file or the new one, never a mixture.

    Returns:
        The SHA-256 of what it holds now.

    Raises:
        DataError: The file cannot be written; the old one stands.
    """
    lines = [encode_entry(entry) for entry in sorted(entries, key=_sort_key)]
    data = encode_header(header) + b"".join(lines)
    try:
        write_bytes(path, data)
    except InputError as error:
        raise DataError(error.message, fix=error.fix) from error
    return sha256(data).digest()


def _journals(directory: Path) -> Path:
    return hidden_folder(directory, JOURNALS)


class Recording:
    """The journal of one trial that is being recorded. Not for use by two threads at once."""

    def __init__(
        self,
        directory: Path,
        header: CassetteHeader,
        trial: int,
        unique: str,
        sealed: dict[Path, bytes] | None = None,
    ) -> None:
        """Open the journal.

        Args:
            directory: Folder of the cassettes; made if need be.
            header: Header of the case's cassette.
            trial: Number of the trial, from 0.
            unique: A text no other recorder uses, fit for a file name.
            sealed: SHA-256 of every cassette as this run knows it, kept up to date; a cassette that
                is another is not merged with. Null: it may be any.

        Raises:
            DataError: The journal cannot be opened.
        """
        self._directory = directory
        self._header = header
        self._trial = trial
        self._sealed = sealed
        self._written = sha256()
        try:
            folder = _journals(directory)
            self._path = folder / f"{case_file(folder, header.case_id).stem}.{trial}.{unique}.jsonl"
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND
            self._descriptor = os.open(self._path, flags, 0o644)
        except OSError as error:
            raise DataError(f"{directory}: cannot record here: {error.strerror}") from error
        if fcntl is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._write(encode_header(header))

    def _write(self, line: bytes) -> None:
        try:
            written = os.write(self._descriptor, line)
            if written != len(line):
                raise DataError(f"{self._path}: the disk is full; the recording is incomplete")
            os.fsync(self._descriptor)
            self._written.update(line)
        except OSError as error:
            raise DataError(f"{self._path}: cannot be written: {error.strerror}") from error

    @property
    def is_first(self) -> bool:
        """Say whether the case has no cassette yet."""
        return not cassette_path(self._directory, self._header.case_id).exists()

    def append(self, entry: Entry) -> None:
        """Put one line on disk.

        Raises:
            DataError: The disk is full or gone.
        """
        self._write(encode_entry(entry))

    def commit(self, *, replace: bool) -> Path:
        """Merge the journal into the case's cassette and remove it.

        Args:
            replace: Whether older lines of this trial go (record), or stay (auto).

        Returns:
            The cassette.

        Raises:
            DataError: The cassette that is there cannot be read, or not be written, or something
                else wrote to it or to the journal.
        """
        path = cassette_path(self._directory, self._header.case_id)
        with locked(_journals(self._directory) / f"{path.stem}.lock"):
            # Read again from disk: a long recording is not held in memory.
            made = read_cassette(self._path, self._written.digest())
            old = self._old(path)
            digest = _merge(path, self._header, self._trial, old, made.entries, replace=replace)
            if self._sealed is not None:
                self._sealed[path] = digest
        self.abandon()
        return path

    def _old(self, path: Path) -> Cassette | None:
        """Read the case's cassette, which must be the one that this run knows."""
        sealed = None if self._sealed is None else self._sealed.get(path)
        if self._sealed is not None and (sealed is None) == path.exists():
            raise rewritten(path)
        return read_cassette(path, sealed) if path.exists() else None

    def abandon(self) -> None:
        """Remove the journal without merging it."""
        os.close(self._descriptor)
        self._path.unlink(missing_ok=True)


def _merge(
    path: Path,
    header: CassetteHeader,
    trial: int,
    old: Cassette | None,
    entries: Sequence[Entry],
    *,
    replace: bool,
) -> bytes:
    kept: list[Entry] = []
    if old is not None:
        kept = [entry for entry in old.entries if not (replace and entry.trial == trial)]
    if any(isinstance(entry, TrialEntry) for entry in entries):
        kept = [e for e in kept if not (isinstance(e, TrialEntry) and e.trial == trial)]
    return write_cassette(path, header, [*kept, *entries])


def recover(directory: Path) -> tuple[str, ...]:
    """Merge what killed recorders left behind, for trials of which nothing else is recorded.

    Args:
        directory: Folder of the cassettes.

    Returns:
        One line in words for each journal that was found.

    Raises:
        DataError: A journal or its cassette was edited, or cannot be written.
    """
    folder = directory / JOURNALS
    notes: list[str] = []
    for journal in sorted(folder.glob("*.jsonl")) if folder.is_dir() else []:
        with open_plain(journal) as file:
            if fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
            notes.append(_recover_one(directory, journal))
            journal.unlink(missing_ok=True)
    return tuple(notes)


def _recover_one(directory: Path, journal: Path) -> str:
    left = read_cassette(journal)
    made: list[CallEntry | ToolEntry] = [*left.calls, *left.tools]
    if not made:
        return f"{journal.name}: nothing was recorded before the recorder was killed"
    trial = made[0].trial
    path = cassette_path(directory, left.header.case_id)
    with locked(_journals(directory) / f"{path.stem}.lock"):
        old = read_cassette(path) if path.exists() else None
        if old is not None and trial in _recorded_trials(old):
            return f"{journal.name}: dropped, {path.name} has a recording of trial {trial}"
        _merge(path, left.header, trial, old, left.entries, replace=True)
    return f"{journal.name}: {len(made)} calls of trial {trial} saved to {path.name}"


def _recorded_trials(cassette: Cassette) -> set[int]:
    return {call.trial for call in cassette.calls} | {call.trial for call in cassette.tools}
