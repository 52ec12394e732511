"""The verdict and its cause in one line, and which checks explain it.

Plain text, as in `view`: names and reasons come from outside, and a renderer escapes them.
"""

from collections import Counter
from collections.abc import Sequence

from evalgate.output.cases.causes import causes
from evalgate.output.cases.rows import case_rows
from evalgate.output.numbers import move_text
from evalgate.schema.result import Report
from evalgate.schema.status import ENDED
from evalgate.schema.verdict import Check
from evalgate.stats.summary import FAILED
from evalgate.text.counts import number_of

VERDICTS = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE"}
_PLAIN_NAMES = {
    "own_time_p50": "own time p50 (code and tools, no model calls)",
    "own_time_p95": "own time p95 (code and tools, no model calls)",
}


def headline(report: Report) -> str:
    """Say the verdict and its cause in one line."""
    gating = gating_checks(report)
    partial = " (partial)" if report.partial else ""
    word = f"{VERDICTS[report.verdict]}{partial}"
    if report.verdict == "pass":
        accepted = sum(check.accepted is not None for check in gating)
        note = f", {accepted} failing but accepted" if accepted else ""
        passed = sum(check.outcome == "pass" for check in gating)
        return f"{word}: {passed} of {len(gating)} checks passed{note}"
    if not gating:
        return f"{word}: nothing was checked"
    said = [text for text in (_cases_text(report), _check_text(report)) if text]
    return f"{word}: {'; '.join(said)}"


def gating_checks(report: Report) -> tuple[Check, ...]:
    """Return the checks that can decide, in the report's order."""
    return tuple(check for check in report.checks if check.gate != "advisory")


def explained_checks(report: Report) -> tuple[Check, ...]:
    """Return the checks that did not pass and are worth an explanation.

    Where evidence is missing, that explains every check that lacks it.
    """
    bad = [check for check in gating_checks(report) if check.outcome != "pass"]
    causes_ = [c for c in bad if c.kind == "comparison" or c.id.startswith("evidence.")]
    return tuple(c for c in bad if c.outcome == "fail" or not causes_ or c in causes_)


def _cases_text(report: Report) -> str:
    """Say what the cases that explain the verdict do, the largest group of them first."""
    found = tuple(cause for cause in causes(case_rows(report)) if cause.kind != "draft")
    if report.verdict == "inconclusive":
        found = tuple(c for c in found if c.state in ("errored", "not measured", "missing"))
    else:
        moved = tuple(c for c in found if c.state == "regressed")
        failed = tuple(c for c in found if c.state == "failed")
        found = moved or (() if report.changes or _only_load(report) else failed)
    if not found:
        return ""
    first = max(found, key=lambda cause: len(cause.rows))
    total = sum(len(cause.rows) for cause in found)
    count = len(first.rows)
    doing = first.words.one if count == 1 else first.words.many
    who = number_of(count, "case")
    if first.state == "regressed":
        who += " that passed now" if all(row.before == 1 for row in first.rows) else " now"
    more = total - count
    also = {"regressed": "got worse ", "failed": "failed "}.get(first.state, "")
    return f"{who} {doing}" + (f", {more} more {also}otherwise" if more else "")


def _only_load(report: Report) -> bool:
    """Say whether nothing but the stress check fails, which no failed case explains."""
    failing = [c for c in gating_checks(report) if c.outcome == "fail" and c.accepted is None]
    return all(check.kind == "stress" for check in failing)


def _check_text(report: Report) -> str:
    """Say the worst check in words, and how many more there are."""
    same = [
        check
        for check in gating_checks(report)
        if check.outcome == report.verdict and check.accepted is None
    ]
    ranked = worst_first([check for check in same if check in explained_checks(report)] or same)
    if not ranked:
        return ""
    worst = ranked[0]
    name = _PLAIN_NAMES.get(worst.id) or worst.id.replace("_", " ")
    if worst.kind == "must_pass":
        name = f"must-pass case {worst.id.removeprefix('must_pass.')}"
    numbers = worst.outcome == "fail" and worst.kind in ("relative", "limit")
    counted = from_zero(worst, report)
    said = f"{name} {move_text(worst)}" if numbers and not counted else ""
    said = said or f"{name}: {counted or beyond_numbers(worst)}"
    more = len(same) - 1
    return said + (f" (and {number_of(more, 'more check')})" if more else "")


def from_zero(check: Check, report: Report) -> str:
    """Count what came up where there was none: `4 of 54 trials crashed, none did before`."""
    if check.baseline != 0 or not check.candidate or check.metric != "error_rate":
        return ""
    compared = [row.case for row in case_rows(report) if row.case is not None and not row.kind]
    trials = [trial for case in compared for trial in case.trials]
    ended = Counter(trial.status for trial in trials if trial.status in FAILED)
    if not ended:
        return ""
    (only, *others) = ended
    doing = "did not finish" if others else ENDED[only]
    alike = len({case.weight for case in compared}) == 1
    weighed = "" if alike else ", and their cases weigh differently"
    return f"{ended.total()} of {len(trials)} trials {doing}, none did before{weighed}"


_KIND_RANK = {"comparison": 0, "evidence": 1, "relative": 2, "limit": 3, "must_pass": 4}


def worst_first(checks: Sequence[Check]) -> list[Check]:
    """Order checks: failures before open ones, success first, the largest change first."""
    return sorted(
        checks,
        key=lambda c: (
            c.outcome != "fail",
            c.accepted is not None,
            _KIND_RANK.get(c.kind, 5),
            c.metric != "task_success_rate",
            (c.metric or "").startswith("stress_"),
            -(c.change or 0),
        ),
    )


def beyond_numbers(check: Check) -> str:
    """Return the reason of a check without the numbers that stand in its line."""
    parts = check.reason.split("; ")
    if check.kind == "relative" and " -> " in parts[0]:
        parts = [p for p in parts[1:] if not p.startswith("the threshold is")] or parts
    return "; ".join(parts).removeprefix("but ")
