"""`evalgate run`: run, score, compare, decide, for one suite or several."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from evalgate.errors import ConfigError, EvalgateError
from evalgate.gate.checks.must_pass import FRESH_TRIALS, needs_confirmation
from evalgate.gate.judge import GateInputs
from evalgate.gate.reports import combine
from evalgate.gate.settle import needs_more_trials
from evalgate.judges.calibration import suite_trust_checks
from evalgate.judges.judged_agent import judged_part
from evalgate.run.changed import touched_cases
from evalgate.run.engine import Execution, RunLimits, executing, lost_workers
from evalgate.run.evaluate import TrialSet, collected, compared, evaluate
from evalgate.run.gate_inputs import load_gate_inputs
from evalgate.run.grounds import grounds_of
from evalgate.run.stored import keep_report, new_manifest, resumable_run
from evalgate.schema.result import Manifest, Report, ReportSet
from evalgate.stats.summary import summary_of_report
from evalgate.store.run_lines import iter_traces
from evalgate.stress.organisation import Ended, Share, joint_reports
from evalgate.stress.suite import check_stress, stored_share, stressed
from evalgate.suite.environment import Environment
from evalgate.suite.events import Listener
from evalgate.suite.isolation import SandboxMode, isolated_by, isolation_notes
from evalgate.suite.plan import Calls, Filters, JudgeMode, Plan, make_plan
from evalgate.suite.policy import Overrides, with_overrides
from evalgate.suite.sandbox import learned_notes
from evalgate.suite.suite import Suite

if TYPE_CHECKING:
    from pathlib import Path


_log = logging.getLogger(__name__)


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
    sandbox: SandboxMode | None = None
    """Whether the agent is kept apart; null: where a change is judged by its base."""
    command: str | None = None
    """The command line, for the manifest."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of several suites."""

    reports: ReportSet
    """One report a suite that could be run, and the exit code of the whole."""
    errors: tuple[tuple[str, EvalgateError], ...] = ()
    """Suites that could not be run, and why."""


def run_suites(
    suites: Sequence[Suite], options: RunOptions, environment: Environment, listen: Listener
) -> Ran:
    """Run suites one after another; one that cannot be run does not hide the others.

    What judges is read for all of them before the first agent runs, which could write files.

    Raises:
        EvalgateError: The only suite cannot be run.
    """
    reports: list[Report] = []
    errors: list[tuple[str, EvalgateError]] = []
    ready: list[tuple[str, Callable[[], Ended]]] = []
    shares: list[Share] = []
    for suite in suites:
        try:
            ready.append((suite.name, _prepared(suite, options, environment, listen)))
        except EvalgateError as error:
            if len(suites) == 1:
                raise
            errors.append((suite.name, error))
    for name, run in ready:
        try:
            report, share = run()
            reports.append(report)
            if share is not None:
                shares.append(share)
        except EvalgateError as error:
            if len(suites) == 1:
                raise
            errors.append((name, error))
    if not options.filters.any and options.changed is None:
        reports += joint_reports(suites, shares)
    codes = [error.exit_code for _, error in errors]
    return Ran(combine(reports, codes), tuple(errors))


def run_suite(
    suite: Suite, options: RunOptions, environment: Environment, listen: Listener
) -> Report:
    """Run one suite and keep its report in its run folder."""
    return _prepared(suite, options, environment, listen)()[0]


def _prepared(
    suite: Suite, options: RunOptions, environment: Environment, listen: Listener
) -> Callable[[], Ended]:
    """Load and resolve everything; what is returned runs the suite."""
    if suite.trust is not None:
        _refuse_leniency(suite, options)
        _refuse_ray(suite, options)
        _refuse_unnamed(suite, options)
        settled = suite.trust.settled
        if settled is not None:
            return lambda: (settled, None)
    suite = _isolated(with_overrides(suite, options.overrides), options, environment)
    plan = make_plan(suite, filters_of(suite, options, environment), options.calls, options.judge)
    _refuse_settling_a_shard(plan, options)
    check_stress(plan)
    touched_only = options.changed is not None and plan.suite.trust is None
    inputs = load_gate_inputs(
        plan,
        options.baseline,
        environment.timestamp(),
        allow_removed=options.allow_removed,
        allow_partial=options.partial or touched_only,
    )
    return lambda: _run(plan, options, inputs, environment, listen)


def _run(
    plan: Plan, options: RunOptions, inputs: GateInputs, environment: Environment, listen: Listener
) -> Ended:
    """Run a plan in an event loop of its own.

    asyncio writes the `repr` of what the main task returns while it takes its signal handler
    away, and the one of a report of 10,000 cases takes a second: nothing is returned from it.
    """
    ended: list[Ended] = []

    async def main() -> None:
        ended.append(await _ended(plan, options, inputs, environment, listen))

    asyncio.run(main())
    return ended[0]


