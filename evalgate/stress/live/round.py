"""Runs many sessions of a suite's real agent at once, and reads what the gateway saw of each."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from evalgate.agents.base import Agent, Context
from evalgate.errors import ConfigError
from evalgate.schema.golden import Case
from evalgate.schema.trace import LlmCall, Trace
from evalgate.stress.simulation.causes import CAUSES, Cause
from evalgate.stress.simulation.live_log import LoggedAttempt, LoggedCall, LoggedSession
from evalgate.suite.agent_environment import Surroundings, agent_environment, runs_in_loop
from evalgate.suite.environment import Environment
from evalgate.suite.gateway_agent import Gate
from evalgate.suite.plan import Plan
from evalgate.text.redact import Redactor

MOST_WORKERS = 64
"""Worker processes of a live check; an agent that runs in the loop needs none."""

_GRACE_S = 2.0
"""Seconds beyond the round that a trial's own limit lies: the round ends it, not the trial."""


@dataclass(frozen=True, slots=True)
class Role:
    """One session that is to be played."""

    number: int
    """Its number, from 0."""
    group: str
    """Its kind."""
    case: Case
    cassette: int
    """The recorded trial that is replayed."""
    start: float
    """Seconds after the round began."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One session that was played."""

    role: Role
    start: float
    """Seconds since the round began."""
    end: float | None
    """The same; null: time was up before."""
    trace: Trace | None
    """What happened; null: time was up before."""


@asynccontextmanager
async def open_live_agent(
    plan: Plan, environment: Environment, gate: Gate, at_once: int
) -> AsyncIterator[Agent]:
    """Open a suite's agent for so many sessions at once, behind a gateway that enforces limits.

    Raises:
        ConfigError: That many sessions would take too many processes.
        AgentLoadError: The agent cannot be loaded.
    """
    suite = plan.suite
    if not runs_in_loop(suite.config.agent) and at_once > MOST_WORKERS:
        raise ConfigError(
            f"{at_once} sessions at once would take {at_once} processes; at most {MOST_WORKERS}",
            fix=f"at most {MOST_WORKERS} --sessions, --arrive users:{MOST_WORKERS}, an async agent "
            "with `isolation: none` that takes its base URL from the context, or "
            "--engine simulate",
        )
    redactor = Redactor.build(environment.environ, patterns=suite.config.redact)
    how = Surroundings(
        calls="replay",
        concurrency=at_once,
        timeout_s=suite.config.timeout_s,
        workers=at_once,
        gate=gate,
    )
    async with agent_environment(plan, how, environment, redactor) as agent:
        yield agent


async def play(agent: Agent, roles: Sequence[Role], *, at_once: int, seconds: float) -> list[Ran]:
    """Play sessions as they come, for so long.

    Args:
        agent: The agent, behind the gateway.
        roles: What is played.
        at_once: Sessions that may run at a time.
        seconds: Wall time; what has not ended by then is cancelled.

    Raises:
        InputError: Something of the user's makes the whole check useless.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    free = asyncio.Semaphore(at_once)
    ran: dict[int, Ran] = {}

    async def one(role: Role) -> None:
        await asyncio.sleep(max(0.0, role.start - (loop.time() - began)))
        async with free:
            start = loop.time() - began
            ran[role.number] = Ran(role, start, None, None)
            context = Context(trial=role.number, timeout_s=seconds + _GRACE_S)
            trace = await agent.run(role.case, context)
            ran[role.number] = Ran(role, start, loop.time() - began, trace)

    tasks = [asyncio.create_task(one(role)) for role in roles]
    try:
        await asyncio.wait(tasks, timeout=seconds)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return [ran[number] for number in sorted(ran)]


def logged(
    ran: Sequence[Ran], ideal: Mapping[int, Ran], causes: Mapping[int, list[Cause]]
) -> list[LoggedSession]:
    """Read the log of a round.

    Args:
        ran: Its sessions.
        ideal: The same sessions without any limit, by number.
        causes: Why the quota refused requests, by session and in order of time.
    """
    return [
        _session(one, ideal[one.role.number], list(causes.get(one.role.number, ()))) for one in ran
    ]


def _session(ran: Ran, ideal: Ran, refusals: list[Cause]) -> LoggedSession:
    return LoggedSession(
        number=ran.role.number,
        group=ran.role.group,
        case_id=ran.role.case.id,
        start=ran.start,
        end=ran.end,
        status="cut" if ran.trace is None else ran.trace.status,
        output="" if ran.trace is None else str(ran.trace.output),
        calls=_unseen(refusals) if ran.trace is None else _calls(ran.trace, ran.start, refusals),
        ideal=0.0 if ideal.end is None else ideal.end - ideal.start,
        planned=0 if ideal.trace is None else len(_steps(ideal.trace)),
        ideal_output="" if ideal.trace is None else str(ideal.trace.output),
    )


def _steps(trace: Trace) -> list[LlmCall]:
    return [step for step in trace.steps if isinstance(step, LlmCall)]


def _unseen(refusals: list[Cause]) -> tuple[LoggedCall, ...]:
    """Of a session that was cut off only the refusals are known: one call without an end."""
    if not refusals:
        return ()
    attempts = tuple(LoggedAttempt(0.0, None, cause) for cause in refusals)
    return (LoggedCall(attempts, closed=False),)


def _calls(trace: Trace, began: float, refusals: list[Cause]) -> tuple[LoggedCall, ...]:
    steps = _steps(trace)
    order = sorted(
        (attempt.start or 0.0, place, number)
        for place, step in enumerate(steps)
        for number, attempt in enumerate(step.attempts)
        if attempt.error == "throttled"
    )
    why = dict(zip(((place, number) for _, place, number in order), refusals, strict=False))
    found = []
    for place, step in enumerate(steps):
        counts = _retry_counts(step)
        attempts = tuple(
            LoggedAttempt(
                start=began + (attempt.start or 0.0),
                end=None if attempt.end is None else began + attempt.end,
                cause=_cause(attempt.error, why.get((place, number))),
                hint=attempt.retry_after,
                retry_count=counts[number] if number < len(counts) else None,
            )
            for number, attempt in enumerate(step.attempts)
        )
        if attempts:
            closed = step.attempts[-1].error not in ("unfinished", "disconnected")
            found.append(LoggedCall(attempts, closed))
    return tuple(found)


def _retry_counts(step: LlmCall) -> list[int | None]:
    noted = step.metadata.get("retry_counts")
    if not isinstance(noted, list):
        return [None] * len(step.attempts)
    return [count if isinstance(count, int) else None for count in noted]


def _cause(error: str | None, throttle: Cause | None) -> Cause | None:
    """Read the gateway's name of an error."""
    if error is None:
        return None
    if error == "throttled":
        return throttle or "throttled_requests"
    if error in ("disconnected", "unfinished"):
        return "timeout"
    known: dict[str, Cause] = {cause: cause for cause in CAUSES}
    return known.get(error, "unknown")
