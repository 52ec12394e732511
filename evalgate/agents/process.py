"""Processes of an agent: started by the launcher, each with a guard that ends all it started."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from evalgate.agents.sandbox.launcher import EXITED, HEADER, OPENED, REFUSED
from evalgate.agents.sandbox.places import PACKAGE
from evalgate.agents.sandbox.policy import Observed, Policy

_PATIENCE_S: Final = 8.0
"""Seconds that a guard has to end what it guards."""

_TAIL_BYTES: Final = 8_192
_TAIL_SHOWN: Final = 1_500

_BOOTSTRAP: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from evalgate.agents.sandbox.launcher import main; main()"
)

_PYTHON: Final = (sys.executable, "-I", "-S", "-X", "utf8", "-c")


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

    pid: int
    """Its id."""
    stdout: Tail
    stderr: Tail
    """Its standard error."""
    exited: "asyncio.Future[int]"
    """Done with the exit code when the process, and all that it started, is over."""
    control: asyncio.StreamWriter
    """Our end of the guard's socket: closing it ends the process."""
    observed: list[Observed] = field(default_factory=list)
    """What it was seen to open, once it is over, where that was asked for."""
    transports: list[asyncio.BaseTransport] = field(default_factory=list)
    """Open ends of its pipes."""
    follower: "asyncio.Task[None] | None" = None
    """Waits for the guard's word."""

    async def end(self) -> int:
        """Kill what is left, wait for the process, close its pipes; return the exit code."""
        if not self.exited.done():
            with suppress(OSError, RuntimeError):
                self.control.write_eof()
        await asyncio.wait((self.exited,), timeout=_PATIENCE_S)
        if not self.exited.done():  # somebody stopped its guard
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self.exited.set_result(-signal.SIGKILL)
        code = self.exited.result()
        self.control.close()
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


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts processes for us, from a small process that has none of our memory."""

    channel: socket.socket
    """Our end of its socket; when it closes, all processes end."""
    popen: "subprocess.Popen[bytes]"

    async def start(  # noqa: PLR0913  # all are keywords, and each is a fact of its own
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path,
        channel: socket.socket | None = None,
        stdin: int | None = None,
        keep_output: int = 0,
        max_memory: int | None = None,
        wall: Policy | None = None,
        watch: bool = False,
    ) -> Process:
        """Start a process in a session and group of its own.

        Args:
            command: Path of a program, and arguments.
            environment: All of its environment.
            cwd: Where it runs.
            channel: A socket it finds as descriptor 3.
            stdin: Its standard input; null: an empty one.
            keep_output: Bytes of standard output that are kept.
            max_memory: Bytes of memory it, and each process it starts, may use; null: no limit.
            wall: What it may reach; null: whatever its user may.
            watch: Whether to note what it opens.

        Raises:
            OSError: It cannot be started.
        """
        loop = asyncio.get_running_loop()
        outputs = [os.pipe(), os.pipe()]
        ours, theirs = socket.socketpair()
        empty = os.open(os.devnull, os.O_RDONLY)
        given = [theirs.fileno(), empty if stdin is None else stdin, outputs[0][1], outputs[1][1]]
        try:
            socket.send_fds(
                self.channel, [b"x"], given if channel is None else [*given, channel.fileno()]
            )
        except OSError:
            ours.close()
            _close(reading for reading, _ in outputs)
            raise
        finally:
            theirs.close()
            _close((empty, *(writing for _, writing in outputs)))
        asked = {
            "command": list(command),
            "environment": dict(environment),
            "cwd": str(cwd),
            "max_memory": max_memory,
            "wall": None if wall is None else wall.to_json(),
            "watch": watch,
        }
        reader, control = await asyncio.open_connection(sock=ours)
        try:
            pid = await _introduced(reader, control, asked)
        except BaseException:
            control.close()
            _close(reading for reading, _ in outputs)
            raise
        process = Process(pid, Tail(keep_output), Tail(), loop.create_future(), control)
        process.follower = asyncio.create_task(_follow(reader, process))
        process.transports.append(await _read(outputs[0][0], process.stdout, loop))
        process.transports.append(await _read(outputs[1][0], process.stderr, loop))
        return process

    def close(self) -> None:
        """End every process that is left."""
        self.channel.close()
        try:
            self.popen.wait(timeout=2 * _PATIENCE_S)
        except subprocess.TimeoutExpired:  # somebody stopped it
            self.popen.kill()
            self.popen.wait()


def open_launcher() -> Launcher:
    """Start the launcher.

    Raises:
        OSError: It cannot be started.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        popen = subprocess.Popen(  # noqa: S603  # our own program
            (*_PYTHON, _BOOTSTRAP, PACKAGE, str(theirs.fileno())),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
            pass_fds=(theirs.fileno(),),
        )
    return Launcher(ours, popen)


async def _introduced(
    reader: asyncio.StreamReader, control: asyncio.StreamWriter, asked: Mapping[str, object]
) -> int:
    """Tell the guard what to start; return the process id."""
    data = json.dumps(asked).encode()
    control.write(len(data).to_bytes(4) + data)
    try:
        await control.drain()
        kind, number = HEADER.unpack(await reader.readexactly(HEADER.size))
    except (asyncio.IncompleteReadError, ConnectionError):
        raise ChildProcessError(0, "its guard is gone") from None
    if kind == REFUSED:
        raise OSError(number, os.strerror(number))
    return int(number)


async def _follow(reader: asyncio.StreamReader, process: Process) -> None:
    """Wait for the end of a process; a guard that says nothing was killed, its process with it."""
    code = -signal.SIGKILL
    try:
        kind, number = HEADER.unpack(await reader.readexactly(HEADER.size))
        if kind == OPENED:
            process.observed.append(
                Observed.from_json(json.loads(await reader.readexactly(number)))
            )
            kind, number = HEADER.unpack(await reader.readexactly(HEADER.size))
        if kind == EXITED:
            code = number
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        if not process.exited.done():
            process.exited.set_result(code)


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


async def _read(
    descriptor: int, tail: Tail, loop: asyncio.AbstractEventLoop
) -> asyncio.BaseTransport:
    file = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(_same(tail), file)
    return transport


def _same(tail: Tail) -> Any:  # noqa: ANN401  # a factory of protocols
    return lambda: tail
