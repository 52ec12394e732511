"""The child's side of an isolated Python agent: imports it once, then answers one question a time.

Frames go over a socket that nothing else knows, in both directions: one byte that says what it
is, number of the question, length, body (JSON). What the agent prints goes to the ordinary
streams and never meets them. Standard library only, so that a worker starts fast.
"""

import asyncio
import atexit
import json
import os
import queue
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from evalgate.agents.agent_input import AgentCase, Context
from evalgate.agents.calling import Asking, Callee, adapt
from evalgate.agents.load import load_object
from evalgate.agents.place import described
from evalgate.agents.plain import NotPlain, encode
from evalgate.agents.watch import Watch
from evalgate.errors import AgentLoadError

HEADER: Final = struct.Struct(">cII")
"""Kind, number of the question, length of the body."""

QUESTION: Final = b"Q"
READY: Final = b"R"
NOT_LOADED: Final = b"L"
OUTPUT: Final = b"O"
FAILED: Final = b"F"
EXITED: Final = b"X"
"""Failed, and the worker ends: the agent called `sys.exit`."""

OPENED: Final = b"N"
"""What the agent opened and connected to since the last answer; the answer follows."""

_GRACE_S: Final = 1.0
"""Seconds to clean up after the parent is gone."""

_LEFTOVER_S: Final = 0.2
"""Seconds that tasks a trial left behind have to end."""


def main() -> None:
    """Serve the socket whose number is the last argument, until the parent closes it."""
    descriptor = int(sys.argv[-1])
    os.set_inheritable(descriptor, False)  # noqa: FBT003  # it takes no keyword
    channel = socket.socket(fileno=descriptor)
    # registered before the agent's own exit handlers, so it comes after them
    atexit.register(os.killpg, 0, signal.SIGKILL)
    frames: queue.SimpleQueue[tuple[bytes, int, bytes] | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(channel, frames), daemon=True).start()
    first = frames.get()
    if first is None:
        return
    settings = json.loads(first[2])
    watch = Watch(settings["watch"])
    sys.addaudithook(watch.heard)
    callee = _loaded(channel, settings, watch)
    if callee is None:
        return
    with asyncio.Runner() as runner:
        before: frozenset[str] = frozenset()
        while (frame := frames.get()) is not None:
            question = json.loads(frame[2])
            for stale in before - question["context"]["env"].keys():
                os.environ.pop(stale, None)
            before = frozenset(question["context"]["env"])
            kind, body = _answer(callee, question, settings["limit"], runner, watch)
            _tell(channel, frame[1], watch)
            _send(channel, kind, frame[1], body)
            if kind == EXITED:
                return


def _listen(
    channel: socket.socket, frames: "queue.SimpleQueue[tuple[bytes, int, bytes] | None]"
) -> None:
    """Read frames; when the parent is gone, end the whole group after a moment."""
    while (header := _receive(channel, HEADER.size)) is not None:
        kind, number, length = HEADER.unpack(header)
        body = _receive(channel, length)
        if body is None:
            break
        frames.put((kind, number, body))
    frames.put(None)
    time.sleep(_GRACE_S)
    os.killpg(0, signal.SIGKILL)


def _receive(channel: socket.socket, size: int) -> bytes | None:
    """Return exactly so many bytes; null at the end."""
    parts = bytearray()
    while len(parts) < size:
        try:
            part = channel.recv(min(size - len(parts), 1 << 20))
        except OSError:
            return None
        if not part:
            return None
        parts += part
    return bytes(parts)


def _send(channel: socket.socket, kind: bytes, number: int, body: str) -> None:
    data = body.encode()
    channel.sendall(HEADER.pack(kind, number, len(data)) + data)


def _tell(channel: socket.socket, number: int, watch: Watch) -> None:
    """Say what was opened since the last time."""
    if watch.everything:
        _send(channel, OPENED, number, json.dumps(watch.taken()))


def _loaded(channel: socket.socket, settings: dict[str, Any], watch: Watch) -> Callee | None:
    """Import the agent and say so, or say why not."""
    target = settings["target"]
    try:
        callee = adapt(
            load_object(target, Path(settings["root"])),
            target,
            Asking(settings["input_key"], settings["output_key"], settings["limit"]),
        )
    except AgentLoadError as error:
        _tell(channel, 0, watch)
        body = json.dumps({"message": error.message + watch.about(error), "fix": error.fix})
        _send(channel, NOT_LOADED, 0, body)
        return None
    _tell(channel, 0, watch)
    _send(channel, READY, 0, json.dumps({"is_async": callee.is_async}))
    return callee


def _answer(
    callee: Callee,
    question: dict[str, Any],
    limit: int,
    runner: asyncio.Runner,
    watch: Watch,
) -> tuple[bytes, str]:
    """Ask the agent, and return what to send: every way to fail becomes a frame."""
    case = AgentCase.from_json(question["case"])
    context = Context(**question["context"])
    os.environ.update(context.env)
    try:
        value = callee.call(case, context)
        if hasattr(value, "__await__"):
            value = runner.run(_awaited(value))
        return OUTPUT, encode(callee.read(value, case), limit)
    except NotPlain as error:
        return FAILED, _failure("bad_output", str(error))
    except SystemExit as error:
        return EXITED, _failure("crashed", f"the agent called sys.exit({error.code!r})")
    except BaseException as error:  # noqa: BLE001  # code of the user, which may raise anything
        return FAILED, _failure("crashed", described(error, watch.about(error)))


async def _awaited(value: Any) -> object:  # noqa: ANN401  # what the user's function returned
    """Await an answer, and end the tasks the agent leaves behind: they belong to this trial."""
    try:
        return await value
    finally:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=_LEFTOVER_S)


def _failure(status: str, reason: str) -> str:
    return json.dumps({"status": status, "reason": reason})
