"""Isolated Python agents: reusable worker processes, one trial at a time each."""

import asyncio
import json
import logging
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from evalgate.agents.agent_input import AgentCase
from evalgate.agents.base import Context, Opening, TrialFailed
from evalgate.agents.environment import agent_environment
from evalgate.agents.plain import too_large
from evalgate.agents.process import Launcher, Process, ended_how, open_launcher
from evalgate.agents.sandbox.launcher import CHANNEL
from evalgate.agents.sandbox.places import PACKAGE
from evalgate.agents.sandbox.policy import Observed
from evalgate.agents.sandbox.room import Room, open_room
from evalgate.agents.trial import run_trial
from evalgate.agents.worker import (
    EXITED,
    FAILED,
    HEADER,
    NOT_LOADED,
    OPENED,
    OUTPUT,
    QUESTION,
    READY,
)
from evalgate.errors import AgentLoadError
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace

_log = logging.getLogger(__name__)

_LOAD_S: Final = 120.0
"""Seconds an agent has to be imported."""

_GRACE_S: Final = 1.0
"""Seconds a worker has to end by itself when it is no longer needed."""

_SMALL: Final = 100_000
"""Largest frame in bytes beside an output: a failure and its reason."""

_BOOTSTRAP: Final = (
    "import sys; sys.path.append(sys.argv[1]); from evalgate.agents.worker import main; main()"
)


class _GarbageError(Exception):
    """What came over the channel is no frame of ours."""


