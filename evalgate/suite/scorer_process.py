"""The user's scorers in a process of their own: what goes wrong there is a broken score.

One process a suite. Trials are asked about as they end, without waiting for one another; once a
process has ended or said nothing, they are asked about one at a time, so that it shows which trial
it was.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from evalgate.agents.environment import without_workflow
from evalgate.agents.process import Launcher, Process, ended_how, open_launcher
from evalgate.agents.sandbox.launcher import CHANNEL
from evalgate.agents.sandbox.room import Room, Sandbox, open_room
from evalgate.errors import ConfigError
from evalgate.schema.base import Json
from evalgate.schema.config_parts.scorer import ScorerConfig
from evalgate.schema.golden import Case
from evalgate.schema.score import Broken, Score, score_from_json
from evalgate.schema.trace import Trace
from evalgate.scorers.base import AsyncScorer
from evalgate.scorers.builtin import counted
from evalgate.scorers.user import settled, user_digest
from evalgate.suite.environment import Environment
from evalgate.suite.own_scorers import worker_command, worker_settings
from evalgate.suite.plan import Plan
from evalgate.suite.sandbox import open_scorers_sandbox
from evalgate.suite.scorer_frames import HEADER, framed
from evalgate.text.strict_json import Parsed, parse

_LOAD_S: Final = 120.0
"""Seconds the scorers have to be imported."""

_LIMIT: Final = 10_000_000
"""Largest frame in bytes: some scores and their reasons."""

_DEATHS: Final = 3
"""Trials in a row that end the process, after which nothing more is asked of it."""


class _Gone(Exception):
    """The process ended, said nothing in time, or said what is no answer."""


@dataclass(slots=True)
class _Running:
    """A living process and our end of its channel."""

    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    room: Room
    after: ExitStack
    """What is left to do once it is over."""
    waiting: "dict[int, asyncio.Future[Json]]" = field(default_factory=dict)
    """Questions without an answer yet."""
    asked: int = 0
    listener: "asyncio.Task[None] | None" = None

    async def ask(self, body: bytes) -> Json:
        """Return the answer to one question."""
        self.asked += 1
        number = self.asked
        answer = self.waiting[number] = asyncio.get_running_loop().create_future()
        self.writer.write(framed(number, body))
        try:
            await self.writer.drain()
            said: Json = await answer
        except ConnectionError:
            raise _Gone(await self.last_words()) from None
        finally:
            self.waiting.pop(number, None)
        return said

    async def receive(self) -> tuple[int, Json]:
        """Return number and body of the next frame."""
        number, length = HEADER.unpack(await self.reader.readexactly(HEADER.size))
        parsed = parse(await self.reader.readexactly(length)) if length <= _LIMIT else None
        if not isinstance(parsed, Parsed):
            raise _Gone("it wrote to the channel of its process")
        return number, parsed.value

    async def listen(self) -> None:
        """Hand answers on until the process is gone, then say so to all who wait."""
        try:
            while True:
                self.hand_on(*await self.receive())
        except (asyncio.IncompleteReadError, ConnectionError):
            self.fail(await self.last_words())
        except _Gone as gone:
            self.fail(str(gone))

    def hand_on(self, number: int, body: Json) -> None:
        """Give an answer to who waits for it, if somebody still does."""
        if not 0 < number <= self.asked:
            raise _Gone("it wrote to the channel of its process")
        answer = self.waiting.pop(number, None)
        if answer is not None and not answer.done():
            answer.set_result(body)

    def fail(self, reason: str) -> None:
        """End every question that has no answer."""
        for answer in self.waiting.values():
            if not answer.done():
                answer.set_exception(_Gone(reason))

    async def last_words(self) -> str:
        """Say how the process ended."""
        await asyncio.wait((self.process.exited,), timeout=1)
        code = await self.process.end()
        said = self.process.stderr.text()
        tail = f"; its last words: {self.room.explain(said)}" if said else ""
        return f"its process ended with {ended_how(code)}{tail}"

    async def end(self, reason: str) -> None:
        """Kill the process with all it started."""
        if self.listener is not None:
            self.listener.cancel()
        self.fail(reason)
        self.writer.transport.abort()
        await self.process.end()
        self.after.close()


@dataclass(slots=True)
class _Host:
    """Asks the process, and starts it anew where it is gone."""

    root: Path
    configs: Mapping[str, ScorerConfig]
    ignored: frozenset[str]
    """Tools whose calls no scorer sees."""
    timeout_s: float
    environ: Mapping[str, str]
    sandbox: Sandbox | None
    launcher: Launcher
    running: _Running | None = None
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one question at a time, once that is needed."""
    singly: bool = False
    deaths: int = 0
    last: str = ""
    shared: "dict[tuple[str, int], asyncio.Task[dict[str, Score]]]" = field(default_factory=dict)
    """Questions that are open: all scorers are asked about a trial at once."""

    async def score(self, name: str, case: Case, trace: Trace) -> Score:
        """Return what one scorer says of a trial; never raises."""
        if trace.status == "not_measured":
            return Broken(f"not measured: {trace.error or 'no reason given'}")
        key = (case.id, trace.trial)
        if key not in self.shared:
            task = self.shared[key] = asyncio.create_task(self._of_trial(case, trace))
            task.add_done_callback(lambda _: self.shared.pop(key, None))
        return (await self.shared[key])[name]

    async def _of_trial(self, case: Case, trace: Trace) -> dict[str, Score]:
        seen = counted(trace, self.ignored)
        body = f'{{"case":{case.model_dump_json()},"trace":{seen.model_dump_json()}}}'.encode()
        try:
            said = await self._said(body)
        except _Gone as gone:
            return dict.fromkeys(self.configs, Broken(f"no score: {gone}"))
        return {
            name: settled(name, config, trace, _score_of(said, name))
            for name, config in self.configs.items()
        }

    async def _said(self, body: bytes) -> Json:
        if not self.singly:
            try:
                return await self._exchanged(body)
            except _Gone:
                self.singly = True
        async with self.turn:
            if self.deaths >= _DEATHS:
                raise _Gone(
                    f"{self.deaths} trials in a row ended the scorers' process: {self.last}"
                )
            try:
                said = await self._exchanged(body)
            except _Gone as gone:
                self.deaths, self.last = self.deaths + 1, str(gone)
                raise
            self.deaths = 0
            return said

    async def _exchanged(self, body: bytes) -> Json:
        running = await self.ready()
        try:
            async with asyncio.timeout(self.timeout_s):
                return await running.ask(body)
        except TimeoutError:
            reason = f"no answer after {self.timeout_s:g} s (timeout_s); its process was killed"
            await running.end(reason)
            raise _Gone(reason) from None

    async def ready(self) -> _Running:
        """Return the process; start it where none lives."""
        async with self.starting:
            old = self.running
            if old is not None and old.listener is not None and not old.listener.done():
                return old
            if old is not None:
                await old.end("its process is gone")
            self.running = await self._started()
            return self.running

    async def _started(self) -> _Running:
        """Start the process and let it load the scorers, as it did before anything ran."""
        with ExitStack() as stack:
            room = stack.enter_context(open_room(self.sandbox, Path.cwd()))
            process, ours = await self._launched(room)
            reader, writer = await asyncio.open_connection(sock=ours)
            process.exited.add_done_callback(
                lambda _: asyncio.get_running_loop().call_later(0.2, writer.transport.abort)
            )
            running = _Running(process, reader, writer, room, stack.pop_all())
        writer.write(framed(0, worker_settings(self.root, self.configs).encode()))
        try:
            async with asyncio.timeout(_LOAD_S):
                await writer.drain()
                _, said = await running.receive()
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            reason = await running.last_words()
            await running.end(reason)
            raise _Gone(f"loading them again: {reason}") from None
        match said:
            case {"message": str() as message}:
                await running.end(message)
                raise _Gone(message)
            case _:
                running.listener = asyncio.create_task(running.listen())
                return running

    async def _launched(self, room: Room) -> tuple[Process, socket.socket]:
        environ = without_workflow(self.environ)
        # it may write nothing there, and finds what was cached there before
        inside = {name: value for name, value in room.environment.items() if name != "HOME"}
        ours, theirs = socket.socketpair()
        try:
            process = await self.launcher.start(
                [*room.before, *worker_command(CHANNEL)],
                environment={**environ, **inside},
                cwd=Path.cwd(),
                channel=theirs,
                wall=room.wall,
            )
        except OSError as error:
            ours.close()
            raise _Gone(f"no process could be started: {error.strerror}") from error
        finally:
            theirs.close()
        return process, ours

    async def close(self) -> None:
        """End the process."""
        if self.running is not None:
            await self.running.end("the run is over")
        await asyncio.to_thread(self.launcher.close)


