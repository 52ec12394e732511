"""`evalgate run`: run, score, compare, decide, for one suite or several."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from evalgate.errors import ConfigError, EvalgateError
from evalgate.gate.checks.must_pass import FRESH_TRIALS, needs_confirmation
from evalgate.gate.facts import RunFacts
from evalgate.gate.reports import combine
from evalgate.gate.settle import needs_more_trials
from evalgate.judges.calibration import suite_trust_checks
from evalgate.judges.judged_agent import judged_part
from evalgate.run.changed import touched_cases
from evalgate.run.engine import (
    Execution,
    Limits,
    by_trials,
    confirmations,
    executing,
    lost_workers,
)
from evalgate.run.forecast import forecast_cases
from evalgate.run.gate_inputs import load_judgement
from evalgate.run.report import Judgement, collect, compared, conclude, settling_note
from evalgate.schema.result import Manifest, Report, ReportSet
from evalgate.schema.score import Broken, Score
from evalgate.stats.summary import Side, side_of_report
from evalgate.store.runs import (
    find_run,
    iter_traces,
    new_run_id,
    prune_runs,
    read_manifest,
    write_manifest,
)
from evalgate.store.runs import write_report as save_report
from evalgate.stress.suite import check_stress, stressed
from evalgate.suite.environment import World
from evalgate.suite.events import Listener
from evalgate.suite.plan import Calls, Filters, JudgeMode, Plan, make_plan
from evalgate.suite.policy import Overrides, with_overrides
from evalgate.suite.suite import Suite

__all__ = [
    "Ran",
    "RunOptions",
    "filters_of",
    "first_trials",
    "new_manifest",
    "run_suite",
    "run_suites",
]


_REPLAY = (
    "replay judges code (tools, parsing, routing, retries); only a recording can say whether a "
    "changed prompt, model or tool schema is better or worse"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a user may ask of a run beside what the configuration says."""

    baseline: str | None = None
    """What to compare with: a path, the empty text for the suite's own; null: no comparison."""
    filters: Filters = field(default_factory=Filters)
    """Which cases are run."""
    overrides: Overrides = field(default_factory=Overrides)
    """What replaces fields of the configuration."""
    calls: Calls = "replay"
    """How the gateway treats model calls, where the suite has one; never live by surprise."""
    judge: JudgeMode = "replay"
    """Where verdicts of judges come from; no judge is asked by surprise."""
    fail_fast: bool = False
    """Whether the first failed trial ends the run."""
    partial: bool = False
    """Whether a selection of the cases may pass."""
    changed: str | None = None
    """The revision that a change starts from, the empty text to find it; only cases that the
    change touches are run, and that may pass. Null: all cases."""
    allow_removed: bool = False
    """Whether the golden set may have lost cases."""
    executor: Literal["local", "ray"] = "local"
    """Where the agent runs."""
    resume: str | None = None
    """The run to go on with."""
    command: str | None = None
    """The command line, for the manifest."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of several suites."""

    reports: ReportSet
    """One report a suite that could be run, and the exit code of the whole."""
    errors: tuple[tuple[str, EvalgateError], ...] = ()
    """Suites that could not be run, and why."""


def run_suites(suites: Sequence[Suite], options: RunOptions, world: World, listen: Listener) -> Ran:
    """Run suites one after another; one that cannot be run does not hide the others.

    What judges is read for all of them before the first agent runs, which could write files.

    Raises:
        EvalgateError: The only suite cannot be run.
    """
    reports: list[Report] = []
    errors: list[tuple[str, EvalgateError]] = []
    ready: list[tuple[str, Callable[[], Report]]] = []
    for suite in suites:
        try:
            ready.append((suite.name, _prepared(suite, options, world, listen)))
        except EvalgateError as error:
            if len(suites) == 1:
                raise
            errors.append((suite.name, error))
    for name, run in ready:
        try:
            reports.append(run())
        except EvalgateError as error:
            if len(suites) == 1:
                raise
            errors.append((name, error))
    codes = [error.exit_code for _, error in errors]
    return Ran(combine(reports, codes), tuple(errors))


def run_suite(suite: Suite, options: RunOptions, world: World, listen: Listener) -> Report:
    """Run one suite and keep its report in its run folder."""
    return _prepared(suite, options, world, listen)()


