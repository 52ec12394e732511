"""`evalgate score`: scores the stored traces of a run again, without the agent."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from evalgate.core.facts import RunFacts
from evalgate.errors import DataError
from evalgate.pipeline.execute import Seen, by_trials, confirmations
from evalgate.pipeline.plan import Filters, Plan, make_plan
from evalgate.pipeline.report import Judgement, collect, conclude
from evalgate.pipeline.run import new_manifest
from evalgate.pipeline.sources import suite_baseline
from evalgate.pipeline.suite import Selection, Suite, find_suites
from evalgate.pipeline.verdicts import combine
from evalgate.pipeline.world import World
from evalgate.schema.config import AgentConfig, SuiteConfig
from evalgate.schema.result import Manifest, ReportSet, TrialResult
from evalgate.schema.score import Broken, Score
from evalgate.schema.trace import Trace
from evalgate.scorers.builtin import score_trial
from evalgate.store.config import load_config
from evalgate.store.run_writer import create_run
from evalgate.store.runs import find_run, iter_traces, read_manifest, write_report

__all__ = ["rescore"]

_RUNS = Path(".evalgate/runs")


@dataclass(frozen=True, slots=True)
class _Scored:
    """The traces of a run with their new results."""

    pairs: list[tuple[Trace, TrialResult]]
    seen: Seen
    trials: int


def rescore(run: str, config: Path, baseline: str | None, world: World) -> ReportSet:
    """Score a stored run with today's scorers and policy, into a run folder of its own.

    Args:
        run: A run folder, its id, or `latest`.
        config: The configuration; where it does not know the run's suite, the run's own golden
            set and the default policy are taken.
        baseline: What to compare with: a path, the empty text for the suite's own; null: nothing.
        world: The machine.

    Raises:
        DataError: The run is not readable, or holds a trace of no case.
    """
    loaded = load_config(config) if config.exists() else None
    runs = _RUNS if loaded is None else loaded.root / loaded.config.runs
    folder = find_run(runs, run)
    manifest = read_manifest(folder)
    suite = _suite_of(manifest, config if loaded else None, runs)
    plan = make_plan(suite, Filters(cases=manifest.selected or ()))
    side = None if baseline is None else suite_baseline(suite, baseline, plan.metrics)
    scored = _score_all(plan, iter_traces(folder), folder, manifest.trials)
    subject = scored.seen.subject(suite.root)
    results = [result for _, result in scored.pairs]
    report = collect(plan, by_trials(results, scored.trials), scored.trials, subject)
    facts = RunFacts(fresh=_fresh(results, scored.trials), today=world.timestamp())
    described = new_manifest(plan, world, f"evalgate score {run}").model_copy(
        update={"trials": scored.trials, "finished": world.timestamp(), "subject": subject}
    )
    new = asyncio.run(_store(described, runs, scored))
    report = conclude(report, plan, Judgement(baseline=side, facts=facts), new)
    write_report(new, report)
    return combine([report])


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


def _score_all(plan: Plan, traces: Iterable[Trace], folder: Path, trials: int) -> _Scored:
    cases = {case.id: case for case in plan.cases}
    seen = Seen()
    pairs = []
    for trace in traces:
        if trace.case_id not in cases:
            raise DataError(
                f"{folder}: holds a trace of case {trace.case_id!r}, not in {plan.golden.path}",
                fix="score it against the golden set it was run with",
            )
        seen.add(trace)
        pairs.append((trace, score_trial(plan.scorers, cases[trace.case_id], trace)))
    return _Scored(pairs, seen, trials)


def _fresh(results: Iterable[TrialResult], trials: int) -> dict[str, tuple[Score, ...]]:
    """Take up the trials that confirmed, or cleared, `must_pass` cases."""
    missing = Broken("the trial has no score for task_success")
    return {
        name: tuple(result.scores.get("task_success", missing) for result in found)
        for name, found in confirmations(results, trials).items()
    }


async def _store(manifest: Manifest, runs: Path, scored: _Scored) -> Path:
    async with create_run(runs, manifest) as writer:
        written = [writer.append(trace, result) for trace, result in scored.pairs]
        await asyncio.gather(*written)
        return writer.folder
