"""What a Python agent opens and connects to, as the interpreter's audit events tell.

Runs in worker processes; standard library only.
"""

import errno
import os
from collections.abc import Iterator

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGING = frozenset(
    ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "sqlite3.connect")
)
_UNIX, _DATAGRAM = 1, 2
_LOCAL = ("", "localhost", "127.0.0.1", "::1")
_SIGNALLING = frozenset(("os.kill", "os.killpg"))
_LISTING = frozenset(("os.listdir", "os.scandir"))


class Watch:
    """Listens to audit events; keeps the last connection, and all of them where asked to."""

    def __init__(self, everything: bool) -> None:  # noqa: FBT001  # its one setting
        """Keep `everything`, or only what a refusal is explained with."""
        self.everything = everything
        self._last = ""
        self._read: set[str] = set()
        self._listed: set[str] = set()
        self._write: set[str] = set()
        self._connect: set[int] = set()
        self._sockets: set[str] = set()

    def heard(self, event: str, arguments: tuple[object, ...]) -> None:
        """Take one event."""
        if event.startswith("socket."):
            self._socket(event, arguments)
        elif event in _SIGNALLING:
            self._last = f"signalling process {arguments[0]}"
        elif self.everything and arguments and isinstance(arguments[0], str | bytes):
            self._opened(event, arguments[0], *arguments[1:3])

    def _socket(self, event: str, arguments: tuple[object, ...]) -> None:
        match event, arguments:
            case "socket.connect", (_, (str(host), int(port), *_)):
                self._last = f"connecting to {host}:{port}"
                self._connect.add(port)
            case "socket.connect", (_, str() | bytes()):
                self._sockets.add("unix")
            case "socket.__new__", (_, int(family), int(kind), *_):
                if family == _UNIX:
                    self._last = "opening a UNIX socket"
                elif kind & 0xF == _DATAGRAM:
                    self._last = "opening a UDP socket"
                    self._sockets.add("udp")
            case "socket.getaddrinfo", (str(host), *_) if host not in _LOCAL:
                self._sockets.add("udp")

    def _opened(
        self, event: str, path: str | bytes, mode: object = None, flags: object = None
    ) -> None:
        if event == "open":
            by_mode = isinstance(mode, str) and any(letter in mode for letter in "wax+")
            by_flags = mode is None and isinstance(flags, int) and flags & _WRITING
            self._note(path, self._write if by_mode or by_flags else self._read)
        elif event in _LISTING:
            self._note(path, self._listed)
        elif event in _CHANGING:
            self._note(path, self._write)

    def _note(self, path: str | bytes, kept: set[str]) -> None:
        if path in ("", b"", ":memory:"):
            return
        full = os.path.realpath(os.fsdecode(path))
        # what is not there is only looked for; what is written may be made
        if kept is self._write or os.path.exists(full):  # noqa: PTH110  # pathlib is slow to import
            kept.add(full)

    def taken(self) -> dict[str, list[str] | list[int]]:
        """Return what was opened since the last time."""
        found: dict[str, list[str] | list[int]] = {
            "read": sorted({*self._read, *(f"{folder}/" for folder in self._listed)}),
            "write": sorted(self._write),
            "connect": sorted(self._connect),
            "sockets": sorted(self._sockets),
        }
        self._read.clear()
        self._listed.clear()
        self._write.clear()
        self._connect.clear()
        self._sockets.clear()
        return found

    def about(self, error: BaseException) -> str:
        """Add the refusal that lies behind an error, with its path or its host and port."""
        for one in _behind(error):
            if not isinstance(one, OSError) or one.errno not in (errno.EACCES, errno.EPERM):
                continue
            if one.filename is not None:
                return "" if one is error else f" (behind it: {one})"
            if self._last:
                return f" ({self._last}: {one})"
        return ""


def _behind(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came from."""
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [one.__context__, one.__cause__]
        if isinstance(one, BaseExceptionGroup):
            todo += one.exceptions
