"""Tests of evalgate.output.view."""

from evalgate.output.style import Ways
from evalgate.output.view import counts_line, headline, subject_line, view_report
from evalgate.schema.result import CaseResult, Report, TrialResult
from evalgate.schema.score import Scored
from evalgate.schema.verdict import CaseChange


def test_a_case_that_is_gone_cannot_be_run_again(report: Report) -> None:
    """It is shown as it was in the baseline; the others have both commands."""
    gone = CaseChange(id="gone", outcome="missing")
    groups = view_report(report.model_copy(update={"changes": (*report.changes, gone)})).groups
    for group in groups:
        run = [line for line in group.commands if line.startswith("evalgate run ")]
        assert (0 if group.cases[0].name == "gone" else 1) == len(run)
    assert "gone" in {group.cases[0].name for group in groups}


def test_cases_are_counted_worst_first(report: Report) -> None:
    """Regressed cases come before unchanged ones."""
    assert "1 regressed, 1 unchanged" == counts_line(report.changes)


def test_titles_say_what_a_case_is(report: Report) -> None:
    """A draft that fails explains no verdict, and failed before nowhere."""
    (case, _) = report.cases
    draft = report.model_copy(update={"changes": (), "cases": (_as(case, draft=True),)})
    (group,) = view_report(draft).groups
    assert group.title.startswith("1 draft case ")
    assert not group.old
    assert headline(draft).startswith("FAIL: task success rate ")


def test_crashes_are_counted_as_they_are_compared(report: Report) -> None:
    """Without drafts, and with a word where weights make the share another number."""
    crashed = TrialResult("a", 0, "crashed", {"task_success": Scored(0.0)}, error="X: y")
    fine = TrialResult("b", 0, "finished", {"task_success": Scored(1.0)})
    cases = (
        CaseResult(id="a", digest="d", weight=3, trials=(crashed,)),
        CaseResult(id="b", digest="d", trials=(fine,)),
        CaseResult(id="draft", digest="d", draft=True, trials=(crashed,)),
    )
    check = report.checks[0].model_copy(
        update={"id": "error_rate", "metric": "error_rate", "baseline": 0.0, "candidate": 0.75}
    )
    failed = report.model_copy(update={"cases": cases, "changes": (), "checks": (check,)})
    (line,) = view_report(failed).bad
    said = "1 of 2 trials crashed, none did before, and their cases weigh differently"
    assert ("", said) == line.notes[0]


def test_commands_name_what_selects_the_suite(report: Report) -> None:
    """A configuration elsewhere, a stored report; and no baseline where there is none."""
    ways = Ways("--config x/e.yaml --suite s", "--config x/e.yaml")
    alone = report.model_copy(update={"changes": (), "baseline": None})
    group, *_ = view_report(alone, ways).groups
    case = group.cases[0].name
    assert (
        f"evalgate run --config x/e.yaml --suite s --case {case}  # run it again",
        f"evalgate show --config x/e.yaml {case}" + " " * 16 + "  # what happened",
    ) == group.commands


def _as(case: CaseResult, **changes: object) -> CaseResult:
    return case.model_copy(update=changes)


def test_a_case_that_asks_something_else_is_not_new(report: Report) -> None:
    """It is counted as what it is."""
    old, fine = (
        CaseChange(id=name, outcome="new", candidate=1.0, what=what)
        for name, what in (("old", ("asks something else",)), ("fresh", ()))
    )
    compared = report.model_copy(update={"changes": (old, fine), "cases": ()})
    assert "1 new, 1 changed" == view_report(compared).counts


def test_a_stress_check_without_cases_counts_its_load(report: Report) -> None:
    """With the word that fits the number."""
    suite = report.suite.model_copy(update={"cases": 0, "selected": 0})
    load = {"stress": {"sessions": 1, "calls": 1200}, "suite": suite, "baseline": None}
    said = subject_line(report.model_copy(update=load))
    assert "1 session, 1,200 calls; no comparison" == said
    bare = report.model_copy(update={"suite": suite, "baseline": None})
    assert "numbers without cases; no comparison" == subject_line(bare)
    suite = report.suite.model_copy(update={"cases": 2, "selected": 0})
    idle = report.model_copy(update={"suite": suite, "baseline": None})
    assert "nothing was run of 2 cases; no comparison" == subject_line(idle)
