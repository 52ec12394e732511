"""Builds a report: aggregates trials, compares, decides, explains."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from evalgate.errors import ExitCode
from evalgate.gate.checks.stress import one_sided, stress_scorer_of
from evalgate.gate.compare import compare
from evalgate.gate.comparison import CompareOptions, Comparison
from evalgate.gate.facts import RunFacts
from evalgate.gate.reports import changed_lines, filled, reference
from evalgate.gate.settle import cannot_settle
from evalgate.gate.verdict import decide, verdict_of, with_reference
from evalgate.judges.judged_agent import JudgedPart
from evalgate.metrics.stress import STRESS_METRICS
from evalgate.pricing import pricing_info
from evalgate.run.explain import explain
from evalgate.schema.objectives import GoalState
from evalgate.schema.result import (
    Report,
    Subject,
    SuiteInfo,
    TrialResult,
)
from evalgate.schema.verdict import Check
from evalgate.scorers.builtin import metric_sources, scorer_versions
from evalgate.slo.goals import goal_states
from evalgate.stats.aggregate import case_results, metric_values
from evalgate.stats.summary import Side, side_of_report
from evalgate.stress.report import with_stress_checks
from evalgate.suite.plan import Plan
from evalgate.suite.policy import config_digest
from evalgate.trust.base_verdict import Judged, judged_by_base

__all__ = ["Judgement", "collect", "compared", "conclude", "settling_note"]


_NOT_JUDGED = JudgedPart()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a candidate is judged by."""

    baseline: Side | None = None
    """What it is compared with; null: no comparison."""
    reference: Side | None = None
    """A second, pinned baseline."""
    facts: RunFacts = field(default_factory=RunFacts)
    """What the scores do not show."""
    allow_removed: bool = False
    """Whether the golden set may have lost cases."""
    trust: tuple[Check, ...] = ()
    """Whether the judges of gated metrics may be believed."""
    missing: str | None = None
    """Why there is no baseline, where one was asked for and the base has none."""
    supplied: tuple[str, ...] = ()
    """Recordings that the change supplies, as they were before anything ran."""


def collect(
    plan: Plan,
    results: Iterable[TrialResult],
    trials: int,
    subject: Subject,
    judged: JudgedPart = _NOT_JUDGED,
) -> Report:
    """Aggregate trials into a report that nothing is concluded from yet."""
    cases = case_results(plan.cases, plan.digests, results)
    config = plan.suite.config
    sources = {**metric_sources(plan.settings, plan.cases), **judged.sources}
    return Report(
        verdict="inconclusive",
        exit_code=ExitCode.INCONCLUSIVE,
        partial=plan.partial,
        suite=SuiteInfo(
            id=plan.suite.name,
            golden_digest=plan.golden.digest,
            cases=len(plan.golden.cases),
            selected=len(plan.cases),
            trials=trials,
            agent=config.agent.run,
            noise=config.noise,
            mode=plan.mode,
            config_digest=config_digest(config),
            shard=None if plan.shard is None else str(plan.shard),
        ),
        # A commit differs between two runs of one tree state; it belongs to the manifest.
        subject=subject.model_copy(update={"git_commit": None, "dirty": None}),
        judge=judged.info,
        scorers={**scorer_versions(plan.scorers), **judged.versions},
        pricing=pricing_info(config.prices),
        metrics=metric_values(cases, plan.metrics, sources),
        cases=cases,
    )


def compared(
    report: Report, plan: Plan, baseline: Side | None, *, allow_removed: bool
) -> Comparison:
    """Compare a collected report with a baseline under the suite's policy."""
    options = _assumptions(report, plan, allow_removed=allow_removed)
    side = side_of_report(report)
    # Said once, and not for each figure; and a selection of the cases is no load to compare.
    left_out = STRESS_METRICS if one_sided(baseline, side) else {}
    metrics = {name: metric for name, metric in plan.metrics.items() if name not in left_out}
    return compare(baseline, side, metrics, plan.suite.config.gate, options)


def _assumptions(report: Report, plan: Plan, *, allow_removed: bool) -> CompareOptions:
    return CompareOptions(
        allow_removed=allow_removed,
        golden_ids=frozenset(case.id for case in plan.golden.cases),
        scorer_of={name: name for name in report.scorers} | stress_scorer_of(),
    )


def conclude(
    report: Report, plan: Plan, judgement: Judgement, folder: Path | None = None
) -> Report:
    """Decide about a collected report.

    Args:
        report: What `collect` returned.
        plan: What was run.
        judgement: What it is judged by.
        folder: Its run folder, for the traces of cases that regressed.
    """
    policy = plan.suite.config.gate
    removed = judgement.allow_removed
    comparison = compared(report, plan, judgement.baseline, allow_removed=removed)
    verdict = decide(comparison, policy, judgement.facts)
    if judgement.reference is not None:
        pinned = compared(report, plan, judgement.reference, allow_removed=removed)
        verdict = with_reference(verdict, decide(pinned, policy, judgement.facts))
    if judgement.trust:
        verdict = verdict_of(
            (*verdict.checks, *judgement.trust),
            warnings=verdict.warnings,
            partial=verdict.partial,
        )
    verdict = with_stress_checks(verdict, report, judgement.baseline)
    if plan.suite.trust is not None:
        judged = Judged(
            comparison,
            judgement.reference,
            judgement.facts,
            _assumptions(report, plan, allow_removed=removed),
            judgement.missing,
            judgement.supplied,
        )
        verdict = judged_by_base(verdict, judged, plan, plan.suite.trust)
    changes = comparison.changes
    if folder is not None:
        results = [trial for case in report.cases for trial in case.trials]
        changes = explain(changes, plan, results, folder)
    return filled(report, verdict).model_copy(
        update={
            "changes": changes,
            "baseline": reference(judgement.baseline),
            "changed": changed_lines(judgement.baseline, report.subject),
            "goals": _goals(report, plan, judgement.facts.today),
        }
    )


def _goals(report: Report, plan: Plan, today: str | None) -> tuple[GoalState, ...]:
    """Say where the goals are on the day of the run; they gate nothing."""
    if today is None:
        return ()
    day = date.fromisoformat(today[:10])
    return goal_states(plan.suite.config.goals, report.metrics, day)


def settling_note(plan: Plan, baseline: Side | None) -> tuple[str, ...]:
    """Say where no number of trials could ever settle a comparison."""
    if baseline is None:
        return ()
    gating = sum(case.status == "reviewed" for case in plan.cases)
    note = cannot_settle(plan.suite.config, gating, baseline.trials)
    return () if note is None else (note,)
