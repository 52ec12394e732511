"""Writing a file whole or not at all."""

import contextlib
import errno
import os
from pathlib import Path
from secrets import token_hex
from typing import Final

from evalgate.errors import InputError

__all__ = ["write_bytes", "write_text"]

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
    new = target.with_name(f".{target.name[:100]}.{token_hex(8)}")
    # Opened by hand: a mode of 0o666 less the umask, where tempfile would make it private.
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no Path
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
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable, where the file system lets a folder be synced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
