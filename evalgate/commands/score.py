"""`evalgate score`: scores the stored traces of a run again, without the agent."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from evalgate.errors import DataError
from evalgate.gate.facts import cap_of, checks_of_run
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
from evalgate.schema.result import Manifest, Report, ReportSet, TrialResult
from evalgate.schema.trace import Trace
from evalgate.scorers.builtin import score_trial
from evalgate.scorers.redacted import without_redacted
from evalgate.store.config import load_config, load_config_if_any
from evalgate.store.reports import read_reports
from evalgate.store.run_lines import iter_traces
from evalgate.store.run_writer import create_run
from evalgate.store.runs import REPORT, find_run, last_runs, read_manifest
from evalgate.stress.organisation import Share, joint_reports
from evalgate.stress.suite import stored_share, stressed_again
from evalgate.suite.environment import Environment
from evalgate.suite.plan import Filters, JudgeMode, Plan, make_plan
from evalgate.suite.scorer_process import open_scorers
from evalgate.suite.shards import parse_shard
from evalgate.suite.suite import Selection, Suite, find_suites

_RUNS = Path(".evalgate/runs")
_CUT_OFF: Final = "it did not come to its end"


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
    reports: list[Report] = []
    chosen: list[Suite] = []
    shares: list[Share] = []
    for folder in last or (find_run(runs, run),):
        manifest, old = read_manifest(folder), _report_in(folder)
        suite = _as_run(_suite_of(manifest, config if loaded else None, runs), manifest, old)
        plan = _plan_of(suite, manifest, old, folder, judge)
        inputs = load_gate_inputs(plan, baseline, environment.timestamp())
        scored = asyncio.run(_score_all(plan, folder, manifest.trials, environment))
        described = _described(plan, manifest, environment, f"evalgate score {run}")
        new = asyncio.run(_store(described, runs, scored.pairs))
        trials = replace(
            scored.trials,
            traces=partial(iter_traces, new),
            checks=(*scored.trials.checks, *checks_of_run(old)),
            isolation=old[0].suite.isolation if old else None,
            cap=cap_of(old) or (_CUT_OFF if manifest.finished is None else None),
        )
        report = evaluate(plan, trials, inputs)
        keep_report(new, read_manifest(new), report, trials, plan, environment)
        reports.append(report)
        chosen.append(suite)
        share = stored_share(plan, manifest.trials, iter_traces(new))
        shares += [] if share is None else [share]
    if not any(report.partial for report in reports):
        reports += joint_reports(chosen, shares)
    return combine(reports)


def _report_in(folder: Path) -> tuple[Report, ...]:
    """Read what a run was judged to be; empty where it was cut off before that."""
    return tuple(s.report for s in read_reports(folder)) if (folder / REPORT).exists() else ()


def _as_run(suite: Suite, manifest: Manifest, old: Sequence[Report]) -> Suite:
    """Give a suite of today what its traces came from: their agent, and a gateway or none."""
    config = suite.config
    agent = config.agent.model_copy(update={"run": manifest.agent})
    gateway = None if any(report.suite.claimed for report in old) else config.gateway
    update = {"agent": agent, "gateway": gateway}
    return replace(suite, config=config.model_copy(update=update))


def _plan_of(
    suite: Suite, manifest: Manifest, old: Sequence[Report], folder: Path, judge: JudgeMode
) -> Plan:
    """Plan the cases of a run, in the mode it was made in: of a live run noise can tell more."""
    modes = {report.suite.mode for report in old}
    replayed = "replay" in modes if old else any(t.replayed for t in iter_traces(folder))
    shard = next((report.suite.shard for report in old), None)
    filters = Filters(
        cases=manifest.selected or (), shard=None if shard is None else parse_shard(shard)
    )
    return make_plan(suite, filters, "replay" if replayed else "off", judge)


def _described(plan: Plan, of: Manifest, environment: Environment, command: str) -> Manifest:
    """Describe the new folder; commit, tree and times are those that the trials were made with."""
    kept = {"subject": of.subject, "tree": of.tree, "measured": of.measured}
    return new_manifest(plan, environment, command).model_copy(update=kept)


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
            notes=tuple(seen.problems),
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
