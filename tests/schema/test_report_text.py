"""Tests of evalgate.schema.report_text."""

import json

from evalgate.schema.report_text import report_text
from evalgate.schema.result import CaseResult, Report, ReportSet, SuiteInfo

INFO = SuiteInfo(id="s", golden_digest="d", cases=2, selected=2, trials=1)
CASES = (CaseResult(id="a", digest="1"), CaseResult(id="b", digest="2"))
REPORT = Report(verdict="pass", exit_code=0, suite=INFO, cases=CASES)


def test_it_is_the_report() -> None:
    """The text is what the model writes, in another layout."""
    assert json.loads(REPORT.model_dump_json(by_alias=True)) == json.loads(report_text(REPORT))


def test_each_case_is_a_line() -> None:
    """A diff of two reports shows the cases that differ."""
    lines = report_text(REPORT).splitlines()
    assert 1 == sum(line.startswith('{"id":"a"') for line in lines)


def test_several_suites_are_a_set() -> None:
    """A set holds its reports whole."""
    both = ReportSet(verdict="pass", exit_code=0, suites=(REPORT, REPORT))
    assert json.loads(both.model_dump_json(by_alias=True)) == json.loads(report_text(both))
