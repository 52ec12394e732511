"""`evalgate score`: scores the stored traces of a run again, without the agent."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from evalgate.errors import DataError
from evalgate.gate.reports import combine
from evalgate.judges.calibration import suite_trust_checks
from evalgate.judges.judged_agent import (
    held_to_script,
    judged_part,
    judged_scores,
    with_verdict,
)
from evalgate.judges.judging import open_judges
from evalgate.run.engine import Seen
from evalgate.run.evaluate import TrialSet, evaluate
from evalgate.run.gate_inputs import load_gate_inputs
from evalgate.run.grounds import grounds_of
from evalgate.run.stored import keep_report, new_manifest
from evalgate.schema.config import AgentConfig, SuiteConfig
from evalgate.schema.golden import Case
from evalgate.schema.result import Manifest, ReportSet, TrialResult
from evalgate.schema.trace import Trace
from evalgate.scorers.builtin import score_trial
from evalgate.scorers.redacted import without_redacted
from evalgate.store.config import load_config, load_config_if_any
from evalgate.store.run_lines import iter_traces
from evalgate.store.run_writer import create_run
from evalgate.store.runs import find_run, last_runs, read_manifest
from evalgate.stress.suite import stressed_again
from evalgate.suite.environment import Environment
from evalgate.suite.plan import Filters, JudgeMode, Plan, make_plan
from evalgate.suite.scorer_process import open_scorers
from evalgate.suite.suite import Selection, Suite, find_suites

_RUNS = Path(".evalgate/runs")


@dataclass(frozen=True, slots=True)
class _Scored:
    """The traces of a run with their new results."""

    pairs: list[tuple[Trace, TrialResult]]
    trials: TrialSet


def rescore(
    run: str,
    config: Path,
    baseline: str | None,
    environment: Environment,
    judge: JudgeMode = "replay",
) -> ReportSet:
    """Score a stored run with today's scorers and policy, into a run folder of its own.

    Args:
        run: A run folder, its id, or `latest`: every suite of the newest command.
        config: The configuration; where it does not know the run's suite, the run's own golden
            set and the default policy are taken.
        baseline: What to compare with: a path, the empty text for the suite's own; null: nothing.
        environment: The machine.
        judge: Where verdicts of judges come from.

    Raises:
        DataError: The run is not readable, or holds a trace of no case.
    """
    loaded = load_config_if_any(config)
    runs = _RUNS if loaded is None else loaded.root / loaded.config.runs
    suites = [] if loaded is None else [*loaded.config.suites]
    last = last_runs(runs, suites) if run == "latest" else ()
    reports = []
    for folder in last or (find_run(runs, run),):
        manifest = read_manifest(folder)
        suite = _suite_of(manifest, config if loaded else None, runs)
        plan = make_plan(suite, Filters(cases=manifest.selected or ()), judge=judge)
        inputs = load_gate_inputs(plan, baseline, environment.timestamp())
        scored = asyncio.run(_score_all(plan, folder, manifest.trials, environment))
        described = new_manifest(plan, environment, f"evalgate score {run}")
        new = asyncio.run(_store(described, runs, scored.pairs))
        trials = replace(scored.trials, traces=partial(iter_traces, new))
        report = evaluate(plan, trials, inputs)
        keep_report(new, read_manifest(new), report, trials, plan, environment)
        reports.append(report)
    return combine(reports)


def _suite_of(manifest: Manifest, config: Path | None, runs: Path) -> Suite:
    if config is not None and manifest.suite in load_config(config).config.suites:
        (suite,) = find_suites(Selection(config, (manifest.suite,)))
        return suite
    return Suite(
        name=manifest.suite,
        config=SuiteConfig(golden=manifest.golden, agent=AgentConfig(run=manifest.agent)),
        root=Path(),
        runs=runs,
    )


async def _score_all(plan: Plan, folder: Path, trials: int, environment: Environment) -> _Scored:
    cases = {case.id: case for case in plan.cases}
    seen = Seen()
    async with (
        open_judges(plan.suite, environment, plan.judge) as judging,
        open_scorers(plan, environment) as scorers,
    ):

        async def scored(trace: Trace) -> tuple[Trace, TrialResult]:
            case = cases[trace.case_id]
            judged = await judged_scores(judging, scorers, case, trace)
            trace, judged = held_to_script(trace, judged, judging.of_users)
            own = {scorer.name: judged.scores[scorer.name] for scorer in scorers}
            result = score_trial(plan.scorers, case, trace, plan.settings)
            result = replace(result, scores={**result.scores, **own})
            result = without_redacted(result, case, trace)
            own = {name: result.scores[name] for name in own}
            return trace, with_verdict(result, replace(judged, scores={**judged.scores, **own}))

        traces = list(iter_traces(folder))
        for trace in traces:
            _refuse_stray(trace, cases, plan, folder)
            seen.add(trace)
        pairs = await asyncio.gather(*(scored(trace) for trace in traces))
        judged = judged_part(judging, plan.metrics)
        checks = suite_trust_checks(plan.suite, judging, plan.metrics)
    return _Scored(
        pairs,
        TrialSet(
            results=[result for _, result in pairs],
            trials=trials,
            subject=seen.subject(),
            judges=judged,
            checks=checks,
            grounds=grounds_of(plan, seen),
            stress=stressed_again(plan, trials, (trace for trace, _ in pairs)),
        ),
    )


def _refuse_stray(trace: Trace, cases: Mapping[str, Case], plan: Plan, folder: Path) -> None:
    if trace.case_id not in cases:
        raise DataError(
            f"{folder}: holds a trace of case {trace.case_id!r}, not in {plan.golden.path}",
            fix="score it against the golden set it was run with",
        )


async def _store(
    manifest: Manifest, runs: Path, pairs: Iterable[tuple[Trace, TrialResult]]
) -> Path:
    async with create_run(runs, manifest) as writer:
        await asyncio.gather(*[writer.append(trace, result) for trace, result in pairs])
        return writer.folder
