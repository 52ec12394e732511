"""`command:COMMAND LINE`: a program in any language, one process a turn.

It reads one JSON object on standard input, `{"case": {...}, "context": {...}}`, and writes its
answer to standard output: an object with the fields of an `Output`, or any text.
"""

import asyncio
import json
import os
import shlex
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from evalgate.agents.agent_input import AgentCase
from evalgate.agents.base import Agent, Context, Opening, TrialFailed
from evalgate.agents.environment import agent_environment, check_environment
from evalgate.agents.output import reply_fields
from evalgate.agents.plain import NotPlain, encode, too_large
from evalgate.agents.process import Launcher, Process, ended_how, open_launcher
from evalgate.agents.sandbox.room import Room, open_room
from evalgate.agents.trial import run_trial
from evalgate.errors import AgentLoadError
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace
from evalgate.text.strict_json import Parsed, parse

_DRAIN_S: Final = 0.5
"""Seconds to read what is still in the pipe of a program that has ended."""


@dataclass(frozen=True, slots=True)
class CommandAgent:
    """Starts the program once a turn."""

    opening: Opening
    command: tuple[str, ...]
    launcher: Launcher
    """Starts the program."""
    trials: int | None = None
    """As many as are asked for."""

    async def run(self, case: Case, context: Context) -> Trace:
        """Do one trial."""
        config = self.opening.config
        context = replace(context, env={**config.env, **context.env})
        with open_room(self.opening.sandbox, self.opening.root, context.mcp_config) as room:

            async def ask(question: AgentCase, left: float) -> str:
                return await self._ask(question, context, left, room)

            return await run_trial(
                case, context, ask, clock=self.opening.clock, trust_reported=config.trust_reported
            )

    async def close(self) -> None:
        """Nothing is open between trials."""

    async def _ask(self, question: AgentCase, context: Context, left: float, room: Room) -> str:
        """Run the program once; whatever happens, nothing it started goes on."""
        limit = self.opening.config.max_output_bytes
        process = await self._started(question, context, limit, room)
        try:
            async with asyncio.timeout(left):
                code = await _ended(process, limit)
        except TimeoutError:
            reason = f"no answer after {left:g} s (timeout_s); the program was killed"
            raise TrialFailed("timed_out", reason) from None
        finally:
            await process.end()
            if room.learn is not None:
                for seen in process.observed:
                    room.learn(seen)
        if process.stdout.size > limit:
            raise TrialFailed("bad_output", too_large(process.stdout.size, limit))
        if code != 0:
            said = process.stderr.text()
            tail = f"; its last words: {said}" if said else ""
            reason = f"the program ended with {ended_how(code)}{tail}"
            raise TrialFailed("crashed", room.explain(reason))
        return read_answer(bytes(process.stdout.start), self.opening.config.output_key, limit)

    async def _started(
        self, question: AgentCase, context: Context, limit: int, room: Room
    ) -> Process:
        told = {"trial": context.trial, "timeout_s": context.timeout_s}
        body = {"case": question.to_json(), "context": {**told, "base_url": context.base_url}}
        extra = {**context.env, **room.environment}
        with _stdin(json.dumps(body).encode() + b"\n") as stdin:
            try:
                return await self.launcher.start(
                    (*room.before, *self.command),
                    environment=agent_environment(self.opening.environ, self.opening.config, extra),
                    cwd=self.opening.root,
                    stdin=stdin.fileno(),
                    keep_output=limit,
                    max_memory=self.opening.config.max_memory_bytes,
                    wall=room.wall,
                    watch=room.learn is not None,
                )
            except OSError as error:
                reason = f"the program could not be started: {error.strerror}"
                raise TrialFailed("crashed", reason) from None


def _stdin(data: bytes) -> IO[bytes]:
    """Return an unnamed file with the input: a program that does not read it blocks nobody."""
    import tempfile  # noqa: PLC0415  # heavy

    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by the caller
    file.write(data)
    file.seek(0)
    return file


async def _ended(process: Process, limit: int) -> int:
    """Wait for the end of the program, or for more output than is allowed."""
    while not process.exited.done():
        await asyncio.wait((process.exited,), timeout=0.05)
        if process.stdout.size > limit:
            return 0
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(process.stdout.ended), _DRAIN_S)
    return process.exited.result()


def read_answer(raw: bytes, output_key: str | None, limit: int) -> str:
    """Read what a program or a server answered: JSON, or else text.

    Args:
        raw: The answer.
        output_key: Key of the answer in an object.
        limit: Largest size in bytes.

    Returns:
        The fields of a reply, as JSON text.

    Raises:
        TrialFailed: It is neither, or there is none.
    """
    stripped = raw.strip()
    if not stripped:
        raise TrialFailed("bad_output", "the agent wrote nothing")
    value: Any = None
    if stripped[:1] in (b"{", b"[", b'"'):
        parsed = parse(stripped)
        if isinstance(parsed, Parsed):
            value = parsed.value
        elif stripped[:1] == b"{":
            raise TrialFailed("bad_output", f"the agent's output is no strict JSON: {parsed}")
    if value is None:
        try:
            value = stripped.decode()
        except UnicodeDecodeError as error:
            reason = f"the agent's output is no UTF-8: byte {error.start} is {raw[error.start]:#x}"
            raise TrialFailed("bad_output", reason) from None
    try:
        return encode(reply_fields(value, output_key), limit)
    except NotPlain as error:
        raise TrialFailed("bad_output", str(error)) from None


@asynccontextmanager
async def open_command(opening: Opening) -> AsyncIterator[Agent]:
    """Open a program as an agent.

    Raises:
        AgentLoadError: There is no such program.
        ConfigError: It would see what it must not.
    """
    check_environment(opening.config)
    command = _command(opening)
    try:
        launcher = open_launcher()
    except OSError as error:
        raise AgentLoadError(f"command:{opening.target}: {error.strerror}") from error
    try:
        yield CommandAgent(opening, command, launcher)
    finally:
        launcher.close()


def _command(opening: Opening) -> tuple[str, ...]:
    """Split the command line, and find its program."""
    try:
        parts = shlex.split(opening.target)
    except ValueError as error:
        raise AgentLoadError(f"command:{opening.target}: {error}") from None
    if not parts:
        raise AgentLoadError(
            "command: names no program", fix="command:node agent.js runs agent.js with node"
        )
    program = parts[0]
    local = opening.root / program
    if os.sep in program and local.is_file() and os.access(local, os.X_OK):
        return (str(local), *parts[1:])
    found = shutil.which(program, path=opening.environ.get("PATH"))
    if found is None:
        raise AgentLoadError(
            f"command:{opening.target}: {program!r} is {_why_not(local)}",
            fix="name a program on PATH, or a file with a / in its name (./agent.sh)",
        )
    return (found, *parts[1:])


def _why_not(local: Path) -> str:
    if not local.exists():
        return "no program on PATH and no file here"
    if local.is_dir():
        return "a folder"
    return "a file here that is not on PATH or may not be executed (chmod +x)"
