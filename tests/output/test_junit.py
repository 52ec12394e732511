"""Tests of evalgate.output.junit."""

from xml.etree import ElementTree as ET

from evalgate.output.junit import render
from evalgate.output.style import Style
from evalgate.schema.result import CaseResult, Report, ReportSet


def suite_of(reports: ReportSet) -> ET.Element:
    """Parse what was rendered and return its only suite."""
    (suite,) = ET.fromstring(render(reports, Style()))  # noqa: S314  # our own output
    return suite


def test_counts_agree_with_the_elements(reports: ReportSet) -> None:
    """`tests`, `failures` and `errors` are what a reader of the file counts."""
    suite = suite_of(reports)
    counted = tuple(
        str(len(suite.findall(path))) for path in ("testcase", "testcase/failure", "testcase/error")
    )
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == counted


def test_metrics_are_properties(reports: ReportSet) -> None:
    """Each metric is a property; an unknown one says so."""
    found = {p.get("name"): p.get("value") for p in suite_of(reports).iter("property")}
    assert {
        "verdict": "fail",
        "exit_code": "1",
        "task_success_rate": "0.855",
        "ttft_p95": "unknown",
    } == found


def test_a_regressed_case_is_a_failure(reports: ReportSet) -> None:
    """It fails with what it does; a case that was not measured is an error."""
    cases = {
        case.get("name"): [child.tag for child in case]
        for case in suite_of(reports).findall("testcase")
    }
    assert ["failure", "system-out"] == cases["refund-1"]
    assert "error" in cases["status-1"]
    assert ["failure"] == cases["verdict"]


def test_a_pass_has_no_failure_for_its_verdict(passing: ReportSet) -> None:
    """A passing suite fails nothing, though a case may be unmeasured."""
    assert [] == suite_of(passing).findall("testcase/failure")


def test_a_failure_is_never_empty(reports: ReportSet) -> None:
    """A comparison that knows of no difference still says what the case does."""
    report = reports.suites[0]
    bare = report.changes[0].model_copy(update={"what": ()})
    told = suite_of(_only(report.model_copy(update={"changes": (bare,)})))
    assert told.findtext("testcase[@name='refund-1']/failure")


def test_a_stress_check_alone_has_no_case(passing: ReportSet) -> None:
    """None was run, so none is an error."""
    report = passing.suites[0].model_copy(update={"cases": (CaseResult(id="a", digest="d"),)})
    suite = suite_of(_only(report))
    assert ("2", "0") == (suite.get("tests"), suite.get("errors"))


def _only(report: Report) -> ReportSet:
    return ReportSet(verdict=report.verdict, exit_code=report.exit_code, suites=(report,))
