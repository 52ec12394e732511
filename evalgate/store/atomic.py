"""Writing a file whole or not at all."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Final

from evalgate.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: what a killed write leaves stays there
    fcntl = None  # type: ignore[assignment]


TEMPORARY: Final = ".evalgate-tmp"
"""Folder of files that are being written, beside what they become."""

_ATTEMPTS: Final = 100

_REASONS: Final = {
    errno.ENOSPC: ("the disk is full", "free some space and run the command again"),
    errno.EDQUOT: ("the disk quota is used up", "free some space and run the command again"),
    errno.EROFS: ("the file system is read-only", "write to another folder"),
    errno.EACCES: ("permission denied", "check the permissions of the folder"),
    errno.EPERM: ("permission denied", "check the permissions of the folder"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter name"),
    errno.EISDIR: ("it is a folder", "name a file"),
    errno.ENOTDIR: ("a part of the path is no folder", "check the path"),
    errno.EEXIST: ("a part of the path is no folder", "check the path"),
}


def write_text(path: Path, text: str) -> None:
    """Write a text file so that a crash, a full disk or a reader never sees half of it.

    The text goes to a new file in the same folder, is flushed to the disk and takes the place of
    the old file in one step. Folders that are missing are made. A symbolic link is followed: the
    file it names is replaced and the link stays.

    Args:
        path: The file.
        text: UTF-8 text; line breaks are written as they are.

    Raises:
        InputError: The file cannot be written; the old one is untouched.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        bad = text[error.start]
        message = f"{path} was not written: character {bad!r} at {error.start} is no Unicode text"
        raise InputError(message) from error
    write_bytes(path, data)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file as `write_text` does.

    Args:
        path: The file.
        data: Its content.

    Raises:
        InputError: The file cannot be written; the old one is untouched.
    """
    try:
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, data)
    except OSError as error:
        default = (error.strerror or str(error), "check the path")
        reason, fix = _REASONS.get(error.errno or 0, default)
        untouched = "; the old file is untouched" if path.is_file() else ""
        raise InputError(f"{path} cannot be written: {reason}{untouched}", fix=fix) from error


def _replace(target: Path, data: bytes) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            _written(target, data)
            break
        except (FileNotFoundError, FileExistsError):  # another writer took the folder of both away
            if attempt + 1 == _ATTEMPTS:
                raise
    _sync_folder(target.parent)


def _written(target: Path, data: bytes) -> None:
    with _waiting_room(target.parent) as room:
        new = room / f"{target.name[:100]}.{token_hex(8)}"
        # Opened by hand: a mode of 0o666 less the umask, where tempfile would make it private.
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no Path
                if fcntl is not None:  # until it is renamed, it is nobody's to clean up
                    fcntl.flock(file, fcntl.LOCK_EX)
                file.write(data)
                file.flush()
                with contextlib.suppress(FileNotFoundError):
                    new.chmod(target.stat().st_mode & 0o7777)
                os.fsync(file.fileno())
                new.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                new.unlink()
            raise


@contextlib.contextmanager
def _waiting_room(folder: Path) -> Iterator[Path]:
    """Make a folder for files that are not whole yet, which git ignores; gone when it is empty.

    What a killed write left in it goes with it.
    """
    room = folder / TEMPORARY
    room.mkdir(exist_ok=True)
    ignore = room / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    try:
        yield room
    finally:
        with contextlib.suppress(OSError):
            if all(_is_left_behind(path) for path in room.iterdir() if path != ignore):
                shutil.rmtree(room)


def _is_left_behind(path: Path) -> bool:
    """Say whether no writer holds a file."""
    if fcntl is None:
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Make the new name durable, where the file system lets a folder be synced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
