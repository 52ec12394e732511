"""A suite that is kept open, and whose cases are run when somebody asks for them.

The trials run in a thread of their own, so that whoever asks need not be asynchronous: this is
how pytest runs cases as test items.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalgate.agents.budget import cost_of, tokens_of
from evalgate.errors import CapReached, DataError
from evalgate.gate.checks.must_pass import FRESH_TRIALS, needs_confirmation
from evalgate.run.engine import Execution, RunLimits, executing
from evalgate.run.evaluate import TrialSet, collected
from evalgate.run.run import first_trials
from evalgate.run.stored import new_manifest
from evalgate.schema.config import Caps
from evalgate.schema.result import JudgeInfo, Manifest, Subject, TrialResult
from evalgate.schema.trace import Trace
from evalgate.stats.summary import summary_of_report
from evalgate.suite.environment import Environment
from evalgate.suite.events import Progress
from evalgate.suite.plan import Plan

_LOOK_S = 0.2
"""Seconds between two looks whether the run has failed meanwhile."""


@dataclass(slots=True)
class _Feed:
    """Trials that are on disk, handed from the thread that runs them to the one that asks."""

    execution: Execution | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)
    count: int = 0
    by_case: dict[str, list[TrialResult]] = field(default_factory=dict)
    runs: "set[asyncio.Task[None]]" = field(default_factory=set)

    def heard(self, _: Progress) -> None:
        """Take up one more trial; they reach the disk in the order they were appended."""
        if self.execution is None:
            return
        with self.changed:
            result = self.execution.results[self.count]
            self.count += 1
            self.by_case.setdefault(result.case_id, []).append(result)
            self.changed.notify_all()


@dataclass(slots=True)
class OpenSuite:
    """An open suite; its methods are called from a thread that is not the loop's."""

    plan: Plan
    """What can be run."""
    trials: int
    """Trials a case."""
    caps: Caps
    """What all cases together may spend here."""
    _execution: Execution
    _feed: _Feed
    _loop: asyncio.AbstractEventLoop
    _asked: "dict[str, Future[None]]" = field(default_factory=dict)
    _stopped: str | None = None

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._execution.folder

    def ask(self, case_ids: Sequence[str]) -> None:
        """Start the trials of cases that nobody has asked for yet; does not wait."""
        wanted = [name for name in case_ids if name not in self._asked]
        if wanted:
            run = asyncio.run_coroutine_threadsafe(self._started(wanted), self._loop)
            self._asked |= dict.fromkeys(wanted, run)

    def results(self, case_id: str) -> tuple[TrialResult, ...]:
        """Wait for the trials of a case, by number; fresh ones of `must_pass` cases included.

        Raises:
            EvalgateError: The agent cannot be run at all, or a cap is reached.
        """
        self.ask([case_id])
        run = self._asked[case_id]
        must_pass = any(case.must_pass for case in self.plan.cases if case.id == case_id)
        with self._feed.changed:
            while not run.done() and (must_pass or not self._is_done(case_id)):
                self._feed.changed.wait(_LOOK_S)
        if not self._is_done(case_id):
            run.result()
            raise CapReached(f"case {case_id!r} was not run to its end: {self._stopped}")
        return tuple(sorted(self._feed.by_case[case_id], key=lambda result: result.trial))

    def trace(self, case_id: str, trial: int) -> Trace:
        """Return the trace of a trial that `results` has returned."""
        for trace in self._execution.writer.traces({(case_id, trial)}):
            return trace
        raise DataError(f"{self.folder}: there is no trace of case {case_id!r}, trial {trial}")

    def judge(self) -> JudgeInfo | None:
        """Return what the judges have done up to here."""
        return self._execution.judging.info()

    def cancel(self) -> None:
        """End what still runs; trials that ended are on disk."""
        for run in self._asked.values():
            run.cancel()

    def _is_done(self, case_id: str) -> bool:
        done = [r for r in self._feed.by_case.get(case_id, ()) if r.trial < self.trials]
        return len(done) >= self.trials

    async def _started(self, names: Sequence[str]) -> None:
        run = asyncio.create_task(self._run(names))
        self._feed.runs.add(run)
        await run

    async def _run(self, names: Sequence[str]) -> None:
        """Run all trials of some cases, then fresh ones of `must_pass` cases that failed."""
        execution, plan = self._execution, self.plan
        if plan.mode != "replay":
            caps = caps_left(self.caps, execution.results)
            execution.limits = replace(execution.limits, caps=caps)
        chosen = set(names)
        cases = [case for case in plan.cases if case.id in chosen]
        outcome = await execution.run(range(self.trials), cases)
        if not outcome.complete:
            self._stopped = outcome.reason
            return
        own = [result for result in execution.results if result.case_id in chosen]
        trials = TrialSet(results=own, trials=self.trials, subject=Subject())
        side = summary_of_report(collected(plan, trials))
        failed = set(needs_confirmation(side, None)) & chosen
        again = [case for case in cases if case.id in failed]
        if again:
            await execution.run(range(self.trials, self.trials + FRESH_TRIALS), again)


