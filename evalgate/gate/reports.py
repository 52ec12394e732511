"""Puts verdicts into reports, and adds several suites up."""

from collections.abc import Mapping, Sequence

from evalgate.errors import ExitCode
from evalgate.schema.result import BaselineRef, Report, ReportSet, Subject
from evalgate.schema.verdict import Outcome, Verdict
from evalgate.stats.summary import RunSummary

_FINGERPRINTS = {
    "model": "model",
    "prompt_digest": "system prompt",
    "tools_digest": "tool schemas",
    "sampling_digest": "sampling parameters",
}


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


def reference(baseline: RunSummary | None) -> BaselineRef | None:
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


def changed_lines(baseline: RunSummary | None, now: Subject) -> tuple[str, ...]:
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