def _prepared(
    suite: Suite, options: RunOptions, world: World, listen: Listener
) -> Callable[[], Report]:
    """Load and resolve everything; what is returned runs the suite."""
    if suite.trust is not None:
        _refuse_leniency(suite, options)
        _refuse_ray(suite, options)
        settled = suite.trust.settled
        if settled is not None:
            return lambda: settled
    suite = with_overrides(suite, options.overrides)
    plan = make_plan(suite, filters_of(suite, options, world), options.calls, options.judge)
    _refuse_settling_a_shard(plan, options)
    check_stress(plan)
    judgement = _judgement(plan, options, world)
    return lambda: asyncio.run(_run(plan, options, judgement, world, listen))


def filters_of(suite: Suite, options: RunOptions, world: World) -> Filters:
    """Add the cases that a change touches to what was asked for."""
    if options.changed is None:
        return options.filters
    touched = touched_cases(suite, options.changed or None, world.environ)
    return replace(options.filters, touched=touched)


def _refuse_leniency(suite: Suite, options: RunOptions) -> None:
    """Let nobody leave cases out of a change that is judged by its base."""
    # A shard is no verdict: `evalgate merge` judges, and it wants every case.
    partial = options.partial and options.filters.shard is None
    for name, given in (("--partial", partial), ("--allow-removed", options.allow_removed)):
        if given:
            raise ConfigError(
                f"suite {suite.name!r}: {name} is refused where a change is judged by its base",
                fix=f"leave {name} out; `evalgate accept` accepts a failure in the open",
            )


def _refuse_ray(suite: Suite, options: RunOptions) -> None:
    """Keep an agent that is not trusted from processes that are not ours."""
    if options.executor == "ray":
        raise ConfigError(
            f"suite {suite.name!r}: --executor ray is refused where a change is judged by its "
            "base: Ray's own processes show their environment to the agent",
            fix="leave it out; `--shard I/N` and `evalgate merge` use several machines",
        )


def _refuse_settling_a_shard(plan: Plan, options: RunOptions) -> None:
    """Keep every shard at the same number of trials: settling looks at all cases."""
    config = plan.suite.config
    settles = config.max_trials is not None and config.max_trials > config.trials
    if plan.shard is not None and settles and options.baseline is not None:
        raise ConfigError(
            f"suite {plan.suite.name!r}: max_trials is {config.max_trials}, and a shard cannot "
            "settle: whether more trials are needed shows over all cases",
            fix="run shards without --baseline, and give it to `evalgate merge`",
        )


def _judgement(plan: Plan, options: RunOptions, world: World) -> Judgement:
    """Load what the run is judged by before anything is spent on it."""
    touched_only = options.changed is not None and plan.suite.trust is None
    facts = RunFacts(allow_partial=options.partial or touched_only, today=world.timestamp())
    return load_judgement(plan, options.baseline, facts, allow_removed=options.allow_removed)


async def _run(
    plan: Plan, options: RunOptions, judgement: Judgement, world: World, listen: Listener
) -> Report:
    config = plan.suite.config
    limits = Limits(
        config.concurrency, config.timeout_s, config.caps, options.fail_fast, options.executor
    )
    target = _target(plan, options, world)
    async with executing(plan, limits, world, target, listen) as execution:
        report = await _trials_and_verdict(execution, plan, judgement, world)
        save_report(execution.folder, report)
        manifest = read_manifest(execution.folder)
        subject = execution.seen.subject(plan.suite.root)
        done = {
            "finished": world.timestamp(),
            "subject": subject,
            "trials": report.suite.trials,  # settling and recorded agents bring their own number
        }
        write_manifest(execution.folder, manifest.model_copy(update=done))
        prune_runs(plan.suite.runs, plan.suite.keep_runs, spare={execution.folder})
    return report


def _target(plan: Plan, options: RunOptions, world: World) -> Manifest | Path:
    """Describe a new run, or find the one to go on with."""
    if options.resume is None:
        return new_manifest(plan, world, options.command)
    folder = find_run(plan.suite.runs, options.resume)
    _refuse_other_run(read_manifest(folder), plan, folder)
    return folder


def new_manifest(plan: Plan, world: World, command: str | None = None) -> Manifest:
    """Describe a new run."""
    suite = plan.suite
    return Manifest(
        run_id=new_run_id(world.now(), _run_name(plan)),
        suite=suite.name,
        golden=str(suite.golden),
        golden_digest=plan.golden.digest,
        agent=suite.config.agent.run,
        trials=suite.config.trials,
        selected=tuple(case.id for case in plan.cases) if plan.partial else None,
        created=world.timestamp(),
        environment=dict(world.versions),
        command=command,
        config=None if suite.source is None else str(suite.source),
    )


