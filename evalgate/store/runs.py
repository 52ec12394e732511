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
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from evalgate.errors import DataError
from evalgate.schema.report_text import report_text
from evalgate.schema.result import Manifest, Report, ReportSet
from evalgate.store.atomic import write_text
from evalgate.store.plain import read_plain
from evalgate.store.problems import first_problem
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


def last_runs(runs: Path, suites: Sequence[str]) -> tuple[Path, ...]:
    """Return the run folders of the newest command, oldest first: one for each of its suites.

    Args:
        runs: Folder of the run folders.
        suites: The suites of the configuration, in the order in which a command runs them.
    """
    found: list[Path] = []
    newest, later = None, len(suites)
    for folder in reversed(list_runs(runs)):
        manifest = read_manifest(folder)
        place = suites.index(manifest.suite) if manifest.suite in suites else len(suites)
        if found and (manifest.command is None or manifest.command != newest or place >= later):
            break
        found.append(folder)
        newest, later = manifest.command, place
    return tuple(reversed(found))


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
        raise DataError(f"{path}: {first_problem(error)}") from None
