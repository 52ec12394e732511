"""Tests of evalgate.output.github."""

from evalgate.output.github import render
from evalgate.output.style import Style
from evalgate.schema.result import ReportSet
from evalgate.schema.verdict import CaseChange, Check


def test_each_check_is_one_line_that_the_runner_reads(reports: ReportSet) -> None:
    """A failed check is an error, an inconclusive one a warning, each cause a notice."""
    lines = render(reports, Style()).splitlines()
    assert ["error", "warning", "notice", "notice"] == [
        line.split(" ")[0].strip(":") for line in lines
    ]


def test_agent_text_starts_no_command(reports: ReportSet) -> None:
    """A line of the agent begins no command, and `##[` is broken wherever it stands."""
    text = render(reports, Style())
    starts = [line.split(" ")[0] for line in text.splitlines()]
    assert ["::error", "::warning", "::notice", "::notice"] == starts
    assert "##[" not in text


def test_no_more_than_ten_of_a_kind(reports: ReportSet) -> None:
    """GitHub keeps ten errors a step."""
    check = reports.suites[0].checks[0]
    many = tuple(Check.model_validate({**check.model_dump(), "id": f"check{i}"}) for i in range(25))
    report = reports.suites[0].model_copy(update={"checks": many})
    text = render(ReportSet(verdict="fail", exit_code=1, suites=(report,)), Style())
    assert 10 == text.count("::error ")


def test_a_pass_is_one_notice(passing: ReportSet) -> None:
    """A pass says so once."""
    assert render(passing, Style()).startswith("::notice title=evalgate support::PASS")


def test_an_accepted_failure_is_no_error(passing: ReportSet) -> None:
    """It is a notice that says who accepted it, beside the pass."""
    report = passing.suites[0]
    failed = report.checks[0].model_copy(update={"outcome": "fail", "accepted": "until Friday"})
    told = report.model_copy(update={"checks": (failed,)})
    lines = render(ReportSet(verdict="pass", exit_code=0, suites=(told,)), Style()).splitlines()
    assert {"::notice"} == {line.split(" ")[0] for line in lines}
    assert 1 == sum("FAIL%2C accepted::unchanged Accepted: until Friday" in line for line in lines)


def test_a_case_that_is_gone_is_not_run_again(reports: ReportSet) -> None:
    """The command below it is one that works."""
    gone = CaseChange(id="gone", outcome="missing")
    report = reports.suites[0].model_copy(update={"changes": (gone,), "cases": ()})
    text = render(ReportSet(verdict="fail", exit_code=1, suites=(report,)), Style())
    assert "cases: gone%0Aevalgate show gone" in text
