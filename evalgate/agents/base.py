"""The contract of an agent: a case and a context go in, a trace comes out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from evalgate.agents.agent_input import Context
from evalgate.agents.clock import SYSTEM_CLOCK, Clock
from evalgate.agents.sandbox.room import Sandbox
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case
from evalgate.schema.status import TraceStatus
from evalgate.schema.trace import Trace

__all__ = [
    "Agent",
    "Context",
    "Opening",
    "Slots",
    "TrialFailed",
]


class TrialFailed(Exception):
    """The agent failed one trial; never leaves the agents' room, it becomes a trace."""

    def __init__(self, status: TraceStatus, reason: str) -> None:
        """Keep how the trial ended, and why, in one sentence."""
        super().__init__(reason)
        self.status: TraceStatus = status
        # Halves of surrogate pairs can be said, and written to no file.
        self.reason = reason.encode("utf-8", "replace").decode()


class Agent(Protocol):
    """Something that can be asked to do a case."""

    @property
    def trials(self) -> int | None:
        """Trials a case that exist (recorded agents); null: as many as are asked for."""

    async def run(self, case: Case, context: Context) -> Trace:
        """Do one trial; safe to call many times at once.

        Whatever the agent does wrong becomes a trace with a status that is not `finished` and a
        reason in `error`.

        Raises:
            AgentLoadError: The agent cannot be started at all; the whole run is useless.
            InputError: Something else of the user's makes the whole run useless.
        """

    async def close(self) -> None:
        """Give back all that was opened, and end every process that was started."""


class Slots(Protocol):
    """Model endpoints of worker processes, for clients that are built when a module is imported.

    Such a client keeps the first base URL it saw. So each worker process gets an endpoint of its
    own, and it is the server that learns which trial the endpoint stands for.
    """

    def environment(self, slot: int) -> Mapping[str, str]:
        """Return the variables a worker is started with; `slot` counts workers from 0."""

    def switch(self, slot: int, context: Context) -> Context:
        """Let the worker's endpoint stand for a trial, and return the context the worker sees."""


@dataclass(frozen=True, slots=True)
class Opening:
    """All that is known when an agent is opened; the sole argument of an agent's factory."""

    target: str
    """What stands after the prefix, e.g. `MODULE:NAME`; for `http` the whole URL."""
    config: AgentConfig
    root: Path
    """Folder that paths and modules are relative to."""
    concurrency: int
    """Trials at once."""
    timeout_s: float
    """Seconds a trial may take, unless its context says otherwise."""
    environ: Mapping[str, str]
    clock: Clock = SYSTEM_CLOCK
    """Where the time comes from."""
    slots: Slots | None = None
    """Endpoints of worker processes; null: the context of each trial names its own."""
    sandbox: Sandbox | None = None
    """What keeps its processes in; null: nothing does."""
