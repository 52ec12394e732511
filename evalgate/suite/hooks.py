"""What a suite's agent needs: its hooks, their ports, and who is told of them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from evalgate.agents.base import Agent
from evalgate.agents.environment import agent_environment
from evalgate.agents.hooks.hooked import Ground, free_ports, run_hook, trial_hooks
from evalgate.errors import ConfigError
from evalgate.schema.agent_line import PythonLine, RecordedLine
from evalgate.schema.config import AgentConfig
from evalgate.schema.config_parts.tool import Hook
from evalgate.suite.environment import Environment
from evalgate.suite.plan import Plan
from evalgate.suite.suite import Suite

_AT_ONCE: Final = 64
"""Trials with hooks of their own that run at a time."""


@dataclass(frozen=True, slots=True)
class Hooked:
    """A plan whose agent finds what its hooks have started."""

    plan: Plan
    """The plan, with the ports in its agent's environment."""
    ground: Ground
    """What hooks are run with."""
    trial: Hook | None = None
    """What is done around each trial."""
    ports: tuple[dict[str, str], ...] = ()
    """Ports of the trials that run at once."""

    @asynccontextmanager
    async def around(self, agent: Agent) -> AsyncIterator[Agent]:
        """Put the hooks of a trial around an agent."""
        if self.trial is None:
            yield agent
            return
        async with trial_hooks(agent, self.ground, self.trial, [*self.ports]) as hooked:
            yield hooked


@asynccontextmanager
async def open_hooks(
    plan: Plan, environment: Environment, concurrency: int, executor: str
) -> AsyncIterator[Hooked]:
    """Set up what a whole run needs, and take it down at the end.

    Args:
        plan: What is run.
        environment: The machine.
        concurrency: Trials at once.
        executor: Where the agent runs.

    Raises:
        ConfigError: A hook of the run failed, or hooks have no use with this agent.
    """
    suite = plan.suite
    hooks, ground = suite.config.hooks, _ground(suite, environment)
    if hooks is None:
        yield Hooked(plan, ground)
        return
    _refuse(suite, executor)
    sets: list[dict[str, str]] = []
    if hooks.trial is not None:
        sets = free_ports(hooks.trial.ports, min(concurrency, _AT_ONCE))
    async with AsyncExitStack() as stack:
        own: dict[str, str] = {}
        if hooks.run is not None:
            own = await stack.enter_async_context(run_hook(ground, hooks.run, suite.name))
        agent = _told(suite.config.agent, own, sets)
        config = suite.config.model_copy(update={"agent": agent})
        told = replace(plan, suite=replace(suite, config=config))
        yield Hooked(told, ground, hooks.trial, tuple(sets))


def _ground(suite: Suite, environment: Environment) -> Ground:
    """Run hooks in the base's files, without the variables that a change may set."""
    agent = suite.config.agent.model_copy(update={"env": {}})
    return Ground(agent_environment(environment.environ, agent, {}), suite.policy_root.absolute())


def _refuse(suite: Suite, executor: str) -> None:
    what = None
    if isinstance(suite.config.agent.line, RecordedLine):
        what = "its agent is recorded, so nothing runs"
    elif executor == "ray":
        what = "their ports are of this machine, and --executor ray runs the agent on others"
    if what is not None:
        raise ConfigError(
            f"suite {suite.name!r}: hooks have no use: {what}", fix=f"take {suite.name}.hooks out"
        )


def _told(agent: AgentConfig, own: dict[str, str], sets: list[dict[str, str]]) -> AgentConfig:
    """Let an agent find the ports, and reach them from behind a wall."""
    ports = [port for one in (own, *sets) for port in one.values()]
    connect = (*agent.sandbox.connect, *(f"127.0.0.1:{port}" for port in ports))
    update: dict[str, object] = {
        "env": {**agent.env, **own},
        "sandbox": agent.sandbox.model_copy(update={"connect": connect}),
    }
    if any(sets) and isinstance(agent.line, PythonLine) and agent.isolation is None:
        update["isolation"] = "process"  # trials that share a process share its variables
    return agent.model_copy(update=update)