def _score_of(said: Json, name: str) -> Score:
    match said:
        case {"scores": dict() as scores} if name in scores:
            try:
                return score_from_json(scores[name])
            except ValueError as error:
                return Broken(f"{name}: {error}"[:500])
        case _:
            return Broken(f"{name}: the scorers' process gave no such score")


@asynccontextmanager
async def open_scorers(
    plan: Plan, environment: Environment
) -> AsyncIterator[tuple[AsyncScorer, ...]]:
    """Start the process of the user's scorers; it is loaded before this returns.

    Args:
        plan: What is run; without scorers of the user no process is started.
        environment: The machine.

    Yields:
        The scorers that are awaited: those of the process, and those that a program handed over.

    Raises:
        ConfigError: They cannot be loaded.
    """
    if not plan.hosted:
        yield plan.async_scorers
        return
    suite = plan.suite
    host = _Host(
        root=suite.policy_root,
        configs=plan.hosted,
        ignored=plan.settings.ignored_tools,
        timeout_s=suite.config.timeout_s,
        environ=environment.environ,
        sandbox=open_scorers_sandbox(suite),
        launcher=open_launcher(),
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(host.close)
        try:
            await host.ready()
        except _Gone as gone:
            raise ConfigError(f"suite {suite.name!r}: its scorers: {gone}") from None
        own = [
            AsyncScorer(name, config.version, user_digest(config), partial(host.score, name))
            for name, config in plan.hosted.items()
        ]
        yield (*plan.async_scorers, *own)
