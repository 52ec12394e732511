"""The only place where trials are scheduled."""

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Container, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from evalgate.agents.base import Agent, Context
from evalgate.agents.budget import Spent
from evalgate.errors import InputError
from evalgate.schema.config import Caps
from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Scored
from evalgate.schema.trace import Trace

_BACKLOG: Final = 256
"""Trials that may wait to be scored or written, beside those that run; more hold up the next."""

_COLLECT_EVERY: Final = 50_000
"""Objects that are made before the garbage collector looks at them; Python's own is 700."""

_AT_ONCE: Final = 8
"""Trials that are scored in one go; each go costs a system call, and holds up the agents."""

_PAUSE_S: Final = 0.002
"""Seconds a trial waits before it looks again whether it may start."""

ContextFor = Callable[[Case, int], AbstractAsyncContextManager[Context]]
"""Opens what one trial needs (a session at the gateway) and closes it after the trial."""


class Sink(Protocol):
    """Where finished trials go."""

    def append(self, trace: Trace, result: TrialResult) -> "asyncio.Future[None]":
        """Write a trial; the future is done when it is safe on disk, or carries an InputError.

        Nothing of the trace is kept in memory once this returns.
        """


@dataclass(frozen=True, slots=True)
class Progress:
    """One more trial is safe on disk."""

    result: TrialResult
    finished: int
    """Trials that are on disk, earlier ones of a resumed run included."""
    planned: int
    """Trials in all."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What to run, and where to stop."""

    cases: Sequence[Case]
    """The cases, with distinct ids."""
    trials: range
    """Numbers of the trials of each case; all cases get trial 0 before any gets trial 1."""
    concurrency: int
    """Trials at once."""
    done: Container[tuple[str, int]] = frozenset()
    """Trials that are on disk already and are not run again."""
    caps: Caps = field(default_factory=Caps)
    """Hard limits; a cap on money or tokens lets running trials end, one on time does not."""
    stop_on: Callable[[TrialResult], str | None] | None = None
    """Names a reason to stop after this trial; null: none."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended. The trials themselves are on disk."""

    planned: int
    """Trials in all."""
    finished: int
    """Trials that are on disk, earlier ones of a resumed run included."""
    stopped: Literal["cap", "asked"] | None = None
    """Why trials are missing: a cap, or `stop_on`; null: none is."""
    reason: str | None = None
    """The same in a sentence."""

    @property
    def complete(self) -> bool:
        """Whether every trial was run."""
        return self.finished == self.planned


def first_failure(result: TrialResult) -> str | None:
    """Stop at the first trial that did not finish or did not succeed (`--fail-fast`)."""
    what = f"case {result.case_id!r}, trial {result.trial}"
    if result.status != "finished":
        return f"{what} ended as {result.status!r}"
    success = result.scores.get("task_success")
    if isinstance(success, Scored) and success.value < 1:
        return f"{what} failed"
    return None


@dataclass(slots=True)
class _Run:
    """The state of one run; lives and ends with `run_trials`."""

    plan: RunPlan
    agent: Agent
    score: Callable[[Case, Trace], TrialResult]
    sink: Sink
    context_for: ContextFor
    on_progress: Callable[[Progress], None] | None
    todo: Iterator[tuple[Case, int]]
    planned: int
    finished: int
    spent: Spent = field(default_factory=Spent)
    stopped: Literal["cap", "asked"] | None = None
    reason: str | None = None
    ended: deque[tuple[Case, int, Trace]] = field(default_factory=deque)
    waiting: "dict[asyncio.Future[None], TrialResult]" = field(default_factory=dict)
    broken: BaseException | None = None
    ending: bool = False
    """Whether workers are cancelled by us."""

    @property
    def decides(self) -> bool:
        """Whether a trial can end the run, so that it is judged before the next one starts."""
        caps = self.plan.caps
        return (self.plan.stop_on, caps.cost_usd, caps.tokens) != (None, None, None)

    def stop(self, kind: Literal["cap", "asked"], reason: str) -> None:
        if self.stopped is None:
            self.stopped, self.reason = kind, reason

    async def work(self) -> None:
        """Do one trial after the other until there is none, or a reason to stop."""
        for case, trial in self.todo:
            async with self.context_for(case, trial) as context:
                trace = await self._trace(case, context)
            self.ended.append((case, trial, trace))
            if self.decides:
                self._keep_all()
            elif len(self.ended) == 1:
                asyncio.get_running_loop().call_soon(self._keep_next)
            while self._is_behind():  # noqa: ASYNC110  # an event would be set at every trial
                await asyncio.sleep(_PAUSE_S)
            if self.broken is not None:
                raise self.broken
            if self.stopped is not None:
                return

    async def _trace(self, case: Case, context: Context) -> Trace:
        """Run one trial; an agent that cancels the task it runs in has only failed its trial."""
        try:
            return await self.agent.run(case, context)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self.ending or task is None:
                raise
            while task.cancelling():
                task.uncancel()
        with suppress(asyncio.CancelledError):  # one that is still to come is the agent's too
            await asyncio.sleep(0)
        if self.ending:
            raise asyncio.CancelledError
        return Trace(
            case_id=case.id,
            trial=context.trial,
            status="crashed",
            error="the agent cancelled the task it runs in",
        )

    def _is_behind(self) -> bool:
        """Whether so much waits to be scored or written that no trial should start."""
        return len(self.ended) + len(self.waiting) > _BACKLOG + self.plan.concurrency

    def _keep_next(self) -> None:
        """Keep a few trials, then let agents go on before the next are kept.

        Scoring and writing take longer than starting the next trial. Were they done in between,
        trials that ended together would start together for ever, each waiting for all others.
        """
        try:
            for _ in range(min(len(self.ended), _AT_ONCE)):
                self._keep(*self.ended.popleft())
        except Exception as error:  # noqa: BLE001  # raised again by whoever asks next
            self.broken = error
        if self.ended and self.broken is None:
            asyncio.get_running_loop().call_soon(self._keep_next)

    def _keep_all(self) -> None:
        while self.ended:
            self._keep(*self.ended.popleft())

    def _keep(self, case: Case, trial: int, trace: Trace) -> None:
        """Score a trial and hand it to the disk."""
        if (trace.case_id, trace.trial) != (case.id, trial):
            message = (
                f"the agent answered case {case.id!r}, trial {trial} with a trace of case "
                f"{trace.case_id!r}, trial {trace.trial}"
            )
            raise InputError(message)
        result = self.score(case, trace)
        self.spent.add(trace, result)
        written = self.sink.append(trace, result)
        self.waiting[written] = result
        written.add_done_callback(self._written)
        exceeded = self.spent.exceeded(self.plan.caps, self.plan.concurrency)
        if exceeded is not None:
            self.stop("cap", exceeded)
        asked = self.plan.stop_on(result) if self.plan.stop_on is not None else None
        if asked is not None:
            self.stop("asked", asked)

    def _written(self, written: "asyncio.Future[None]") -> None:
        result = self.waiting.pop(written)
        if written.cancelled():
            return
        error = written.exception()
        if error is not None:
            self.broken = self.broken or error
            return
        self.finished += 1
        if self.on_progress is not None:
            self.on_progress(Progress(result, self.finished, self.planned))

    async def drain(self) -> None:
        """Wait until everything that ended is on disk."""
        if self.broken is None:
            self._keep_all()
        if self.waiting:
            await asyncio.wait(tuple(self.waiting))
            await asyncio.sleep(0)