@dataclass(slots=True)
class _Worker:
    """A living worker process and our end of its channel."""

    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    room: Room
    after: ExitStack
    """What is left to do once it is over."""
    asked: int = 0

    async def send(self, kind: bytes, number: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.writer.write(HEADER.pack(kind, number, len(data)) + data)
        await self.writer.drain()

    async def receive(self, number: int, limit: int) -> tuple[bytes, bytes]:
        """Return kind and body of the next answer; what the agent opened is noted on the way."""
        kind, body = await self._frame(number, limit)
        while kind == OPENED:
            if self.room.learn is None:
                raise _GarbageError
            self.room.learn(Observed.from_json(json.loads(body)))
            kind, body = await self._frame(number, limit)
        return kind, body

    async def _frame(self, number: int, limit: int) -> tuple[bytes, bytes]:
        """Return kind and body of the next frame.

        Raises:
            _GarbageError: It is no frame, or none that answers this question.
            TrialFailed: It is larger than an output may be.
        """
        kind, answered, length = HEADER.unpack(await self.reader.readexactly(HEADER.size))
        known = (READY, NOT_LOADED, OUTPUT, FAILED, EXITED, OPENED)
        if kind not in known or answered != number:
            raise _GarbageError
        if length > (limit if kind in (OUTPUT, OPENED) else _SMALL):
            raise TrialFailed("bad_output", too_large(length, limit))
        return kind, await self.reader.readexactly(length)

    async def end(self) -> int:
        """Kill the worker with all it started."""
        self.writer.transport.abort()
        code = await self.process.end()
        _log.info("worker process %d was ended (%d)", self.process.pid, code)
        self.after.close()
        return code

    async def close(self) -> None:
        """Let the worker end by itself for a moment, then kill what is left."""
        self.writer.close()
        await asyncio.wait((self.process.exited,), timeout=_GRACE_S)
        await self.process.end()
        self.after.close()


@dataclass(slots=True)
class _Slot:
    """A place for one worker."""

    index: int
    worker: _Worker | None = None


@dataclass(slots=True)
class PoolAgent:
    """A Python agent in worker processes."""

    opening: Opening
    slots: tuple[_Slot, ...]
    """Places for workers."""
    launcher: Launcher
    """Starts their processes."""
    is_async: bool = False
    """Whether the agent is async, so that it could run in our loop."""
    trials: int | None = None
    """As many as are asked for."""
    free: "asyncio.LifoQueue[_Slot]" = field(default_factory=asyncio.LifoQueue)
    """Places where no trial runs, those with a living worker first."""

    @property
    def config(self) -> AgentConfig:
        """The agent's configuration."""
        return self.opening.config

    async def run(self, case: Case, context: Context) -> Trace:
        """Do one trial in the next free worker; waiting for one does not count as its time."""
        slot = await self.free.get()
        try:
            seen = self._seen(slot, context)
            unready = await self._made_ready(slot, seen)

            async def ask(question: AgentCase, left: float) -> bytes:
                if unready is not None:
                    raise unready
                return await self._ask(slot, question, seen, left)

            return await run_trial(
                case,
                context,
                ask,
                clock=self.opening.clock,
                trust_reported=self.config.trust_reported,
            )
        finally:
            self.free.put_nowait(slot)

    async def close(self) -> None:
        """End every worker."""
        workers = [slot.worker for slot in self.slots if slot.worker is not None]
        for slot in self.slots:
            slot.worker = None
        await asyncio.gather(*(worker.close() for worker in workers))
        self.launcher.close()

    def _seen(self, slot: _Slot, context: Context) -> Context:
        """Return the context as the worker sees it, endpoint switched."""
        slots = self.opening.slots
        switched = context if slots is None else slots.switch(slot.index, context)
        return replace(switched, env={**self.config.env, **switched.env})

    async def _made_ready(self, slot: _Slot, context: Context) -> TrialFailed | None:
        """Start the slot's worker where none lives; return why that failed."""
        if slot.worker is not None and not slot.worker.process.exited.done():
            return None
        if slot.worker is not None:
            await slot.worker.end()
        try:
            slot.worker, self.is_async = await _start(
                self.opening, self.launcher, slot.index, context.env
            )
        except AgentLoadError as error:
            return TrialFailed("crashed", f"the agent could not be started again: {error.message}")
        return None

    async def _ask(self, slot: _Slot, question: AgentCase, context: Context, left: float) -> bytes:
        """Ask the worker one question; one that does not answer as it should is ended."""
        worker = slot.worker
        if worker is None:
            raise TrialFailed("crashed", "the agent's process is gone")
        try:
            async with asyncio.timeout(left):
                return await self._exchange(slot, worker, question, context)
        except TrialFailed as failed:
            raise TrialFailed(failed.status, worker.room.explain(failed.reason)) from None
        except TimeoutError:
            await self._drop(slot)
            reason = f"no answer after {left:g} s (timeout_s); its process was killed"
            raise TrialFailed("timed_out", reason) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            await asyncio.wait((worker.process.exited,), timeout=_GRACE_S)
            code = await self._drop(slot)
            raise TrialFailed("crashed", worker.room.explain(_gone(code, worker))) from None
        except _GarbageError:
            await self._drop(slot)
            reason = "the agent wrote garbage to the channel of its worker process"
            raise TrialFailed("bad_output", reason) from None
        except asyncio.CancelledError:
            await self._drop(slot)
            raise

    async def _exchange(
        self, slot: _Slot, worker: _Worker, question: AgentCase, context: Context
    ) -> bytes:
        worker.asked += 1
        body = {"case": question.to_json(), "context": asdict(context)}
        await worker.send(QUESTION, worker.asked, body)
        try:
            kind, answer = await worker.receive(worker.asked, self.config.max_output_bytes)
        except TrialFailed:
            await self._drop(slot)
            raise
        if kind == OUTPUT:
            return answer
        if kind == EXITED:
            await self._drop(slot)
        if kind not in (FAILED, EXITED):
            raise _GarbageError
        raise _failure(answer)

    async def _drop(self, slot: _Slot) -> int:
        worker, slot.worker = slot.worker, None
        return 0 if worker is None else await worker.end()


def _failure(body: bytes) -> TrialFailed:
    """Read the worker's word that the agent failed."""
    try:
        data = json.loads(body)
        status, reason = data["status"], str(data["reason"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _GarbageError from None
    if status not in ("crashed", "bad_output"):
        raise _GarbageError
    return TrialFailed(status, reason)


def _gone(code: int, worker: _Worker) -> str:
    said = worker.process.stderr.text()
    tail = f"; its last words: {said}" if said else ""
    return f"the agent's process ended with {ended_how(code)} before it answered{tail}"


async def _start(
    opening: Opening, launcher: Launcher, slot: int, env: Mapping[str, str]
) -> tuple[_Worker, bool]:
    """Start a worker and let it import the agent; say whether that is async.

    Raises:
        AgentLoadError: It cannot be started or imported.
    """
    with ExitStack() as stack:
        own = {} if opening.slots is None else opening.slots.environment(slot)
        room = stack.enter_context(
            open_room(opening.sandbox, opening.root, own.get("EVALGATE_MCP_CONFIG"))
        )
        extra = {**env, **room.environment, "PYTHONUNBUFFERED": "1", **own}
        process, ours = await _launched(opening, launcher, room, extra)
        reader, writer = await asyncio.open_connection(sock=ours)
        process.exited.add_done_callback(
            lambda _: asyncio.get_running_loop().call_later(0.2, writer.transport.abort)
        )
        worker = _Worker(process, reader, writer, room, stack.pop_all())
    _log.info("worker process %d imports %s", process.pid, opening.config.run)
    try:
        return worker, await _introduced(worker, opening)
    except BaseException:
        await worker.end()
        raise


async def _launched(
    opening: Opening, launcher: Launcher, room: Room, extra: Mapping[str, str]
) -> tuple[Process, socket.socket]:
    """Start a worker's process; return it and our end of its channel."""
    command = [*room.before, sys.executable, "-P", "-c", _BOOTSTRAP, PACKAGE, str(CHANNEL)]
    ours, theirs = socket.socketpair()
    try:
        process = await launcher.start(
            command,
            environment=agent_environment(opening.environ, opening.config, extra),
            cwd=opening.root,
            channel=theirs,
            max_memory=opening.config.max_memory_bytes,
            wall=room.wall,
        )
    except OSError as error:
        ours.close()
        raise AgentLoadError(
            f"python:{opening.target}: no process could be started in {opening.root}: "
            f"{error.strerror}"
        ) from error
    finally:
        theirs.close()
    return process, ours


async def _introduced(worker: _Worker, opening: Opening) -> bool:
    """Tell the worker what to import, and wait until it has."""
    config, target = opening.config, opening.target
    settings = {
        "target": target,
        "root": str(opening.root),
        "input_key": config.input_key,
        "output_key": config.output_key,
        "limit": config.max_output_bytes,
        "watch": worker.room.learn is not None,
    }
    try:
        async with asyncio.timeout(_LOAD_S):
            await worker.send(QUESTION, 0, settings)
            kind, body = await worker.receive(0, _SMALL)
            data = json.loads(body)
    except TimeoutError:
        raise AgentLoadError(
            f"python:{target}: importing it took more than {_LOAD_S:g} s"
        ) from None
    except (asyncio.IncompleteReadError, ConnectionError):
        code = await worker.end()
        said = worker.process.stderr.text()
        raise AgentLoadError(
            f"python:{target}: its process ended with {ended_how(code)} while it was imported"
            + (f": {worker.room.explain(said)}" if said else "")
        ) from None
    except (_GarbageError, TrialFailed, ValueError, RecursionError):
        raise AgentLoadError(
            f"python:{target}: it writes to the channel of its worker process when imported"
        ) from None
    if kind == NOT_LOADED:
        raise AgentLoadError(worker.room.explain(str(data["message"])), fix=data["fix"])
    return bool(data["is_async"])


async def open_pool(opening: Opening) -> PoolAgent:
    """Make the places for workers and start the first, which shows that the agent can be loaded.

    Raises:
        AgentLoadError: It cannot.
    """
    wanted = opening.config.workers or min(opening.concurrency, 4 * (os.cpu_count() or 1))
    agent = PoolAgent(opening, tuple(_Slot(index) for index in range(wanted)), _launcher(opening))
    for slot in reversed(agent.slots):
        agent.free.put_nowait(slot)
    first = agent.slots[0]
    try:
        first.worker, agent.is_async = await _start(
            opening, agent.launcher, first.index, opening.config.env
        )
    except BaseException:
        agent.launcher.close()
        raise
    return agent


def _launcher(opening: Opening) -> Launcher:
    try:
        return open_launcher()
    except OSError as error:
        raise AgentLoadError(
            f"python:{opening.target}: no process could be started: {error.strerror}"
        ) from error
