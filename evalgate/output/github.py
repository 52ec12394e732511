"""GitHub annotations: workflow commands on standard output, ten a kind at most."""

from evalgate.output.style import Style
from evalgate.output.view import VERDICTS, Group, gating_checks, headline, view_report
from evalgate.schema.result import Report, ReportSet
from evalgate.text.escape import workflow_property, workflow_value

_MOST = 10


def render(reports: ReportSet, style: Style) -> str:
    """Write one line an annotation: the verdict, failed checks, a notice a cause of failed cases.

    A failure that is accepted is a notice that says so.

    GitHub keeps ten errors, warnings and notices a step; the first of the list are written.
    """
    rows = [row for report in reports.suites for row in _rows(report, style)]
    kept = [
        row
        for kind in ("error", "warning", "notice")
        for row in [row for row in rows if row.startswith(f"::{kind} ")][:_MOST]
    ]
    return "".join(row + "\n" for row in kept)


def _rows(report: Report, style: Style) -> list[str]:
    suite = report.suite.id
    rows = []
    if report.verdict == "pass":
        rows.append(_line("notice", f"evalgate {suite}", headline(report)))
    checks = [check for check in gating_checks(report) if check.outcome != "pass"]
    for kind, outcome in (("error", "fail"), ("warning", "inconclusive")):
        chosen = [c for c in checks if c.outcome == outcome and c.accepted is None]
        rows += [
            _line(
                kind,
                f"evalgate {suite}: {check.id} {VERDICTS[check.outcome]}",
                check.reason + (f" Fix: {check.fix}" if check.fix else ""),
            )
            for check in chosen
        ]
    rows += [
        _line(
            "notice",
            f"evalgate {suite}: {check.id} {VERDICTS[check.outcome]}, accepted",
            f"{check.reason} Accepted: {check.accepted}",
        )
        for check in checks
        if check.accepted is not None
    ]
    fresh = [group for group in view_report(report, style.ways(report)).groups if not group.old]
    rows += [_group(suite, group) for group in fresh[:_MOST]]
    return rows


def _group(suite: str, group: Group) -> str:
    """Write a notice a cause, on the line of code where it is known."""
    names = ", ".join(case.name for case in group.cases[:_MOST])
    more = f" and {len(group.cases) - _MOST} more" if len(group.cases) > _MOST else ""
    first = group.cases[0]
    message = f"{first.difference}\ncases: {names}{more}\n{group.next}".rstrip()
    place = group.cause.place
    at = "" if place is None else f"file={workflow_property(place.file)},line={place.line},"
    return _line("notice", f"evalgate {suite}: {group.title}", message, at)


def _line(kind: str, title: str, message: str, at: str = "") -> str:
    told = workflow_value(message or "no detail")
    return f"::{kind} {at}title={workflow_property(title)}::{told}"
