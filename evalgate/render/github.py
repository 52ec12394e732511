"""GitHub annotations: workflow commands on standard output, ten a kind at most."""

from evalgate.render.view import VERDICTS, gating_checks, headline, moved_cases
from evalgate.schema.result import Report
from evalgate.text.escape import workflow_property, workflow_value

__all__ = ["render"]

_MOST = 10


def render(report: Report) -> str:
    """Write one line an annotation: the verdict, failed checks, and regressed cases as notices."""
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
            for check in chosen[:_MOST]
        ]
    regressed = [change for change in moved_cases(report) if change.outcome == "regressed"]
    rows += [
        _line("notice", f"evalgate {suite}: {change.id} regressed", "; ".join(change.what))
        for change in regressed[: _MOST - 1]
    ]
    return "".join(row + "\n" for row in rows)


def _line(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={workflow_property(title)}::{workflow_value(message or 'no detail')}"
