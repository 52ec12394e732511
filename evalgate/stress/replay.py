"""Runs a suite's agent only to see what it does: nothing is scored, stored or called live."""

from asyncio import Future, get_running_loop
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from evalgate.agents.base import Agent, Context
from evalgate.agents.factory import open_agent
from evalgate.agents.runner import Progress as TrialProgress
from evalgate.agents.runner import RunPlan, run_trials
from evalgate.gateway.sessions import Outcome
from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.trace import Trace
from evalgate.suite.environment import World
from evalgate.suite.events import Listener, Progress
from evalgate.suite.gateway_agent import ThroughGateway, open_gateway
from evalgate.suite.isolation import open_sandbox
from evalgate.suite.plan import Plan
from evalgate.text.redact import Redactor

__all__ = ["Told", "replayed_traces"]


@dataclass(slots=True)
class _Kept:
    """Keeps traces in memory."""

    traces: list[Trace] = field(default_factory=list)

    def append(self, trace: Trace, _result: TrialResult) -> "Future[None]":
        self.traces.append(trace)
        done: Future[None] = get_running_loop().create_future()
        done.set_result(None)
        return done


Told = Callable[[str, int, Outcome], None]
"""Is told of the end of each trial behind the gateway: case, number, what was seen."""


async def replayed_traces(
    plan: Plan,
    world: World,
    listen: Listener,
    *,
    trials: int = 1,
    told: Told | None = None,
) -> list[Trace]:
    """Run every case of a plan against its recordings, or read its recorded traces.

    Args:
        plan: What to run; its calls are replayed, whatever it says.
        world: The machine.
        listen: Is told of each finished trial.
        trials: Trials a case, where the agent does not bring its own number.
        told: Is told what the gateway saw of each trial.

    Returns:
        The traces, in the order in which trials ended.

    Raises:
        AgentLoadError: The agent cannot be loaded.
    """
    config = plan.suite.config
    kept = _Kept()
    failed = 0

    @asynccontextmanager
    async def context(_case: Case, trial: int) -> AsyncIterator[Context]:
        yield Context(trial=trial, timeout_s=config.timeout_s)

    def progress(event: TrialProgress) -> None:
        nonlocal failed
        failed += event.result.status != "finished"
        listen(Progress(plan.suite.name, event.finished, event.planned, failed))

    async with _agent(plan, world, told) as agent:
        await run_trials(
            RunPlan(
                cases=plan.cases,
                trials=range(agent.trials or trials),
                concurrency=config.concurrency,
                done=set(),
            ),
            agent,
            score=_unscored,
            sink=kept,
            context_for=context,
            on_progress=progress,
        )
    return kept.traces


def _unscored(case: Case, trace: Trace) -> TrialResult:
    return TrialResult(case_id=case.id, trial=trace.trial, status=trace.status, scores={})


@asynccontextmanager
async def _agent(plan: Plan, world: World, told: Told | None) -> AsyncIterator[Agent]:
    suite = plan.suite
    config = suite.config.agent
    redactor = Redactor.build(world.environ, patterns=suite.config.redact)
    async with AsyncExitStack() as stack:
        gateway, slots = None, None
        if plan.calls is not None:
            gateway = await stack.enter_async_context(
                open_gateway(suite, "replay", world, redactor)
            )
            if told is not None:
                gateway.told = told
            if config.run.startswith("python:") and config.isolation != "none":
                slots = gateway
        agent = await stack.enter_async_context(
            open_agent(
                config,
                root=suite.root,
                concurrency=suite.config.concurrency,
                timeout_s=suite.config.timeout_s,
                environ=world.environ,
                clock=world.clock,
                slots=slots,
                sandbox=open_sandbox(
                    suite,
                    world.environ,
                    None if gateway is None else gateway.origin,
                    lambda _: None,
                ),
            )
        )
        yield agent if gateway is None else ThroughGateway(agent, gateway, slots is not None)