async def run_trials(  # the surroundings of a run, each by its name
    plan: RunPlan,
    agent: Agent,
    *,
    score: Callable[[Case, Trace], TrialResult],
    sink: Sink,
    context_for: ContextFor,
    on_progress: Callable[[Progress], None] | None = None,
) -> RunOutcome:
    """Run every trial of a plan that is not done yet, so many at once.

    A trial is reported only when it is on disk. When the run is cancelled (Ctrl-C), what is
    finished is brought to disk before the cancellation goes on.

    Args:
        plan: What to run, and where to stop.
        agent: The agent.
        score: Makes the result of a trial; runs in the event loop, so it should be quick.
        sink: Where trials go.
        context_for: Opens what one trial needs.
        on_progress: Hears of every trial that is on disk.

    Raises:
        InputError: The agent cannot be run at all, or the disk is full.
    """
    todo, skipped = _todo(plan)
    planned = len(plan.cases) * len(plan.trials)
    run = _Run(plan, agent, score, sink, context_for, on_progress, todo, planned, skipped)
    count = min(plan.concurrency, planned - skipped)
    workers = [asyncio.create_task(run.work()) for _ in range(count)]
    with _rare_collections():
        try:
            await _until_over(run, workers)
        finally:
            run.ending = True
            await _end(workers)
            await _shielded(run.drain())
    if run.broken is not None:
        raise run.broken
    if run.finished == run.planned:
        return RunOutcome(run.planned, run.finished)
    return RunOutcome(run.planned, run.finished, run.stopped, run.reason)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for cyclic garbage less often: trials leave none, and each look visits every case."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], _COLLECT_EVERY), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _todo(plan: RunPlan) -> tuple[Iterator[tuple[Case, int]], int]:
    """Return the trials to run, one at a time, and how many need not be run."""
    skipped = sum((case.id, trial) in plan.done for trial in plan.trials for case in plan.cases)
    todo = (
        (case, trial)
        for trial in plan.trials
        for case in plan.cases
        if (case.id, trial) not in plan.done
    )
    return todo, skipped


async def _until_over(run: _Run, workers: "list[asyncio.Task[None]]") -> None:
    """Wait for all workers, for the first that fails, or for the cap on time."""
    if not workers:
        return
    limit = run.plan.caps.seconds
    done, pending = await asyncio.wait(workers, timeout=limit, return_when=asyncio.FIRST_EXCEPTION)
    for worker in done:
        worker.result()
    if pending and limit is not None:
        run.stop("cap", f"the cap of {limit:g} s is reached")


async def _end(workers: "list[asyncio.Task[None]]") -> None:
    """Cancel workers that still run, and wait until they are gone."""
    for worker in workers:
        worker.cancel()
    if workers:
        await _shielded(_gone(workers))


async def _gone(workers: "list[asyncio.Task[None]]") -> None:
    await asyncio.gather(*workers, return_exceptions=True)


async def _shielded(work: Coroutine[Any, Any, None]) -> None:
    """Finish something even when a cancellation comes in between; then let it go on."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise
