"""Tests of evalgate.output.view."""

import pytest

from evalgate.output.view import amount, change_text, counts_line, headline
from evalgate.schema.result import Report
from evalgate.schema.verdict import Check


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "USD", "unknown"),
        (0.0144, "USD", "$0.0144"),
        (0.855, "ratio", "0.855"),
        (0.0, "ratio", "0.000"),
        (0.00012, "ratio", "0.00012"),
        (1.5, "s", "1.5 s"),
        (12.0, "count", "12"),
    ],
)
def test_amounts_have_their_unit(value: float | None, unit: str, text: str) -> None:
    """Unknown is a word and never zero."""
    assert text == amount(value, unit)


@pytest.mark.parametrize(
    ("direction", "change", "text"),
    [
        ("higher", 0.05, "-5.0% worse"),
        ("lower", 0.05, "+5.0% worse"),
        ("higher", -0.1, "+10.0% better"),
        ("lower", -0.1, "-10.0% better"),
        ("lower", 0.0, "no change"),
        ("lower", None, ""),
    ],
)
def test_changes_are_signed_as_the_value_moved(
    direction: str, change: float | None, text: str
) -> None:
    """A fall of a success rate is negative and worse, a rise of cost positive and worse."""
    check = Check.model_validate(
        {
            "id": "m",
            "kind": "relative",
            "outcome": "pass",
            "direction": direction,
            "change": change,
            "reason": "",
        }
    )
    assert text == change_text(check)


def test_nothing_checked_is_said(report: Report) -> None:
    """A report without gating checks does not claim that checks passed."""
    empty = report.model_copy(update={"checks": (), "verdict": "inconclusive"})
    assert "INCONCLUSIVE: nothing was checked" == headline(empty)


def test_cases_are_counted_worst_first(report: Report) -> None:
    """Regressed cases come before unchanged ones."""
    assert "1 regressed, 1 unchanged" == counts_line(report.changes)
