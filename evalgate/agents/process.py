"""Processes of an agent: started in a group of their own, and ended with all they started.

Ending kills the group, and every process that carries the mark of the agent in its environment:
on Linux that finds children that left the group (`setsid`). One that also wiped its environment
gets away, and a process that kills us cannot be kept from it: both run as the same user.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from evalgate.agents.environment import MARK

__all__ = ["Process", "Tail", "ended_how", "start_process"]

_TAIL_BYTES: Final = 8_192
_TAIL_SHOWN: Final = 1_500


class Tail(asyncio.Protocol):
    """Keeps the end of a stream, and enough of its start where asked; the rest is let go."""

    def __init__(self, keep_start: int = 0) -> None:
        """Keep up to `keep_start` bytes from the start, and the last few kilobytes."""
        self.start = bytearray()
        self.size = 0
        self.ended = asyncio.get_running_loop().create_future()
        self._keep_start = keep_start
        self._end = bytearray()

    def data_received(self, data: bytes) -> None:
        """Take a piece of the stream."""
        self.size += len(data)
        room = self._keep_start - len(self.start)
        if room > 0:
            self.start += data[:room]
        self._end += data
        if len(self._end) > 2 * _TAIL_BYTES:
            del self._end[:-_TAIL_BYTES]

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end of the stream."""
        del exc
        if not self.ended.done():
            self.ended.set_result(None)

    def text(self) -> str:
        """Return the end of the stream as text."""
        return bytes(self._end[-_TAIL_BYTES:]).decode("utf-8", "replace").strip()[-_TAIL_SHOWN:]


@dataclass(slots=True)
class Process:
    """A running process and what it wrote."""

    popen: "subprocess.Popen[bytes]"
    """The process."""
    mark: str
    """What its descendants carry in their environment."""
    stdout: Tail
    """Its standard output."""
    stderr: Tail
    """Its standard error."""
    exited: "asyncio.Future[int]"
    """Done with the exit code when the process is over, whoever still holds its pipes."""
    transports: list[asyncio.BaseTransport] = field(default_factory=list)
    """Open ends of its pipes."""

    def kill(self) -> None:
        """End the process and all that it started, at once."""
        strays = _marked(self.mark)
        if self.popen.returncode is None or not strays:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, signal.SIGKILL)
        for pid in {*strays, *_marked(self.mark)}:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    async def end(self) -> int:
        """Kill what is left, wait for the process, close its pipes; return the exit code."""
        self.kill()
        code = await asyncio.shield(self.exited)
        for transport in self.transports:
            transport.close()
        return code


def ended_how(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"signal {-code} ({signal.Signals(-code).name})"
    return f"signal {-code}"


async def start_process(  # noqa: PLR0913  # all are keywords, and each is a fact of its own
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    channel: socket.socket | None = None,
    stdin: int = subprocess.DEVNULL,
    keep_output: int = 0,
    max_memory: int | None = None,
) -> Process:
    """Start a process in a session and group of its own.

    Args:
        command: Program and arguments.
        environment: All of its environment.
        cwd: Where it runs.
        channel: A socket it inherits under its own number.
        stdin: Its standard input.
        keep_output: Bytes of standard output that are kept.
        max_memory: Bytes of memory it, and each process it starts, may use; null: no limit.

    Raises:
        OSError: It cannot be started.
    """
    loop = asyncio.get_running_loop()
    mark = f"{os.getpid()}-{token_hex(8)}"
    outputs = [os.pipe(), os.pipe()]
    try:
        popen = subprocess.Popen(  # noqa: ASYNC220, S603  # returns once the program is loaded
            command,
            stdin=stdin,
            stdout=outputs[0][1],
            stderr=outputs[1][1],
            env={**environment, MARK: mark},
            cwd=cwd,
            start_new_session=True,
            pass_fds=() if channel is None else (channel.fileno(),),
        )
    except OSError:
        _close(read_end for read_end, _ in outputs)
        raise
    finally:
        _close(write_end for _, write_end in outputs)
    if max_memory is not None:
        _limit_memory(popen.pid, max_memory)
    exited = _watch(popen, loop)
    process = Process(popen, mark, Tail(keep_output), Tail(), exited)
    process.transports.append(await _read(outputs[0][0], process.stdout, loop))
    process.transports.append(await _read(outputs[1][0], process.stderr, loop))
    return process


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


async def _read(
    descriptor: int, tail: Tail, loop: asyncio.AbstractEventLoop
) -> asyncio.BaseTransport:
    file = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(_same(tail), file)
    return transport


def _limit_memory(pid: int, size: int) -> None:
    """Bound the private memory of a process: address space that is only reserved is free."""
    if sys.platform == "linux":
        import resource  # noqa: PLC0415  # not on every system

        with suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))


def _same(tail: Tail) -> Any:  # noqa: ANN401  # a factory of protocols
    return lambda: tail


def _watch(
    popen: "subprocess.Popen[bytes]", loop: asyncio.AbstractEventLoop
) -> "asyncio.Future[int]":
    """Return a future that has the exit code when the process is over."""
    exited: asyncio.Future[int] = loop.create_future()

    def settle(code: int) -> None:
        if not exited.done():
            exited.set_result(code)

    if hasattr(os, "pidfd_open"):
        with suppress(OSError):
            descriptor = os.pidfd_open(popen.pid)

            def ready() -> None:
                loop.remove_reader(descriptor)
                os.close(descriptor)
                settle(popen.wait())

            loop.add_reader(descriptor, ready)
            return exited

    def wait() -> None:
        code = popen.wait()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, code)

    threading.Thread(target=wait, name=f"evalgate-wait-{popen.pid}", daemon=True).start()
    return exited


def _marked(mark: str) -> set[int]:
    """Return the processes that carry the mark (Linux; elsewhere the group must do)."""
    wanted = f"{MARK}={mark}".encode()
    found: set[int] = set()
    try:
        entries = [entry.name for entry in Path("/proc").iterdir()]
    except OSError:
        return found
    for entry in entries:
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:  # noqa: PTH123  # a hot loop
                environment = file.read()
        except OSError:
            continue
        if wanted in environment.split(b"\0"):
            found.add(int(entry))
    return found
