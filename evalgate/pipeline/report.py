"""Builds a report: aggregates trials, compares, decides, explains."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalgate.core.aggregate import case_results, metric_values
from evalgate.core.compare import compare
from evalgate.core.comparison import CompareOptions, Comparison
from evalgate.core.facts import RunFacts
from evalgate.core.gate import decide, with_reference
from evalgate.core.pricing import pricing_info
from evalgate.core.sides import Side, side_of_report
from evalgate.errors import ExitCode
from evalgate.pipeline.explain import explain
from evalgate.pipeline.plan import Plan
from evalgate.schema.result import (
    BaselineRef,
    Report,
    ReportSet,
    Subject,
    SuiteInfo,
    TrialResult,
)
from evalgate.schema.verdict import CaseChange, Outcome, Verdict
from evalgate.scorers.builtin import metric_sources, scorer_versions

__all__ = [
    "Judgement",
    "changed_lines",
    "collect",
    "combine",
    "compared",
    "conclude",
    "filled",
    "reference",
]

_FINGERPRINTS = {
    "model": "model",
    "prompt_digest": "system prompt",
    "tools_digest": "tool schemas",
    "sampling_digest": "sampling parameters",
}


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


def collect(plan: Plan, results: Iterable[TrialResult], trials: int, subject: Subject) -> Report:
    """Aggregate trials into a report that nothing is concluded from yet."""
    cases = case_results(plan.cases, plan.digests, results)
    config = plan.suite.config
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
        ),
        # A commit differs between two runs of one tree state; it belongs to the manifest.
        subject=subject.model_copy(update={"git_commit": None, "dirty": None}),
        scorers=scorer_versions(plan.scorers),
        pricing=pricing_info(config.prices),
        metrics=metric_values(cases, plan.metrics, metric_sources(plan.settings, plan.cases)),
        cases=cases,
    )


def compared(
    report: Report, plan: Plan, baseline: Side | None, *, allow_removed: bool
) -> Comparison:
    """Compare a collected report with a baseline under the suite's policy."""
    options = CompareOptions(
        allow_removed=allow_removed,
        golden_ids=frozenset(case.id for case in plan.golden.cases),
        scorer_of={name: name for name in report.scorers},
    )
    side = side_of_report(report)
    return compare(baseline, side, plan.metrics, plan.suite.config.gate, options)


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
    changes: Sequence[CaseChange] = comparison.changes
    if folder is not None:
        results = [trial for case in report.cases for trial in case.trials]
        changes = explain(changes, plan, results, folder)
    return filled(report, verdict).model_copy(
        update={
            "changes": tuple(changes),
            "baseline": reference(judgement.baseline),
            "changed": changed_lines(judgement.baseline, report.subject),
        }
    )


def filled(report: Report, verdict: Verdict) -> Report:
    """Return the report with its verdict."""
    return report.model_copy(
        update={
            "verdict": verdict.outcome,
            "exit_code": verdict.exit_code,
            "partial": verdict.partial,
            "checks": verdict.checks,
            "warnings": (*report.warnings, *verdict.warnings),
        }
    )


def reference(baseline: Side | None) -> BaselineRef | None:
    """Describe what a candidate was compared with."""
    if baseline is None:
        return None
    return BaselineRef(
        source=baseline.source,
        golden_digest=baseline.golden_digest,
        trials=baseline.trials or None,
        created=baseline.created,
        subject=baseline.subject,
    )


def changed_lines(baseline: Side | None, now: Subject) -> tuple[str, ...]:
    """Name the fingerprints that differ; one that is unknown on a side says nothing."""
    if baseline is None:
        return ()
    lines = []
    for field_name, words in _FINGERPRINTS.items():
        old, new = getattr(baseline.subject, field_name), getattr(now, field_name)
        if old and new and old != new:
            lines.append(f"{words}: {old} -> {new}" if field_name == "model" else words)
    return tuple(lines)


_BY_CODE: Mapping[int, Outcome] = {0: "pass", 1: "fail", 3: "inconclusive"}
_WORST_FIRST = (ExitCode.INPUT, ExitCode.FAILED, ExitCode.INCONCLUSIVE, ExitCode.PASSED)


def combine(reports: Sequence[Report], errors: Sequence[int] = ()) -> ReportSet:
    """Add several suites up: 2 before 1 before 3 before 0.

    Args:
        reports: One a suite that could be run.
        errors: Exit codes of suites that could not.
    """
    codes = {*(report.exit_code for report in reports), *errors}
    code = next((code for code in _WORST_FIRST if code in codes), ExitCode.INCONCLUSIVE)
    return ReportSet(
        verdict=_BY_CODE.get(code, "inconclusive"), exit_code=code, suites=tuple(reports)
    )
