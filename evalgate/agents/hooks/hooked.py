"""An agent with commands around it: a service is started, reset and ended for each trial or run."""

import asyncio
import json
import shlex
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from evalgate.agents.base import Agent, Context
from evalgate.agents.process import Launcher, Process, ended_how, open_launcher
from evalgate.agents.sandbox.places import PACKAGE
from evalgate.errors import ConfigError
from evalgate.schema.config_parts.tool import Hook
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace
from evalgate.text.counts import number_of

_BOOTSTRAP: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from evalgate.agents.hooks.keeper import main; main()"
)
_LEAVE_S: Final = 2.0
"""Seconds that what a teardown ends has to be gone."""
_SLACK_S: Final = 10.0
"""Seconds beyond a hook's own limit after which its keeper is given up."""
_HOST: Final = "127.0.0.1"
_FIX: Final = "run the command by hand, with the variables of `ports` set"


class HookFailed(Exception):
    """A hook did not do what it should; the message names it."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What hooks are run with."""

    environ: Mapping[str, str]
    """Their environment, beside the ports."""
    cwd: Path
    """The folder they run in."""


@dataclass(slots=True)
class _Keeper:
    """The process that runs the hooks of one trial or run."""

    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def run(self, name: str, command: str, environ: Mapping[str, str], limit: float) -> None:
        """Run a hook.

        Raises:
            HookFailed: It failed or did not end.
        """
        words = shlex.split(command)
        found = shutil.which(words[0], path=environ.get("PATH")) or words[0]
        asked = {"command": [found, *words[1:]], "environment": dict(environ), "seconds": limit}
        answer = await self._ask(asked, limit)
        said = f": {answer['said']}" if answer.get("said") else ""
        if "refused" in answer:
            raise HookFailed(f"{name} `{command}` could not be started: {answer['refused']}")
        if answer.get("code") is None:
            raise HookFailed(f"{name} `{command}` did not end in {limit:g} s{said}")
        if answer["code"] != 0:
            raise HookFailed(f"{name} `{command}` ended with {ended_how(answer['code'])}{said}")

    async def end(self, name: str) -> None:
        """See that nothing is left.

        Raises:
            HookFailed: Something is.
        """
        answer = await self._ask({"seconds": _LEAVE_S}, _LEAVE_S)
        left = answer.get("left")
        if left:
            raise HookFailed(
                f"{name} left {number_of(len(left), 'process', 'processes')} behind: "
                f"{', '.join(left[:3])}"
            )

    async def _ask(self, asked: Mapping[str, Any], limit: float) -> dict[str, Any]:
        self.writer.write(json.dumps(asked).encode() + b"\n")
        try:
            async with asyncio.timeout(limit + _SLACK_S):
                await self.writer.drain()
                answer: dict[str, Any] = json.loads(await self.reader.readline())
                return answer
        except (TimeoutError, OSError, ValueError):
            raise HookFailed("the process that runs the hooks is gone") from None


@asynccontextmanager
async def _kept(launcher: Launcher, ground: Ground) -> AsyncIterator[_Keeper]:
    """Start a keeper; at the end it and all that hooks started is over."""
    ours, theirs = socket.socketpair()
    with ExitStack() as stack:
        stack.callback(theirs.close)
        process = await launcher.start(
            (sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOTSTRAP, PACKAGE),
            environment=ground.environ,
            cwd=ground.cwd,
            channel=theirs,
        )
    reader, writer = await asyncio.open_connection(sock=ours)
    try:
        yield _Keeper(process, reader, writer)
    finally:
        writer.close()
        await process.end()


@asynccontextmanager
async def _around(
    launcher: Launcher, ground: Ground, name: str, hook: Hook, ports: Mapping[str, str]
) -> AsyncIterator[None]:
    """Set up, and take down whatever came between.

    Raises:
        HookFailed: A hook failed, hung or left a process behind.
    """
    environ = {**ground.environ, **ports}
    async with _kept(launcher, ground) as keeper:
        try:
            if hook.setup is not None:
                await keeper.run(f"{name}.setup", hook.setup, environ, hook.timeout_s)
            yield
        except BaseException:
            if hook.teardown is not None:  # what went wrong first is what is told
                with suppress(HookFailed):
                    await keeper.run(f"{name}.teardown", hook.teardown, environ, hook.timeout_s)
            raise
        if hook.teardown is not None:
            await keeper.run(f"{name}.teardown", hook.teardown, environ, hook.timeout_s)
        await keeper.end(f"{name}.teardown" if hook.teardown else f"{name}.setup")


def free_ports(names: tuple[str, ...], sets: int) -> list[dict[str, str]]:
    """Find ports that nobody listens on, so many sets at once, all different."""
    with ExitStack() as stack:
        found = []
        for _ in range(sets):
            ports = {}
            for name in names:
                held = stack.enter_context(socket.socket())
                held.bind((_HOST, 0))
                ports[name] = str(held.getsockname()[1])
            found.append(ports)
    return found


@dataclass(frozen=True, slots=True)
class HookedAgent:
    """An agent with commands around each trial."""

    inner: Agent
    hook: Hook
    ground: Ground
    launcher: Launcher
    free: "asyncio.Queue[dict[str, str]]" = field(default_factory=asyncio.Queue)
    """Ports that no trial has at the moment; as many sets as trials run at once."""

    @property
    def trials(self) -> int | None:
        """As many as the agent says."""
        return self.inner.trials

    async def run(self, case: Case, context: Context) -> Trace:
        """Do one trial; where a hook fails it is no evidence, whatever the agent did."""
        ports = await self.free.get()
        trace: Trace | None = None
        try:
            async with _around(self.launcher, self.ground, "hooks.trial", self.hook, ports):
                asked = replace(context, env={**context.env, **ports})
                trace = await self.inner.run(case, asked)
        except HookFailed as failed:
            return _unmeasured(case, context, trace, str(failed))
        finally:
            self.free.put_nowait(ports)
        return trace

    async def close(self) -> None:
        """Close the agent."""
        await self.inner.close()


def _unmeasured(case: Case, context: Context, trace: Trace | None, why: str) -> Trace:
    found = trace or Trace(case_id=case.id, trial=context.trial)
    return found.model_copy(update={"status": "not_measured", "error": why})


@asynccontextmanager
async def trial_hooks(
    inner: Agent, ground: Ground, hook: Hook, ports: list[dict[str, str]]
) -> AsyncIterator[Agent]:
    """Put commands around each trial of an agent.

    Args:
        inner: The agent.
        ground: What the commands are run with.
        hook: The commands.
        ports: Sets of ports, one for each trial that runs at a time.
    """
    launcher = open_launcher()
    agent = HookedAgent(inner, hook, ground, launcher)
    for one in ports:
        agent.free.put_nowait(one)
    try:
        yield agent
    finally:
        launcher.close()


@asynccontextmanager
async def run_hook(ground: Ground, hook: Hook, suite: str) -> AsyncIterator[dict[str, str]]:
    """Put commands around a whole run; yields its ports.

    Raises:
        ConfigError: A command failed, hung or left a process behind: the run says nothing.
    """
    launcher = open_launcher()
    (ports,) = free_ports(hook.ports, 1)
    try:
        async with _around(launcher, ground, "hooks.run", hook, ports):
            yield ports
    except HookFailed as failed:
        raise ConfigError(f"suite {suite!r}: {failed}", fix=_FIX) from None
    finally:
        launcher.close()
