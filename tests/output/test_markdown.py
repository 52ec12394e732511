"""Tests of evalgate.output.markdown."""

from evalgate.output.markdown import render
from evalgate.output.style import Style
from evalgate.schema.result import ReportSet


def test_verdict_is_the_heading(reports: ReportSet) -> None:
    """The heading says suite, verdict and worst check."""
    assert render(reports, Style()).startswith("## ❌ support: FAIL: ")


def test_hostile_text_stays_in_its_fence(reports: ReportSet) -> None:
    """Three backticks of the agent do not close the fence, and no HTML of it stands outside."""
    text = render(reports, Style())
    fence = text[text.index("````") :]
    assert fence.count("````") == 2
    outside = text[: text.index("````")] + fence[fence.rindex("````") :]
    assert not [part for part in ("<script", "@octocat", "![i]") if part in outside]


def test_checks_that_do_not_pass_have_a_way_out(reports: ReportSet) -> None:
    """The fix of an inconclusive check is shown."""
    assert "<br>fix: prices: " in render(reports, Style())


def test_the_worst_suite_comes_first(reports: ReportSet, passing: ReportSet) -> None:
    """Of several suites the failing one is on top."""
    both = ReportSet(verdict="fail", exit_code=1, suites=passing.suites + reports.suites)
    text = render(both, Style())
    assert text.index("❌") < text.index("✅")
