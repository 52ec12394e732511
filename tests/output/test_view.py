"""Tests of evalgate.output.view."""

from evalgate.output.view import counts_line, headline
from evalgate.schema.result import Report


def test_nothing_checked_is_said(report: Report) -> None:
    """A report without gating checks does not claim that checks passed."""
    empty = report.model_copy(update={"checks": (), "verdict": "inconclusive"})
    assert "INCONCLUSIVE: nothing was checked" == headline(empty)


def test_cases_are_counted_worst_first(report: Report) -> None:
    """Regressed cases come before unchanged ones."""
    assert "1 regressed, 1 unchanged" == counts_line(report.changes)
