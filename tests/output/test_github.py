"""Tests of evalgate.output.github."""

from evalgate.output.github import render
from evalgate.output.style import Style
from evalgate.schema.result import ReportSet
from evalgate.schema.verdict import Check


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
