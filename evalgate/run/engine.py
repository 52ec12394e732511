"""Runs the trials of a plan, keeps them on disk, and hands them back scored."""

from asyncio import Future
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evalgate.agents.base import Context
from evalgate.agents.runner import Progress as TrialProgress
from evalgate.agents.runner import RunOutcome, RunPlan, first_failure, run_trials
from evalgate.agents.sandbox.policy import Observed
from evalgate.judges.judged_agent import JudgedAgent, with_verdict
from evalgate.judges.judging import Judging, open_judges
from evalgate.schema.canonical import digest
from evalgate.schema.config import Caps
from evalgate.schema.golden import Case
from evalgate.schema.result import Manifest, Subject, TrialResult
from evalgate.schema.trace import LlmCall, Trace
from evalgate.scorers.builtin import score_trial
from evalgate.store.redaction import clean_result, clean_trace
from evalgate.store.run_lines import iter_traces, iter_trials
from evalgate.store.run_writer import RunWriter, create_run, resume_run
from evalgate.store.runs import read_manifest
from evalgate.suite.agent_environment import Surroundings, agent_environment
from evalgate.suite.environment import Environment
from evalgate.suite.events import Listener, Progress
from evalgate.suite.plan import Plan
from evalgate.suite.scorer_process import open_scorers
from evalgate.text.counts import number_of
from evalgate.text.redact import Redactor


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How trials are scheduled."""

    concurrency: int
    """Trials at once."""
    timeout_s: float
    """Seconds a trial may take."""
    caps: Caps
    """Hard limits of the run."""
    fail_fast: bool = False
    """Whether the first failed trial ends the run."""
    executor: Literal["local", "ray"] = "local"
    """Where the agent runs: on this machine, or on a Ray cluster."""


@dataclass(slots=True)
class Seen:
    """What the traces of a run were made with; grows while it runs."""

    models: set[str] = field(default_factory=set)
    prompts: set[str] = field(default_factory=set)
    tools: set[str] = field(default_factory=set)
    sampling: set[str] = field(default_factory=set)
    replayed: bool = False
    live: bool = False
    """Whether some measured trace with calls of a model is none of a replay."""
    kinds: set[str] = field(default_factory=set)
    problems: dict[str, None] = field(default_factory=dict)
    ran: dict[str, set[str]] = field(default_factory=dict)
    """Names of tools by what became of their calls."""

    def add(self, trace: Trace) -> None:
        """Note what one trace was made with."""
        asked = any(isinstance(step, LlmCall) for step in trace.steps)
        asked = asked and trace.status != "not_measured"  # a call that a replay missed was not made
        self.replayed = self.replayed or trace.replayed
        self.live = self.live or (asked and not trace.replayed)
        problems = trace.metadata.get("gateway_problems")
        for problem in problems if isinstance(problems, list) else ():
            self.problems[str(problem)] = None
        ran = trace.metadata.get("tools")
        for how, names in ran.items() if isinstance(ran, dict) else ():
            if isinstance(names, list):
                self.ran.setdefault(how, set()).update(map(str, names))
        for step in trace.steps:
            if not isinstance(step, LlmCall):
                continue
            # The model of a request that was not answered is only what was asked for.
            answered = step.model if step.error is None else None
            for found, kept in (
                (answered, self.models),
                (step.prompt_digest, self.prompts),
                (step.tools_digest, self.tools),
                (step.sampling_digest, self.sampling),
            ):
                if found:
                    kept.add(found)

    def subject(self) -> Subject:
        """Return the fingerprints."""
        return Subject(
            model=", ".join(sorted(self.models)) or None,
            prompt_digest=_one(self.prompts),
            tools_digest=_one(self.tools),
            sampling_digest=_one(self.sampling),
        )


def _one(digests: set[str]) -> str | None:
    """Reduce the digests of all calls to one."""
    if not digests:
        return None
    return digest([*sorted(digests)]) if len(digests) > 1 else next(iter(digests))


@dataclass(slots=True)
class Execution:
    """A run that is open: its agent, its folder, and the trials so far."""

    plan: Plan
    limits: RunLimits
    agent: JudgedAgent
    writer: RunWriter
    redactor: Redactor
    listen: Listener
    manifest: Manifest
    """What was written down of the run before its agent started."""
    seen: Seen = field(default_factory=Seen)
    results: list[TrialResult] = field(default_factory=list)
    own_times: list[float] = field(default_factory=list)
    """Seconds outside model calls of each trial behind the gateway, measured now."""
    failed: int = 0
    notes: list[str] = field(default_factory=list)
    """What went wrong on our side and was made good."""
    learned: list[Observed] = field(default_factory=list)
    """What the agent was seen to open, where that was asked for."""

    @property
    def judging(self) -> Judging:
        """The suite's judges."""
        return self.agent.judging

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.writer.folder

    async def run(self, trials: range, cases: Iterable[Case] | None = None) -> RunOutcome:
        """Run trials of some cases (default: all that are planned), those on disk left out."""
        chosen = tuple(self.plan.cases if cases is None else cases)
        plan = RunPlan(
            cases=chosen,
            trials=trials,
            concurrency=self.limits.concurrency,
            done={(r.case_id, r.trial) for r in self.results},
            caps=self._caps(),
            stop_on=first_failure if self.limits.fail_fast else None,
        )
        return await run_trials(
            plan,
            self.agent,
            score=self._score,
            sink=self,
            context_for=self._context,
            on_progress=self._progress,
        )

    def _caps(self) -> Caps:
        """Return the caps that apply: reading a recording spends neither money nor tokens."""
        caps = self.limits.caps
        return Caps(seconds=caps.seconds) if self.plan.mode == "recorded" else caps

    def append(self, trace: Trace, result: TrialResult) -> Future[None]:
        """Write a trial without its secrets."""
        clean, kept = clean_result(result, self.redactor), clean_trace(trace, self.redactor)
        self.seen.add(kept)
        if trace.own_time is not None:
            self.own_times.append(trace.own_time)
        if trace.replayed:
            kept = kept.model_copy(update={"own_time": None})
        self.results.append(clean)
        return self.writer.append(kept, clean)

    def _score(self, case: Case, trace: Trace) -> TrialResult:
        result = score_trial(self.plan.scorers, case, trace, self.plan.settings)
        return with_verdict(result, self.agent.take(case, trace))

    @asynccontextmanager
    async def _context(self, _case: Case, trial: int) -> AsyncIterator[Context]:
        yield Context(trial=trial, timeout_s=self.limits.timeout_s)

    def _progress(self, event: TrialProgress) -> None:
        self.failed += event.result.status != "finished"
        name = self.plan.suite.name
        self.listen(Progress(name, event.finished, event.planned, self.failed))


