"""What broke, where, the shortest evidence and what proves a fix, for programs."""

from collections.abc import Callable

from evalgate.output.style import Ways, usual_ways
from evalgate.output.view import Group, View, view_report
from evalgate.schema.base import Json
from evalgate.schema.result import Report, ReportSet

_RULE = (
    "mend the agent; never change golden sets, baselines, waivers, recordings, thresholds or the "
    "workflow"
)


def explanation(reports: ReportSet, ways: Callable[[Report], Ways] = usual_ways) -> dict[str, Json]:
    """Explain the verdict as data; texts in it come from agents and models.

    Args:
        reports: The reports.
        ways: Finds the words of commands for a report.
    """
    views = [(report, ways(report)) for report in reports.suites]
    return {
        "verdict": reports.verdict,
        "exit_code": int(reports.exit_code),
        "rule": _RULE,
        "suites": [_suite(report, view_report(report, how), how) for report, how in views],
    }


def _suite(report: Report, view: View, ways: Ways) -> Json:
    return {
        "suite": report.suite.id,
        "headline": view.headline,
        "changed": list(view.changed),
        "causes": [_cause(group) for group in view.groups if not group.old],
        "checks": [
            {
                "check": check.name,
                "outcome": check.outcome,
                "baseline": check.baseline,
                "now": check.now,
                "change": check.change,
                "limit": check.limit,
                "notes": [f"{word}: {text}" if word else text for word, text in check.notes],
            }
            for check in view.bad
        ],
        "failed_before": [case.name for group in view.groups if group.old for case in group.cases],
        "prove_all": f"evalgate run {ways.run}"
        + (" --baseline" if report.baseline is not None else ""),
    }


def _cause(group: Group) -> Json:
    place = group.cause.place
    where: Json = None
    if place is not None:
        where = {"file": place.file, "line": place.line, "function": place.function or None}
    return {
        "said": group.title,
        "doing": group.cause.words.many,
        "state": group.cause.state,
        "where": where,
        "cases": [case.name for case in group.cases],
        "evidence": [f"{label}: {text}" if label else text for label, text in group.example],
        "show": group.show,
        "prove": group.next,
    }
