"""Tests of evalgate.output.view."""

from evalgate.output.view import counts_line, headline, view_report
from evalgate.schema.result import Report
from evalgate.schema.verdict import CaseChange


def test_nothing_checked_is_said(report: Report) -> None:
    """A report without gating checks does not claim that checks passed."""
    empty = report.model_copy(update={"checks": (), "verdict": "inconclusive"})
    assert "INCONCLUSIVE: nothing was checked" == headline(empty)


def test_a_case_that_is_gone_cannot_be_run_again(report: Report) -> None:
    """It is shown as it was in the baseline; the others have both commands."""
    gone = CaseChange(id="gone", outcome="missing")
    groups = view_report(report.model_copy(update={"changes": (*report.changes, gone)})).groups
    for group in groups:
        run = [line for line in group.commands if line.startswith("evalgate run ")]
        assert (0 if group.cases[0].name == "gone" else 1) == len(run)
    assert "gone" in {group.cases[0].name for group in groups}


def test_cases_are_counted_worst_first(report: Report) -> None:
    """Regressed cases come before unchanged ones."""
    assert "1 regressed, 1 unchanged" == counts_line(report.changes)
