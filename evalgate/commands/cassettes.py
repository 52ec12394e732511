"""Keeps a suite's cassettes fit for review: shows, prunes and scans them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from evalgate.errors import DataError
from evalgate.store.cassette_care import Leak, check_size, prune, scan, show
from evalgate.store.cassettes import cassette_path
from evalgate.store.golden import load_golden
from evalgate.suite.suite import Suite
from evalgate.text.redact import Redactor

__all__ = ["find_leaks", "prune_suite", "show_cases"]


def show_cases(suite: Suite, cases: tuple[str, ...]) -> Iterator[str]:
    """Describe the cassettes of some cases, or of all.

    Raises:
        DataError: A cassette is missing or not readable.
    """
    wanted = cases or tuple(case.id for case in load_golden(suite.golden).cases)
    for name in wanted:
        path = cassette_path(suite.cassettes, name)
        if path.exists():
            yield from show(path)
        elif cases:
            raise DataError(
                f"{path}: case {name!r} is not recorded",
                fix=f"evalgate run {suite.asked} --record-missing --case {name}",
            )


def prune_suite(suite: Suite, *, dry_run: bool) -> Iterator[str]:
    """Take away recordings of cases and trials that the suite has no more."""
    ids = {case.id for case in load_golden(suite.golden).cases}
    done = prune(suite.cassettes, ids, trials=suite.config.trials, dry_run=dry_run)
    verb = "would remove" if dry_run else "removed"
    for path in done.files:
        yield f"{verb} {path}"
    yield f"{suite.name}: {verb} {len(done.files)} files and {done.entries} lines, {done.freed} B"
    gateway = suite.config.gateway
    if gateway is not None:
        yield f"{suite.name}: {check_size(suite.cassettes, gateway.max_bytes):,} bytes are left"


def find_leaks(suite: Suite, environ: Mapping[str, str]) -> tuple[Leak, ...]:
    """Look for secrets that recordings still hold."""
    if not Path(suite.cassettes).is_dir():
        return ()
    return scan(suite.cassettes, Redactor.build(environ, patterns=suite.config.redact))
