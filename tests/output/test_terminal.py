"""Tests of evalgate.output.terminal."""

import pytest

from evalgate.output.style import Style
from evalgate.output.terminal import render
from evalgate.schema.result import ReportSet


def test_verdict_stands_on_the_first_line(reports: ReportSet) -> None:
    """A reader who reads one line knows the verdict and the worst check."""
    first = render(reports, Style(width=160)).splitlines()[0]
    assert (
        "support: FAIL: 1 case that passed now fails; "
        "task success rate 90 % -> 85.5 %, 5 % worse, limit 5 %"
    ) == first


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(reports: ReportSet, width: int) -> None:
    """Narrow and wide terminals get lines that fit."""
    assert all(len(line) <= width for line in render(reports, Style(width=width)).splitlines())


def test_hostile_text_moves_no_cursor(reports: ReportSet) -> None:
    """No escape sequence and no direction mark of the agent reaches the terminal."""
    text = render(reports, Style())
    assert not {"\x1b", "\u202e"} & set(text)


def test_colour_is_used_only_where_asked_for(reports: ReportSet) -> None:
    """ANSI colours come with `color` alone."""
    assert "\x1b[" in render(reports, Style(color=True))


def test_failures_come_with_noise_fix_and_reproduction(reports: ReportSet) -> None:
    """What did not pass says how sure it is, how to get on, and how to see it again."""
    text = render(reports, Style(width=200))
    for part in (
        "90 % interval: 1 % better to any worse",
        "not settled",
        "fix: prices: {my-model",
        "evalgate run --case refund-1",
        "note: the baseline is 40 days old",
        "changed: system prompt",
        "unknown: ttft_p95",
    ):
        assert part in text


def test_a_pass_is_quiet(passing: ReportSet) -> None:
    """A passing report has no fix, no case list and no warning."""
    text = render(passing, Style())
    assert "PASS: 1 of 1 checks passed" in text
    assert "fix:" not in text