def caps_left(caps: Caps, results: Sequence[TrialResult]) -> Caps:
    """Return what may still be spent; a trial of unknown cost counts as the dearest known one.

    Raises:
        CapReached: Nothing may.
    """
    costs, tokens = [], []
    for result in results:
        costs.append(cost_of(result))
        counted, known = tokens_of(result)
        tokens.append(counted if known else None)
    left: dict[str, float | int] = {}
    for name, limit, spent in (("cost_usd", caps.cost_usd, costs), ("tokens", caps.tokens, tokens)):
        if limit is not None and spent:
            dearest = max((value for value in spent if value is not None), default=limit)
            left[name] = limit - sum(dearest if value is None else value for value in spent)
            if left[name] <= 0:
                raise CapReached(f"the cap on {name} of {limit:g} is reached")
    return caps.model_copy(update=left)


@contextmanager
def open_session(
    plan: Plan, environment: Environment, name: str, *, share: int = 1
) -> Iterator[OpenSuite]:
    """Open a suite to be run case by case.

    Args:
        plan: What can be run.
        environment: The machine.
        name: Ends the id of the run, so that processes that start together differ.
        share: Processes that share the suite's caps on cost and tokens.

    Raises:
        AgentLoadError: The agent cannot be loaded.
        InputError: The run folder cannot be written.
    """
    ready: Future[OpenSuite] = Future()
    over: list[asyncio.Event] = []
    manifest = new_manifest(plan, environment)
    manifest = manifest.model_copy(update={"run_id": f"{manifest.run_id}-{name}"})

    def live() -> None:
        try:
            asyncio.run(_serve(plan, environment, manifest, _shared(plan, share), ready, over))
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that asks
            if not ready.done():
                ready.set_exception(error)

    thread = threading.Thread(target=live, name="evalgate-session", daemon=True)
    thread.start()
    session = ready.result()
    try:
        yield session
    finally:
        session.cancel()
        session._loop.call_soon_threadsafe(over[0].set)  # noqa: SLF001  # opened right here
        thread.join()


def _shared(plan: Plan, share: int) -> Caps:
    caps = plan.suite.config.caps
    cost = None if caps.cost_usd is None else caps.cost_usd / share
    tokens = None if caps.tokens is None else max(caps.tokens // share, 1)
    return caps.model_copy(update={"cost_usd": cost, "tokens": tokens})


async def _serve(
    plan: Plan,
    environment: Environment,
    manifest: Manifest,
    caps: Caps,
    ready: "Future[OpenSuite]",
    over: list[asyncio.Event],
) -> None:
    """Hold the agent and the run folder open until the end."""
    config, feed = plan.suite.config, _Feed()
    over.append(asyncio.Event())
    limits = RunLimits(config.concurrency, config.timeout_s, caps)
    async with executing(plan, limits, environment, manifest, feed.heard) as execution:
        feed.execution = execution
        trials = first_trials(execution, plan)
        loop = asyncio.get_running_loop()
        ready.set_result(OpenSuite(plan, trials, caps, execution, feed, loop))
        await over[0].wait()
        # Trials that are cancelled still go to disk: the folder stays open until they are there.
        await asyncio.gather(*feed.runs, return_exceptions=True)
