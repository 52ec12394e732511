"""Starts an agent's processes, and ends them with all they started.

One launcher runs beside the gate, small and without its memory or secrets. For each process it
forks a guard, which starts the process behind its wall and waits. The guard is a subreaper: what
leaves its group or session, or wipes its environment, still comes back to it. When the process is
over, or the gate asks, or the gate is gone, however it ended, the guard kills what is left.

Run as a program; standard library only.
"""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from typing import Any, Final, NoReturn

from evalgate.agents.sandbox import kernel
from evalgate.agents.sandbox.watch import Watched

HEADER: Final = struct.Struct(">ci")
"""Kind of a message, and a number: process id, exit code, `errno`, or size of what follows."""

STARTED: Final = b"S"
REFUSED: Final = b"R"
OPENED: Final = b"O"
"""What the process was seen to open: JSON follows."""
EXITED: Final = b"E"

CHANNEL: Final = 3
"""Number under which a process finds its channel to the gate."""

_KILLING_S: Final = 5.0
"""Seconds in which processes that keep starting others must be over."""

_LOOK_MS: Final = 5
"""Milliseconds between two looks at what a watched process has open."""


def main() -> None:
    """Serve the socket whose number is the last argument, until the gate is gone."""
    channel = socket.socket(fileno=int(sys.argv[-1]))
    kernel.set_undumpable()
    kernel.set_subreaper()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        data, descriptors, _, _ = socket.recv_fds(channel, 1, 8)
        if not data:
            break
        if os.fork() == 0:
            try:
                channel.close()
                _guard(descriptors)
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
    # the guards have seen it, too, and end by themselves; what outlived its guard does not
    _wait_for_guards()
    _kill_all()


def _wait_for_guards() -> None:
    until = time.monotonic() + _KILLING_S
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)
        except ChildProcessError:
            return


def _guard(descriptors: list[int]) -> None:
    """Start one process, and wait until it is over or may no longer run."""
    control, *streams = descriptors
    with socket.socket(fileno=control) as gate, contextlib.suppress(BrokenPipeError):
        asked = _asked(gate)
        if asked is None:
            return
        for number in (signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        kernel.set_subreaper()
        pid, code = _started(asked, streams)
        if code:
            gate.sendall(HEADER.pack(REFUSED, code))
            return
        gate.sendall(HEADER.pack(STARTED, pid))
        watched = Watched() if asked["watch"] else None
        status = _over(gate, pid, watched)
        _kill_all(pid)
        if watched is not None:
            seen = json.dumps(watched.found()).encode()
            gate.sendall(HEADER.pack(OPENED, len(seen)) + seen)
        gate.sendall(HEADER.pack(EXITED, status))


def _asked(gate: socket.socket) -> dict[str, Any] | None:
    """Read what to start; null where the gate is gone."""
    head = gate.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return None
    size = int.from_bytes(head)
    data = gate.recv(size, socket.MSG_WAITALL)
    if len(data) < size:
        return None
    asked: dict[str, Any] = json.loads(data)
    return asked


def _started(asked: dict[str, Any], streams: list[int]) -> tuple[int, int]:
    """Fork and execute; return the process id, and `errno` where that failed."""
    reading, writing = os.pipe()
    guard = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(asked, streams, writing, guard)
    os.close(writing)
    for stream in streams:
        os.close(stream)
    failed = os.read(reading, 4)
    os.close(reading)
    if failed:
        os.waitpid(pid, 0)
    return pid, int.from_bytes(failed)


def _become(asked: dict[str, Any], streams: list[int], told: int, guard: int) -> NoReturn:
    """Turn this process into what was asked for."""
    try:
        os.setsid()
        kernel.tie_to_parent(signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        top = os.sysconf("SC_OPEN_MAX")
        os.closerange(len(streams), told)
        os.closerange(told + 1, min(top, 1 << 20))
        os.chdir(asked["cwd"])
        _limit(asked["max_memory"])
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        if asked["wall"] is not None:
            kernel.restrict(asked["wall"])
        os.execve(asked["command"][0], asked["command"], asked["environment"])  # noqa: S606
    except OSError as error:
        os.write(told, (error.errno or 1).to_bytes(4))
    finally:
        os._exit(127)


def _limit(max_memory: int | None) -> None:
    """Leave no core dumps; bound the private memory: address space only reserved is free."""
    import resource  # noqa: PLC0415  # not on every system

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if max_memory is not None and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (max_memory, max_memory))


def _over(gate: socket.socket, pid: int, watched: Watched | None) -> int:
    """Wait until the process is over, or the gate lets go of it; return its exit code."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)  # it takes no keyword
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    wait = select.poll()
    wait.register(gate, select.POLLIN | select.POLLHUP)
    wait.register(woken, select.POLLIN)
    while True:
        status = _reaped(pid)
        if status is not None:
            return status
        ready = dict(wait.poll(None if watched is None else _LOOK_MS))
        if watched is not None:
            watched.look(descendants())
        if gate.fileno() in ready:
            # the whole group in one blow, before any of it sees another die
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            status = _reaped(pid, wait=True)
            return -signal.SIGKILL if status is None else status
        if woken in ready:
            os.read(woken, 4096)


def _reaped(pid: int, *, wait: bool = False) -> int | None:
    """Take leave of all children that are over; return the exit code of the one that matters."""
    code = None
    if wait:
        with contextlib.suppress(ChildProcessError):
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if ended == 0:
            return code
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)


def _kill_all(group: int | None = None) -> None:
    """Kill everything below this process; whatever loses its parent becomes a child of it."""
    if group is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    until = time.monotonic() + _KILLING_S
    while time.monotonic() < until:
        for pid in descendants():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.001)
        except ChildProcessError:
            return


def descendants() -> list[int]:
    """Name the processes below this one, nearest first (Linux; elsewhere the group must do)."""
    children: dict[int, list[int]] = {}
    try:
        entries = os.listdir("/proc")  # noqa: PTH208  # pathlib is slow to import
    except OSError:
        return []
    for entry in entries:
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry))
    found = list(children.get(os.getpid(), ()))
    for pid in found:
        found += children.get(pid, ())
    return found


if __name__ == "__main__":
    main()
