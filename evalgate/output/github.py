"""GitHub annotations: workflow commands on standard output, ten a kind at most."""

from evalgate.output.style import Style
from evalgate.output.view import VERDICTS, gating_checks, headline, moved_cases
from evalgate.schema.result import Report, ReportSet
from evalgate.text.escape import workflow_property, workflow_value

__all__ = ["render"]

_MOST = 10


def render(reports: ReportSet, _style: Style) -> str:
    """Write one line an annotation: the verdict, failed checks, and regressed cases as notices.

    GitHub keeps ten errors, warnings and notices a step; the first of the list are written.
    """
    rows = [row for report in reports.suites for row in _rows(report)]
    kept = [
        row
        for kind in ("error", "warning", "notice")
        for row in [row for row in rows if row.startswith(f"::{kind} ")][:_MOST]
    ]
    return "".join(row + "\n" for row in kept)


def _rows(report: Report) -> list[str]:
    suite = report.suite.id
    rows = []
    if report.verdict == "pass":
        rows.append(_line("notice", f"evalgate {suite}", headline(report)))
    checks = [check for check in gating_checks(report) if check.outcome != "pass"]
    for kind, outcome in (("error", "fail"), ("warning", "inconclusive")):
        chosen = [check for check in checks if check.outcome == outcome]
        rows += [
            _line(
                kind,
                f"evalgate {suite}: {check.id} {VERDICTS[check.outcome]}",
                check.reason + (f" Fix: {check.fix}" if check.fix else ""),
            )
            for check in chosen
        ]
    regressed = [change for change in moved_cases(report) if change.outcome == "regressed"]
    rows += [
        _line("notice", f"evalgate {suite}: {change.id} regressed", "; ".join(change.what))
        for change in regressed[:_MOST]
    ]
    return rows


def _line(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={workflow_property(title)}::{workflow_value(message or 'no detail')}"
