"""Opens the agent a configuration names, by the prefix of its `run`."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Final

from evalgate.agents.base import SYSTEM_CLOCK, Agent, Clock, Opening, Slots
from evalgate.agents.sandbox.room import Sandbox
from evalgate.errors import ConfigError, PluginError
from evalgate.schema.config import AgentConfig
from evalgate.text.suggest import did_you_mean

__all__ = ["BUILT_IN", "Factory", "agent_kinds", "open_agent"]

Factory = Callable[[Opening], AbstractAsyncContextManager[Agent]]
"""What an entry point of the group `evalgate.agents` is: opens an agent of its kind."""

GROUP: Final = "evalgate.agents"

BUILT_IN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "python": "evalgate.agents.python:open_python",
        "command": "evalgate.agents.command:open_command",
        "http": "evalgate.agents.http:open_http",
        "https": "evalgate.agents.http:open_http",
        "recorded": "evalgate.agents.recorded:open_recorded",
    }
)


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


def agent_kinds() -> dict[str, str]:
    """Return every kind of agent and the object that opens it; loads none of them."""
    return {**{entry.name: entry.value for entry in _plugins()}, **BUILT_IN}


def _plugins() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def _factory(kind: str, run: str) -> Factory:
    built_in = BUILT_IN.get(kind)
    if built_in is not None:
        module, _, name = built_in.partition(":")
        found: Factory = getattr(import_module(module), name)
        return found
    for entry in _plugins():
        if entry.name == kind:
            return _loaded(entry)
    raise ConfigError(
        f"agent {run!r} has no known prefix{did_you_mean(kind, agent_kinds())}; expected "
        "python:MODULE:NAME, command:COMMAND LINE, http://..., recorded:FILE"
        + "".join(f", {entry.name}:..." for entry in _plugins()),
        fix=f"python:{run}" if _looks_like_python(run) else None,
    )


def _looks_like_python(run: str) -> bool:
    module, _, name = run.partition(":")
    return name.isidentifier() and all(part.isidentifier() for part in module.split("."))


def _loaded(entry: EntryPoint) -> Factory:
    try:
        plugin: Factory = entry.load()
    except Exception as error:  # code of a stranger, which may raise anything
        raise PluginError(
            f"agent plugin {entry.name!r} ({entry.value}) does not load: "
            f"{type(error).__name__}: {error}",
            fix=f"install a version of {entry.dist.name if entry.dist else entry.value} that fits",
        ) from error
    return plugin
