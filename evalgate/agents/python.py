"""`python:MODULE:NAME`: a function, or an object with `ainvoke` or `invoke`."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from evalgate.agents.agent_input import AgentCase
from evalgate.agents.base import Agent, Context, Opening
from evalgate.agents.calling import Asking, Callee, adapt
from evalgate.agents.clock import Clock
from evalgate.agents.environment import check_environment
from evalgate.agents.inloop import Watchdog, ask_in_loop
from evalgate.agents.load import load_object
from evalgate.agents.plain import encode
from evalgate.agents.trial import run_trial
from evalgate.errors import AgentLoadError
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace


@dataclass(frozen=True, slots=True)
class LoopAgent:
    """An async agent that shares our event loop."""

    callee: Callee
    """The user's object."""
    config: AgentConfig
    clock: Clock
    """Where the time comes from."""
    watchdog: Watchdog
    """Interrupts an agent that blocks the loop."""
    trials: int | None = None
    """As many as are asked for."""

    async def run(self, case: Case, context: Context) -> Trace:
        """Do one trial."""
        if self.config.env:
            context = replace(context, env={**self.config.env, **context.env})

        callee, limit = self.callee, self.config.max_output_bytes

        async def ask(question: AgentCase, left: float) -> str:
            return await ask_in_loop(
                lambda: callee.call(question, context),
                lambda value: encode(callee.read(value, question), limit),
                timeout_s=left,
                watchdog=self.watchdog,
            )

        return await run_trial(
            case, context, ask, clock=self.clock, trust_reported=self.config.trust_reported
        )

    async def close(self) -> None:
        """Stop the watchdog."""
        self.watchdog.stop()


@asynccontextmanager
async def open_python(opening: Opening) -> AsyncIterator[Agent]:
    """Open a Python agent: async ones in our loop, all others in worker processes.

    Raises:
        AgentLoadError: It cannot be imported or called.
    """
    check_environment(opening.config)
    agent = await _opened(opening)
    try:
        yield agent
    finally:
        await agent.close()


@asynccontextmanager
async def open_given(found: object, opening: Opening) -> AsyncIterator[Agent]:
    """Open an object that a Python program hands over; a synchronous one runs in threads.

    A thread cannot be ended: one that runs past its time goes on in the background.

    Raises:
        AgentLoadError: It cannot be called.
    """
    config, name = opening.config, getattr(found, "__name__", type(found).__name__)
    callee = adapt(found, name, _asking(config))
    if not callee.is_async:
        call = callee.call

        async def in_thread(case: AgentCase, context: Context) -> object:
            value = await asyncio.to_thread(call, case, context)
            return await value if inspect.isawaitable(value) else value

        callee = replace(callee, is_async=True, call=in_thread)
    watchdog = Watchdog(limit_s=opening.timeout_s + 1.0, clock=opening.clock)
    watchdog.start()
    agent = LoopAgent(callee, config, opening.clock, watchdog)
    try:
        yield agent
    finally:
        await agent.close()


async def _opened(opening: Opening) -> Agent:
    config = opening.config
    if config.isolation == "none" and opening.sandbox is None:
        return _in_loop(opening)
    from evalgate.agents.pool import open_pool  # noqa: PLC0415  # only where processes are used

    pool = await open_pool(opening)
    own_process = (
        config.isolation == "process"
        or opening.slots is not None
        or opening.sandbox is not None
        or config.env
    )
    if own_process or not pool.is_async:
        return pool
    await pool.close()
    return _in_loop(opening)


def _in_loop(opening: Opening) -> LoopAgent:
    config, target = opening.config, opening.target
    callee = adapt(load_object(target, opening.root), target, _asking(config))
    if not callee.is_async:
        raise AgentLoadError(
            f"python:{target} is not async, so it would stop everything else while it runs",
            fix="remove `isolation: none`: synchronous agents run in worker processes",
        )
    watchdog = Watchdog(limit_s=opening.timeout_s + 1.0, clock=opening.clock)
    watchdog.start()
    return LoopAgent(callee, config, opening.clock, watchdog)


def _asking(config: AgentConfig) -> Asking:
    return Asking(config.input_key, config.output_key, config.max_output_bytes)