def _run_name(plan: Plan) -> str:
    """Name a run after its suite; shards may start in the same millisecond."""
    part = "" if plan.shard is None else f"-{plan.shard.number}-of-{plan.shard.count}"
    return plan.suite.name + part


def _refuse_other_run(manifest: Manifest, plan: Plan, folder: Path) -> None:
    for what, then, now in (
        ("suite", manifest.suite, plan.suite.name),
        ("golden set", manifest.golden_digest, plan.golden.digest),
        ("agent", manifest.agent, plan.suite.config.agent.run),
    ):
        if then != now:
            raise ConfigError(
                f"{folder}: cannot be resumed: its {what} is {then!r}, now it is {now!r}",
                fix="start a new run without --resume",
            )


async def _trials_and_verdict(
    execution: Execution, plan: Plan, judgement: Judgement, world: World
) -> Report:
    """Run all trials, settle, confirm failures of `must_pass` cases, and decide."""
    trials = first_trials(execution, plan)
    outcome = await execution.run(range(trials))
    report = _report(execution, plan, trials)
    while outcome.complete and _unsettled(report, plan, judgement):
        trials += 1
        outcome = await execution.run(range(trials))
        report = _report(execution, plan, trials)
    facts = replace(judgement.facts, cap=None if outcome.complete else outcome.reason)
    if outcome.complete:
        facts = replace(facts, fresh=await _fresh(execution, plan, report, judgement, trials))
    facts = replace(facts, record=_record_hint(plan, report))
    notes = (*settling_note(plan, judgement.baseline), *lost_workers(execution.notes))
    notes = (*notes, *execution.seen.problems)
    if facts.record is not None:
        notes = (*notes, _REPLAY)
    report = report.model_copy(update={"warnings": notes})
    traces = iter_traces(execution.folder)
    report = await stressed(report, plan, traces, world, execution.listen)
    trust = suite_trust_checks(plan.suite, execution.judging, plan.metrics)
    judgement = replace(judgement, facts=facts, trust=trust)
    return conclude(report, plan, judgement, execution.folder)


def _record_hint(plan: Plan, report: Report) -> str | None:
    """Say what a live run of the trials that a replay missed takes, and how to start it."""
    missed = [
        case.id
        for case in report.cases
        if any(trial.status == "not_measured" for trial in case.trials)
    ]
    if plan.calls != "replay" or not missed:
        return None
    forecast = forecast_cases(plan, missed)
    told = "" if forecast is None else f"  ({forecast.sentence(len(report.cases))})"
    return f"evalgate run {plan.suite.asked} --record-missing{told}"


def first_trials(execution: Execution, plan: Plan) -> int:
    """Return how many trials to start with; recorded agents bring their own number."""
    recorded = execution.agent.trials
    asked = "trials" in plan.suite.config.model_fields_set
    return recorded if recorded is not None and not asked else plan.suite.config.trials


def _report(execution: Execution, plan: Plan, trials: int) -> Report:
    subject = execution.seen.subject(plan.suite.root)
    judged = judged_part(execution.judging, plan.metrics)
    return collect(plan, by_trials(execution.results, trials), trials, subject, judged)


def _unsettled(report: Report, plan: Plan, judgement: Judgement) -> bool:
    most = plan.suite.config.max_trials
    if most is None or judgement.baseline is None:
        return False
    allow = judgement.allow_removed
    return needs_more_trials(compared(report, plan, judgement.baseline, allow_removed=allow), most)


async def _fresh(
    execution: Execution, plan: Plan, report: Report, judgement: Judgement, trials: int
) -> dict[str, tuple[Score, ...]]:
    """Run fresh trials of `must_pass` cases that failed; they are kept and not pooled."""
    side: Side = side_of_report(report)
    wanted = set(needs_confirmation(side, judgement.baseline))
    if not wanted:
        return {}
    cases = [case for case in plan.cases if case.id in wanted]
    await execution.run(range(trials, trials + FRESH_TRIALS), cases)
    missing = Broken("the trial has no score for task_success")
    found = confirmations(execution.results, trials)
    return {
        name: tuple(result.scores.get("task_success", missing) for result in results)
        for name, results in found.items()
        if name in wanted
    }