@asynccontextmanager
async def executing(
    plan: Plan,
    limits: RunLimits,
    environment: Environment,
    target: Manifest | Path,
    listen: Listener,
) -> AsyncIterator[Execution]:
    """Open the agent and a run folder.

    Args:
        plan: What to run.
        limits: How.
        environment: The machine.
        target: The manifest of a new run, or the folder of one to go on with.
        listen: Is told of each finished trial.

    Raises:
        AgentLoadError: The agent cannot be loaded.
        InputError: The run folder cannot be written.
    """
    suite = plan.suite
    redactor = Redactor.build(environment.environ, patterns=suite.config.redact)
    manifest = target if isinstance(target, Manifest) else read_manifest(target)
    notes: list[str] = []
    learned: list[Observed] = []
    how = Surroundings(
        calls=plan.calls,
        concurrency=limits.concurrency,
        timeout_s=limits.timeout_s,
        executor=limits.executor,
        learned=learned.append,
        lost=notes.append,
    )
    agent = agent_environment(plan, how, environment, redactor)
    judges = open_judges(suite, environment, plan.judge)
    async with (
        judges as judging,
        open_scorers(plan, environment) as scorers,  # before the agent: it is loaded by then
        agent as opened,
        _folder(suite.runs, target) as writer,
    ):
        manifest = manifest.model_copy(update={"run_id": writer.folder.name})
        judged = JudgedAgent(opened, judging, scorers)
        execution = Execution(
            plan, limits, judged, writer, redactor, listen, manifest, notes=notes, learned=learned
        )
        if isinstance(target, Path):
            _take_up(execution, target, {case.id for case in plan.cases})
        yield execution


def _folder(runs: Path, target: Manifest | Path) -> AbstractAsyncContextManager[RunWriter]:
    return resume_run(target) if isinstance(target, Path) else create_run(runs, target)


def _take_up(execution: Execution, folder: Path, ids: set[str]) -> None:
    """Read what an earlier session of the run finished."""
    execution.results += [result for result in iter_trials(folder) if result.case_id in ids]
    for trace in iter_traces(folder):
        execution.seen.add(trace)


def lost_workers(notes: Sequence[str]) -> tuple[str, ...]:
    """Say how many trials were done again because their worker was lost."""
    if not notes:
        return ()
    again = number_of(len(notes), "trial was", "trials were")
    return (f"{again} done again after a worker was lost: {notes[0]}",)
