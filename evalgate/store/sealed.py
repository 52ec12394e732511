"""Files of one case each, in lines sealed by a digest: cassettes and verdicts.

A digest at the end of a line tells a torn or edited line from a whole one; a case's file has a
name of its own, and one writer at a time.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows has no flock; there, two writers of one case are not kept apart
    fcntl = None  # type: ignore[assignment]


_MARK: Final = b',"digest":"sha256:'
_TAIL: Final = len(_MARK) + 64 + len(b'"}')
_UNSAFE: Final = re.compile(r"[^a-z0-9._-]+")
_LONGEST: Final = 80


class SealBroken(ValueError):  # says what a line is
    """A line is torn or was edited; the message continues "the line ..."."""


def case_file(directory: Path, case_id: str) -> Path:
    """Return where the file of a case lies; two cases never share one."""
    slug = _UNSAFE.sub("-", case_id.lower()).strip(".-")[:_LONGEST]
    if slug != case_id:
        slug = f"{slug}-{sha256(case_id.encode()).hexdigest()[:8]}".lstrip("-")
    return directory / f"{slug}.jsonl"


def seal(body: bytes) -> bytes:
    """Close an object that lacks its last brace: the digest over its bytes, brace and newline."""
    return body + _MARK + sha256(body).hexdigest().encode() + b'"}\n'


def unseal(line: bytes) -> bytes:
    """Return the object of a line without its digest.

    Raises:
        SealBroken: The digest is missing or does not fit.
    """
    body, tail = line[:-_TAIL], line[-_TAIL:]
    if not tail.startswith(_MARK) or not tail.endswith(b'"}'):
        raise SealBroken("has no digest at its end: it is torn, or was not written by evalgate")
    if sha256(body).hexdigest().encode() != tail[len(_MARK) : -2]:
        raise SealBroken("does not match its digest: it was edited after it was recorded")
    return body + b"}"


def is_whole(line: bytes) -> bool:
    """Say whether a line has the digest that fits it."""
    try:
        unseal(line)
    except SealBroken:
        return False
    return True


def hidden_folder(directory: Path, name: str) -> Path:
    """Make a folder inside another that git leaves alone.

    Raises:
        OSError: It cannot be made.
    """
    folder = directory / name
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; waits for whoever holds it.

    Raises:
        OSError: It cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
