"""Plays sessions of a suite's own agent with faults, against its recordings, over loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from evalgate.agents.base import Agent, Context
from evalgate.gateway.app import Incoming, Settle
from evalgate.gateway.tool_faults import FaultScript, Injected
from evalgate.quota.profiles import WireResponse
from evalgate.schema.score import Scored
from evalgate.schema.stress import StressConfig
from evalgate.schema.trace import Trace
from evalgate.schema.usage import Usage
from evalgate.scorers.builtin import score_trial
from evalgate.stress.live.quota import answered_fault
from evalgate.stress.live.round import MOST_WORKERS
from evalgate.stress.simulation.faults import FaultProfile, fault_profile
from evalgate.stress.tool_faults.drawing import (
    MODEL,
    DrawModel,
    Planned,
    draw_model,
    draw_tools,
    kept,
)
from evalgate.stress.tool_faults.findings import Seen
from evalgate.suite.agent_environment import Surroundings, agent_environment
from evalgate.suite.environment import Environment
from evalgate.suite.gateway_agent import Gate
from evalgate.suite.plan import Plan
from evalgate.text.redact import Redactor

_LOOK_S = 0.2
"""How often a session is looked at."""
_GRACE_S = 2.0
"""Seconds that a session has to end once all its calls are refused."""


@dataclass(slots=True)
class _Role:
    """A session on stage."""

    planned: Planned
    only: frozenset[Injected] | None
    script: FaultScript
    model: DrawModel
    attempts: int = 0


@dataclass(slots=True)
class Stage:
    """The agent behind a gateway that knows what goes wrong in which session."""

    plan: Plan
    config: StressConfig
    profile: FaultProfile
    trials: dict[int, int]
    """Recorded trial to replay, by number of the session; the gateway reads it, too."""
    agent: Agent | None = None
    roles: dict[int, _Role] = field(default_factory=dict)

    async def play(self, planned: Planned, only: frozenset[Injected] | None = None) -> Seen:
        """Play a session.

        Args:
            planned: The session.
            only: The faults that may come up; null: all that are drawn.
        """
        assert self.agent is not None  # noqa: S101  # set before anyone plays
        number = len(self.roles)
        self.roles[number] = self._role(planned, only)
        self.trials[number] = planned.ideal.trial
        seconds = min(self.plan.suite.config.timeout_s, self.config.seconds)
        asked = self.agent.run(planned.case, Context(trial=number, timeout_s=seconds))
        trace = await self._ended(asyncio.ensure_future(asked), planned, number)
        script = self.roles[number].script
        return Seen(trace, planned.ideal, script, self._success(planned, trace))

    async def _ended(self, running: asyncio.Future[Trace], planned: Planned, number: int) -> Trace:
        """Wait for the end of a session; one that calls a tool without end is stopped."""
        try:
            while not running.done() and self.roles[number].script.endless is None:
                await asyncio.wait({running}, timeout=_LOOK_S)
            await asyncio.wait({running}, timeout=_GRACE_S)
        finally:
            if not running.done():
                running.cancel()
        if running.cancelled() or not running.done():
            await asyncio.wait({running})
            return Trace(case_id=planned.case.id, trial=number, status="unfinished")
        return running.result()

    def _role(self, planned: Planned, only: frozenset[Injected] | None) -> _Role:
        faults = self.config.faults
        tools, model = kept(only, draw_tools(faults, planned), draw_model(self.profile, planned))
        return _Role(planned, only, FaultScript(tools, faults.most_calls), model)

    def _success(self, planned: Planned, trace: Trace) -> bool | None:
        plan = self.plan
        if planned.case.expected.says_nothing:
            return None
        scores = score_trial(plan.scorers, planned.case, trace, plan.settings).scores
        score = scores.get("task_success")
        return score.value >= 1 if isinstance(score, Scored) else None

    def script(self, _case_id: str, number: int) -> FaultScript | None:
        """Return the faults of a session that begins; from the start where it begins again."""
        role = self.roles.get(number)
        if role is None:
            return None
        self.roles[number] = self._role(role.planned, role.only)
        return self.roles[number].script

    def admit(self, incoming: Incoming) -> Settle | WireResponse:
        """Let an attempt at the model through, or answer with the fault that is drawn for it."""
        role = self.roles[incoming.trial]
        role.attempts += 1
        cause = role.model(role.attempts)
        answer = None if cause is None else answered_fault(self.config.profile, cause)
        if cause is None or answer is None:
            return _nothing
        role.script.injected.append(Injected(MODEL, role.attempts, cause))
        return answer


def _nothing(_usage: Usage | None) -> None:
    """Nobody waits for the end of the call."""


@asynccontextmanager
async def open_stage(
    plan: Plan, config: StressConfig, environment: Environment, *, record: bool, at_once: int
) -> AsyncIterator[Stage]:
    """Open a suite's agent behind a gateway that injects faults.

    Args:
        plan: The suite.
        config: Its `stress:` block.
        environment: The machine.
        record: Whether the model is asked what is not recorded.
        at_once: Sessions that run at a time.

    Raises:
        ConfigError: Live calls need a key or an upstream, and there is none.
        AgentLoadError: The agent cannot be loaded.
    """
    suite = plan.suite
    stage = Stage(plan, config, fault_profile(config.model_faults), {})
    how = Surroundings(
        calls="auto" if record else "replay",
        concurrency=at_once,
        timeout_s=suite.config.timeout_s,
        workers=min(at_once, MOST_WORKERS),
        gate=Gate(stage.admit, stage.trials, pace=0.0, faults=stage.script),
    )
    redactor = Redactor.build(environment.environ, patterns=suite.config.redact)
    async with agent_environment(plan, how, environment, redactor) as agent:
        stage.agent = agent
        yield stage
