"""Tests of evalgate.output.junit."""

from xml.etree import ElementTree as ET

from evalgate.output.junit import render
from evalgate.output.style import Style
from evalgate.schema.result import ReportSet


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