def _isolated(suite: Suite, options: RunOptions, environment: Environment) -> Suite:
    """Decide how the agent is kept apart, where that is wanted."""
    mode = options.sandbox or ("on" if suite.trust is not None else None)
    if mode is None:
        return suite
    if mode != "off" and options.executor == "ray":
        raise ConfigError(
            f"suite {suite.name!r}: --sandbox={mode} does not reach the workers of --executor ray",
            fix="leave one of them out",
        )
    isolation = isolated_by(suite.config.agent.run, mode, environment.walls())
    config = suite.config
    if mode != "off" and config.agent.isolation == "none":
        agent = config.agent.model_copy(update={"isolation": "process"})
        config = config.model_copy(update={"agent": agent})
    return replace(suite, config=config, isolation=isolation)


def filters_of(suite: Suite, options: RunOptions, environment: Environment) -> Filters:
    """Add the cases that a change touches to what was asked for."""
    if options.changed is None:
        return options.filters
    touched = touched_cases(suite, options.changed or None, environment.environ)
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


def _refuse_unnamed(suite: Suite, options: RunOptions) -> None:
    """Send no key to a place that only the change names."""
    unnamed = () if suite.trust is None else suite.trust.unnamed
    live = options.calls in ("record", "auto") or options.judge in ("auto", "fresh")
    if unnamed and live:
        raise ConfigError(
            f"suite {suite.name!r} is new and would send a key where no suite of the base sends "
            f"one: {'; '.join(unnamed)}",
            fix="a maintainer merges the suite first, or records it on a branch they trust; replay "
            "needs no key",
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


def first_trials(execution: Execution, plan: Plan) -> int:
    """Return how many trials to start with; recorded agents bring their own number."""
    recorded = execution.agent.trials
    asked = "trials" in plan.suite.config.model_fields_set
    return recorded if recorded is not None and not asked else plan.suite.config.trials


async def run_plan(
    plan: Plan, options: RunOptions, inputs: GateInputs, environment: Environment, listen: Listener
) -> Report:
    """Run all trials, settle, confirm failures of `must_pass` cases, and evaluate."""
    return (await _ended(plan, options, inputs, environment, listen))[0]


async def _ended(
    plan: Plan, options: RunOptions, inputs: GateInputs, environment: Environment, listen: Listener
) -> Ended:
    config = plan.suite.config
    limits = RunLimits(
        config.concurrency, config.timeout_s, config.caps, options.fail_fast, options.executor
    )
    target: Manifest | Path = (
        new_manifest(plan, environment, options.command)
        if options.resume is None
        else resumable_run(options.resume, plan, environment)
    )
    async with executing(plan, limits, environment, target, listen) as execution:
        _log.info(
            "suite %s of %s: %d cases x %d, %s, baseline: %s, run folder: %s",
            plan.suite.name,
            plan.suite.source or "no configuration",
            len(plan.cases),
            config.trials,
            plan.mode,
            "none" if inputs.baseline is None else inputs.baseline.created,
            execution.folder,
        )
        trials = await _measured(execution, plan, inputs)
        traces = execution.writer.traces()
        stress = await stressed(plan, trials.trials, traces, environment, listen)
        trials = replace(trials, stress=stress)
        report = evaluate(plan, trials, inputs)
        keep_report(execution.folder, execution.manifest, report, trials, plan, environment)
        share = stored_share(plan, trials.trials, iter_traces(execution.folder))
    return report, share


async def _measured(execution: Execution, plan: Plan, inputs: GateInputs) -> TrialSet:
    count = first_trials(execution, plan)
    outcome = await execution.run(range(count))
    while outcome.complete and _unsettled(_trials(execution, plan, count), plan, inputs):
        count += 1
        outcome = await execution.run(range(count))
    if outcome.complete:
        await _confirm(execution, plan, inputs, count)
    trials = _trials(execution, plan, count)
    return replace(trials, cap=None if outcome.complete else outcome.reason)


def _trials(execution: Execution, plan: Plan, count: int) -> TrialSet:
    return TrialSet(
        results=execution.results,
        trials=count,
        subject=execution.seen.subject(),
        judges=judged_part(execution.judging, plan.metrics),
        checks=suite_trust_checks(plan.suite, execution.judging, plan.metrics),
        notes=(
            *lost_workers(execution.notes),
            *isolation_notes(plan.suite.isolation),
            *learned_notes(plan.suite, execution.learned),
            *execution.seen.problems,
        ),
        isolation=None if plan.suite.isolation is None else plan.suite.isolation.by,
        own_times=tuple(execution.own_times),
        grounds=grounds_of(plan, execution.seen),
        traces=execution.writer.traces,
    )


def _unsettled(trials: TrialSet, plan: Plan, inputs: GateInputs) -> bool:
    most = plan.suite.config.max_trials
    if most is None or inputs.baseline is None:
        return False
    return needs_more_trials(compared(collected(plan, trials), plan, inputs), most)


async def _confirm(execution: Execution, plan: Plan, inputs: GateInputs, count: int) -> None:
    """Run fresh trials of `must_pass` cases that failed; they are kept and not pooled."""
    if not any(case.must_pass for case in plan.cases):
        return
    side = summary_of_report(collected(plan, _trials(execution, plan, count)))
    wanted = set(needs_confirmation(side, inputs.baseline))
    if wanted:
        cases = [case for case in plan.cases if case.id in wanted]
        await execution.run(range(count, count + FRESH_TRIALS), cases)
