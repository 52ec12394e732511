"""Opens the agent a configuration names, by the prefix of its `run`."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from evalgate.agents.base import Agent, Opening, Slots
from evalgate.agents.clock import SYSTEM_CLOCK, Clock
from evalgate.agents.sandbox.room import Sandbox
from evalgate.errors import ConfigError
from evalgate.registry import built_in, names, resolve
from evalgate.schema.config import AgentConfig
from evalgate.text.suggest import did_you_mean

Factory = Callable[[Opening], AbstractAsyncContextManager[Agent]]
"""What an entry point of the group `evalgate.agents` is: opens an agent of its kind."""


@asynccontextmanager
async def open_agent(  # noqa: PLR0913  # all are keywords, and each is a fact of its own
    config: AgentConfig,
    *,
    root: Path,
    concurrency: int,
    timeout_s: float,
    environ: Mapping[str, str],
    clock: Clock = SYSTEM_CLOCK,
    slots: Slots | None = None,
    sandbox: Sandbox | None = None,
) -> AsyncIterator[Agent]:
    """Open an agent, and close it at the end.

    Args:
        config: The agent's configuration.
        root: Folder that paths and modules are relative to.
        concurrency: Trials at once.
        timeout_s: Seconds a trial may take.
        environ: The caller's environment.
        clock: Where the time comes from.
        slots: Model endpoints of worker processes.
        sandbox: What keeps its processes in; null: nothing does.

    Raises:
        ConfigError: There is no such kind of agent.
        PluginError: It is a plugin's, and that does not load.
        AgentLoadError: The agent cannot be imported or started.
        DataError: A file it reads is not usable.
    """
    line = config.line
    factory = _factory(line.kind, config.run)
    opening = Opening(
        target=line.target,
        config=config,
        root=_absolute(root),
        concurrency=concurrency,
        timeout_s=timeout_s,
        environ=environ,
        clock=clock,
        slots=slots,
        sandbox=sandbox,
    )
    async with factory(opening) as agent:
        yield agent


def _absolute(root: Path) -> Path:
    """Return the folder so that it means the same in a process that runs elsewhere."""
    return root.resolve()


def _factory(kind: str, run: str) -> Factory:
    kinds = names("agents")
    if kind in kinds:
        found: Factory = resolve("agents", kind)
        return found
    installed = [name for name in kinds if name not in built_in("agents")]
    raise ConfigError(
        f"agent {run!r} has no known prefix{did_you_mean(kind, kinds)}; expected "
        "python:MODULE:NAME, command:COMMAND LINE, http://..., recorded:FILE"
        + "".join(f", {name}:..." for name in installed),
        fix=f"python:{run}" if _looks_like_python(run) else None,
    )


def _looks_like_python(run: str) -> bool:
    module, _, name = run.partition(":")
    return name.isidentifier() and all(part.isidentifier() for part in module.split("."))
