"""What a running program has open, as `/proc` shows it; for `--sandbox=learn`."""

import os
from collections.abc import Iterable
from typing import Final

_TCP: Final = ("tcp", "tcp6")
_SYN_SENT_OR_ESTABLISHED: Final = (b"01", b"02")


class Watched:
    """Collects files and remote ports that processes were seen with."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._read: set[str] = set()
        self._write: set[str] = set()
        self._connect: set[int] = set()

    def found(self) -> dict[str, list[str] | list[int]]:
        """Return all that was seen: paths read, paths written, ports connected to."""
        return {
            "read": sorted(self._read),
            "write": sorted(self._write),
            "connect": sorted(self._connect),
        }

    def look(self, pids: Iterable[int]) -> None:
        """Look at processes once."""
        for pid in pids:
            sockets = self._files(pid)
            self._mapped(pid)
            if sockets:
                self._peers(pid, sockets)

    def _files(self, pid: int) -> set[bytes]:
        sockets: set[bytes] = set()
        folder = f"/proc/{pid}/fd"
        try:
            numbers = os.listdir(folder)  # noqa: PTH208  # pathlib is slow to import
        except OSError:
            return sockets
        for number in numbers:
            try:
                target = os.readlink(f"{folder}/{number}")  # noqa: PTH115
                if target.startswith("socket:["):
                    sockets.add(target[8:-1].encode())
                if not target.startswith("/"):
                    continue
                with open(f"/proc/{pid}/fdinfo/{number}", "rb") as file:  # noqa: PTH123
                    flags = int(file.read().partition(b"flags:")[2].split()[0], 8)
            except (OSError, IndexError, ValueError):
                continue
            (self._write if flags & os.O_ACCMODE else self._read).add(target)
        return sockets

    def _mapped(self, pid: int) -> None:
        try:
            with open(f"/proc/{pid}/maps", "rb") as file:  # noqa: PTH123
                lines = file.read().splitlines()
        except OSError:
            return
        paths = {os.fsdecode(line.split(maxsplit=5)[5]) for line in lines if b"/" in line}
        self._read.update(path for path in paths if path.startswith("/"))

    def _peers(self, pid: int, sockets: set[bytes]) -> None:
        for table in _TCP:
            try:
                with open(f"/proc/{pid}/net/{table}", "rb") as file:  # noqa: PTH123
                    rows = [line.split() for line in file.read().splitlines()[1:]]
            except OSError:
                continue
            for row in rows:
                if row[3] in _SYN_SENT_OR_ESTABLISHED and row[9] in sockets:
                    self._connect.add(int(row[2].rpartition(b":")[2], 16))
