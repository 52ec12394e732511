"""Tests of the GitLab code quality report."""

import json
from typing import Any

from evalgate.output.gitlab import render
from evalgate.output.style import Style
from evalgate.schema.result import Report, ReportSet
from evalgate.schema.verdict import CaseChange


def findings(report: Report) -> list[dict[str, Any]]:
    """Render one report."""
    reports = ReportSet(verdict=report.verdict, exit_code=report.exit_code, suites=(report,))
    found: list[dict[str, Any]] = json.loads(render(reports, Style()))
    return found


def test_checks_and_cases_are_findings(report: Report) -> None:
    """A failed check is critical, an inconclusive one major, a regressed case minor."""
    shown = [(f["check_name"], f["severity"]) for f in findings(report)]
    expected = [
        ("evalgate.check", "critical"),
        ("evalgate.check", "major"),
        ("evalgate.case", "minor"),
    ]
    assert expected == shown


def test_the_fields_are_those_of_the_format(report: Report) -> None:
    """Source: GitLab's table of code quality properties, all of them required."""
    required = {"description", "check_name", "fingerprint", "severity", "location"}
    for finding in findings(report):
        assert required == finding.keys()
        assert {"path", "lines"} == finding["location"].keys()
        assert not finding["location"]["path"].startswith(("/", "./"))


def test_a_passing_run_is_an_empty_array(passing: ReportSet) -> None:
    """Nothing is found, which GitLab shows as no change."""
    assert [] == json.loads(render(passing, Style()))


def test_fingerprints_hold_no_values(report: Report) -> None:
    """Other numbers and words are the same findings."""
    moved = report.model_copy(
        update={
            "checks": tuple(
                c.model_copy(update={"candidate": 0.1, "change": 0.9, "reason": "other"})
                for c in report.checks
            ),
            "changes": tuple(c.model_copy(update={"what": ("other",)}) for c in report.changes),
        }
    )
    prints = [[f["fingerprint"] for f in findings(r)] for r in (report, moved)]
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == len(prints[0])


def test_accepted_failures_are_no_findings(report: Report) -> None:
    """What a waiver accepts does not keep the suite from passing."""
    waived = tuple(c.model_copy(update={"accepted": "until May"}) for c in report.checks)
    kinds = [f["check_name"] for f in findings(report.model_copy(update={"checks": waived}))]
    assert ["evalgate.case"] == kinds


def test_hostile_text_is_plain(report: Report) -> None:
    """No control character and no direction mark reaches a page."""
    text = json.dumps(findings(report), ensure_ascii=False)
    assert not {"\x1b", "\u202e"} & set(text)


def test_many_cases_are_counted(report: Report) -> None:
    """After a hundred cases the rest is one finding."""
    many = tuple(CaseChange(id=f"c{i}", outcome="regressed") for i in range(150))
    last = findings(report.model_copy(update={"changes": many}))[-1]
    assert "50 more cases" in last["description"]
