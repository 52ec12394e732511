"""Opens regular files only: a device or a pipe has no end, or waits for ever."""

import errno
import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO, Final

_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def open_plain(path: Path) -> BinaryIO:
    """Open a regular file for reading; links to one are followed.

    Raises:
        OSError: It cannot be read, is a folder, a device, a pipe or a socket, or holds a NUL.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "the path holds a NUL", str(path))
    descriptor = os.open(path, _FLAGS | getattr(os, "O_BINARY", 0))
    mode = os.fstat(descriptor).st_mode
    if S_ISREG(mode):
        return open(descriptor, "rb")  # noqa: PTH123  # a descriptor has no Path
    os.close(descriptor)
    if S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is a device, a pipe or a socket, not a file", str(path))


def read_plain(path: Path) -> bytes:
    """Read a regular file as `open_plain` opens it."""
    with open_plain(path) as file:
        return file.read()
