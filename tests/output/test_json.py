"""Tests of evalgate.output.json."""

import json

from evalgate.output.json import render
from evalgate.output.style import Style
from evalgate.schema.result import Report, ReportSet


def test_one_suite_is_its_report(reports: ReportSet) -> None:
    """The document is the report and has the frozen fields."""
    data = json.loads(render(reports, Style()))
    assert {"schema", "verdict", "exit_code", "checks", "metrics", "cases"} <= set(data)
    assert reports.suites[0] == Report.model_validate(data)


def test_several_suites_are_a_set(reports: ReportSet) -> None:
    """Two suites are a set with a verdict of their own."""
    both = ReportSet(verdict="fail", exit_code=1, suites=reports.suites * 2)
    data = json.loads(render(both, Style()))
    assert ("evalgate.reports/1", 2) == (data["schema"], len(data["suites"]))


def test_metrics_have_the_documented_fields(reports: ReportSet) -> None:
    """A metric states value, unit, direction, cases and what is unknown."""
    metric = json.loads(render(reports, Style()))["metrics"]["ttft_p95"]
    assert {"value", "unit", "direction", "n", "unknown", "pooled", "source", "se"} == set(metric)


def test_the_same_report_is_the_same_bytes(reports: ReportSet) -> None:
    """Rendering twice gives the same text."""
    assert render(reports, Style()) == render(reports, Style(width=40, color=True))
