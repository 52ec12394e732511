"""Runs a suite's agent only to see what it does: nothing is scored, stored or called live."""

from asyncio import Future, get_running_loop
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from evalgate.agents.base import Context
from evalgate.agents.runner import Progress as TrialProgress
from evalgate.agents.runner import RunPlan, run_trials
from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.trace import Trace
from evalgate.suite.agent_environment import Surroundings, Told, agent_environment
from evalgate.suite.environment import Environment
from evalgate.suite.events import Listener, Progress
from evalgate.suite.plan import Plan
from evalgate.text.redact import Redactor


@dataclass(slots=True)
class _Kept:
    """Keeps traces in memory."""

    traces: list[Trace] = field(default_factory=list)

    def append(self, trace: Trace, _result: TrialResult) -> "Future[None]":
        self.traces.append(trace)
        done: Future[None] = get_running_loop().create_future()
        done.set_result(None)
        return done


async def replayed_traces(
    plan: Plan,
    environment: Environment,
    listen: Listener,
    *,
    trials: int = 1,
    told: Told | None = None,
) -> list[Trace]:
    """Run every case of a plan against its recordings, or read its recorded traces.

    Args:
        plan: What to run; its calls are replayed, whatever it says.
        environment: The machine.
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

    how = Surroundings(
        calls=None if plan.calls is None else "replay",
        concurrency=config.concurrency,
        timeout_s=config.timeout_s,
        told=told,
    )
    redactor = Redactor.build(environment.environ, patterns=config.redact)
    async with agent_environment(plan, how, environment, redactor) as agent:
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
