"""Outputs of the action: few, short, and nothing of a model's."""

import re

from evalgate.output.outputs import render
from evalgate.output.style import Style
from evalgate.schema.result import ReportSet


def test_one_line_each(reports: ReportSet) -> None:
    """Name and value, made of letters, digits, points and signs only."""
    lines = render(reports, Style()).splitlines()
    assert [
        "verdict",
        "exit-code",
        "regressions",
        "cost-usd",
        "report-digest",
        "sandboxed",
    ] == [line.partition("=")[0] for line in lines]
    assert all(re.fullmatch(r"[a-z-]+=[a-z0-9.+-]+", line) for line in lines)


def test_an_unknown_cost_is_unknown(reports: ReportSet) -> None:
    """Reports without a single cost have no sum."""
    bare = reports.model_copy(
        update={"suites": tuple(r.model_copy(update={"cases": ()}) for r in reports.suites)}
    )
    assert "cost-usd=unknown\n" in render(bare, Style())
