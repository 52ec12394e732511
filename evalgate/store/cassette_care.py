"""Keeping cassettes fit for review: what is left over, what leaks, how large they are."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from evalgate.errors import DataError
from evalgate.schema.cassette import CallEntry, ToolEntry, TrialEntry
from evalgate.store.cassettes import (
    Cassette,
    Entry,
    cassette_path,
    read_cassette,
    write_cassette,
)
from evalgate.store.plain import read_plain
from evalgate.text.counts import number_of
from evalgate.text.escape import terminal
from evalgate.text.redact import Redactor

_SHOWN = 100
"""Characters of a text that one line shows."""

Used = Callable[[str, CallEntry | ToolEntry], bool]
"""Case and line: whether a replay of the suite asks for it."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What pruning takes away, or would."""

    files: tuple[Path, ...]
    """Cassettes of cases that are gone."""
    entries: int
    """Lines in the cassettes that stay."""
    freed: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Something in a cassette that looks like a secret; never the secret itself."""

    path: Path
    """The cassette."""
    line: int
    """Line, from 1."""
    kind: str
    """What it looks like, e.g. `openai-key`."""


def cassettes_in(directory: Path) -> list[Path]:
    """List the cassettes of a folder; none where there is no folder."""
    return sorted(path for path in directory.glob("*.jsonl") if not path.name.startswith("."))


def prune(
    directory: Path,
    case_ids: Collection[str],
    *,
    trials: int | None = None,
    used: Used | None = None,
    dry_run: bool = False,
) -> Pruned:
    """Take away what no replay of the suite can ask for.

    Args:
        directory: Folder of the cassettes.
        case_ids: The cases there are; cassettes of others go.
        trials: Trials a case; lines of later ones go. None: all stay.
        used: Says which lines a replay asked for; the others go. None: all stay.
        dry_run: Only say what would go.

    Returns:
        What goes.

    Raises:
        DataError: A cassette that stays cannot be read.
    """
    kept_paths = {cassette_path(directory, case_id) for case_id in case_ids}
    gone = tuple(path for path in cassettes_in(directory) if path not in kept_paths)
    freed = sum(path.stat().st_size for path in gone)
    entries = 0
    for path in sorted(kept_paths):
        if path.exists():
            dropped, size = _prune_file(path, trials, used, dry_run=dry_run)
            entries += dropped
            freed += size
    if not dry_run:
        for path in gone:
            path.unlink(missing_ok=True)
    return Pruned(gone, entries, freed)


def _prune_file(
    path: Path, trials: int | None, used: Used | None, *, dry_run: bool
) -> tuple[int, int]:
    before = read_cassette(path)
    everything = before.entries
    kept = [
        entry
        for entry in everything
        if (trials is None or entry.trial < trials)
        and (used is None or _is_used(before, entry, used))
    ]
    if len(kept) == len(everything):
        return 0, 0
    lines = read_plain(path).splitlines(keepends=True)
    average = sum(map(len, lines)) / len(lines)
    size = path.stat().st_size
    dropped = len(everything) - len(kept)
    if dry_run:
        return dropped, round(average * dropped)
    write_cassette(path, before.header, kept)
    return dropped, size - path.stat().st_size


def _is_used(cassette: Cassette, entry: Entry, used: Used) -> bool:
    return isinstance(entry, TrialEntry) or used(cassette.header.case_id, entry)


def scan(directory: Path, redactor: Redactor) -> tuple[Leak, ...]:
    """Look for secrets that recordings still hold.

    Args:
        directory: Folder of the cassettes.
        redactor: What a secret is; built from today's environment and patterns.

    Returns:
        The leaks, by file and line; files are searched as text, broken ones too.
    """
    return tuple(
        Leak(path, number, secret.kind)
        for path in cassettes_in(directory)
        for number, line in enumerate(read_plain(path).split(b"\n"), start=1)
        for secret in redactor.scan(line.decode(errors="replace"))
    )


def check_size(directory: Path, max_bytes: int) -> int:
    """Hold a folder of cassettes to its budget.

    Args:
        directory: Folder of the cassettes.
        max_bytes: The budget.

    Returns:
        Bytes that they take.

    Raises:
        DataError: They take more; the largest are named.
    """
    sizes = sorted(
        ((path.stat().st_size, path.name) for path in cassettes_in(directory)), reverse=True
    )
    total = sum(size for size, _ in sizes)
    if total > max_bytes:
        largest = ", ".join(f"{name} ({size:,} bytes)" for size, name in sizes[:3])
        raise DataError(
            f"{directory}: the cassettes take {total:,} bytes, the budget is {max_bytes:,}; the "
            f"largest: {largest}",
            fix="evalgate cassette prune, record fewer trials, or raise gateway.max_bytes",
        )
    return total


def show(path: Path) -> tuple[str, ...]:
    """Describe a cassette, one line a recorded response, safe for a terminal.

    Args:
        path: The cassette.

    Raises:
        DataError: It cannot be read.
    """
    cassette = read_cassette(path)
    header = cassette.header
    source = f", answered by {header.source}" if header.source else ""
    lines = [f"case {header.case_id}: {number_of(len(cassette.calls), 'response')}{source}"]
    lines += [_line(entry) for entry in cassette.calls]
    lines += [_tool_line(entry) for entry in cassette.tools]
    lines += [f"trial {trial.trial} took {trial.duration:g} s" for trial in cassette.trials]
    return tuple(terminal(line, limit=400) for line in (*lines, *cassette.warnings))


def _line(entry: CallEntry) -> str:
    messages = entry.request.get("messages")
    depth = len(messages) if isinstance(messages, list) else 0
    last = str(messages[-1])[:_SHOWN] if isinstance(messages, list) and messages else "-"
    kind = "stream" if entry.response.chunks is not None else str(entry.response.status)
    return (
        f"trial {entry.trial} +{entry.start:.3f}s {entry.end - entry.start:.3f}s "
        f"{entry.key[7:15]}#{entry.order} {entry.request.get('wire')} "
        f"{entry.request.get('model')} {kind} {number_of(depth, 'message')}, last: {last}"
    )


def _tool_line(entry: ToolEntry) -> str:
    request = entry.request
    if entry.error is not None:
        outcome = f"failed: {entry.error.message}"
    elif entry.response is not None:
        outcome = f"{entry.response.status}"
    else:
        outcome = str(entry.result)
    return (
        f"trial {entry.trial} +{entry.start:.3f}s {entry.end - entry.start:.3f}s "
        f"{entry.key[7:15]}#{entry.order} tool {request.get('tool')} "
        f"{str(request.get('arguments'))[:_SHOWN]} -> {outcome[:_SHOWN]}"
    )
