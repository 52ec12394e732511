"""The comment: worst first, cut by whole rows, nothing hostile in it."""

import re

import pytest

from evalgate.output.comment import LIMIT, CommentScene, marker_of, render_comment, size
from evalgate.schema.result import Report, ReportSet, SuiteInfo
from evalgate.schema.verdict import CaseChange, Check, Outcome

MARKER = marker_of("gate", "all")
CODES = {"pass": 0, "fail": 1, "inconclusive": 3}


def report(name: str, verdict: Outcome, cases: int = 1, reason: str = "it is so") -> Report:
    """Make a report of a suite with one check and some cases that regressed."""
    changes = tuple(
        CaseChange(id=f"case-{n}", outcome="regressed", what=("x" * 200,)) for n in range(cases)
    )
    return Report(
        verdict=verdict,
        exit_code=CODES[verdict],
        suite=SuiteInfo(id=name, golden_digest="d", cases=9, selected=9, trials=1),
        checks=(Check(id="task_success_rate", kind="relative", outcome=verdict, reason=reason),),
        changes=changes if verdict == "fail" else (),
    )


def rendered(*reports: Report) -> str:
    """Render reports together."""
    worst = min(reports, key=lambda one: ("fail", "inconclusive", "pass").index(one.verdict))
    whole = ReportSet(verdict=worst.verdict, exit_code=worst.exit_code, suites=reports)
    return render_comment(whole, CommentScene(marker=MARKER, link="https://example.org/run"))


def test_marker() -> None:
    """The marker is as documented, and no name ends the HTML comment."""
    assert "<!-- evalgate:gate:all -->" == MARKER
    assert "<!-- evalgate:a- -b:c- -->" == marker_of("a--> -b", "c-->")


def test_worst_first_with_a_line_on_top() -> None:
    """One line of verdict, then a row a suite, the worst first."""
    lines = rendered(report("good", "pass"), report("odd", "inconclusive"), report("bad", "fail"))
    first, verdict, _, _, _, *rows = lines.splitlines()
    assert MARKER == first
    assert verdict.startswith("**❌ bad: FAIL: ")
    assert verdict.endswith("(1 failed, 1 inconclusive of 3 suites)**")
    assert ["bad", "odd", "good"] == [row.split(" | ")[1] for row in rows[:3]]


@pytest.mark.parametrize("suites", [1, 50, 1_000])
@pytest.mark.parametrize("cases", [10, 5_000])
def test_never_longer_than_github_takes(suites: int, cases: int) -> None:
    """It is cut by whole rows: tables and folds stay whole, and the cut is said."""
    count = cases // suites
    text = rendered(*(report(f"suite-{n}", "fail", count, "y" * 400) for n in range(suites)))
    assert LIMIT >= size(text)
    assert text.count("<details") == text.count("</details>")
    assert 0 == text.count("```") % 2
    assert all(line.endswith("|") for line in text.splitlines() if line.startswith("|"))
    assert text.rstrip().endswith("[Full report](https://example.org/run) · evalgate</sub>")
    if suites * 450 + cases * 300 > LIMIT:
        assert "did not fit" in text or "more in `report.json`" in text


def test_characters_are_counted_as_github_may() -> None:
    """What lies outside of the basic plane counts twice."""
    assert (1, 2) == (size("é"), size("😀"))
    assert LIMIT >= size(rendered(report("s", "fail", 5_000, "😀" * 400)))


def test_hostile_text_is_no_markup() -> None:
    """A reason that mentions, links, closes folds or ends comments is plain text."""
    hostile = "@team #1 [x](http://evil) ![i](http://evil) </details> --> `a` | b\n## head"
    text = rendered(report("</details>@all", "fail", 1, hostile))
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for live in ("@team", "@all", "#1 ", "](http://evil", "</details>@", "\n## head"):
        assert live not in text


def test_the_same_report_is_the_same_text() -> None:
    """Nothing in it changes from run to run, so that an unchanged result is an unchanged text."""
    one = report("s", "fail", 3)
    assert rendered(one) == rendered(one)
