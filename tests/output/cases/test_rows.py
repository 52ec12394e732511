"""What became of each case, and what they have in common."""

from typing import Any

import pytest

from evalgate.output.cases.causes import causes, difference
from evalgate.output.cases.rows import case_rows
from evalgate.schema.result import CaseResult, Report, SuiteInfo, TrialResult
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.verdict import CaseChange, CaseOutcome

RIGHT, WRONG = Scored(1.0), Scored(0.0)


def trial(name: str, success: Score | None, number: int = 0, **more: Any) -> TrialResult:  # noqa: ANN401
    """Make a trial with a score of success, or without."""
    scores = {} if success is None else {"task_success": success}
    return TrialResult(name, number, more.pop("status", "finished"), scores, **more)


def report(*trials: TrialResult, changes: tuple[CaseChange, ...] = ()) -> Report:
    """Make a report of some trials."""
    by_case: dict[str, list[TrialResult]] = {}
    for one in trials:
        by_case.setdefault(one.case_id, []).append(one)
    return Report(
        verdict="fail",
        exit_code=1,
        suite=SuiteInfo(id="s", golden_digest="d", cases=1, selected=1, trials=1),
        changes=changes,
        cases=tuple(CaseResult(id=n, digest="d", trials=tuple(t)) for n, t in by_case.items()),
    )


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (trial("a", RIGHT), "passed"),
        (trial("a", WRONG), "failed"),
        (trial("a", Scored(0.5)), "failed"),
        (trial("a", RIGHT, status="crashed"), "failed"),
        (trial("a", None), "not scored"),
        (trial("a", Abstained("nothing is expected")), "not scored"),
        (trial("a", None, status="timed_out"), "failed"),
        (trial("a", Broken("judge is down")), "not measured"),
        (trial("a", WRONG, status="not_measured"), "not measured"),
    ],
)
def test_no_evidence_is_never_passed(one: TrialResult, state: str) -> None:
    """Only a finished trial of full success passes; broken and abstained are what they are."""
    (row,) = case_rows(report(one))
    assert state == row.state


def test_a_broken_score_is_the_cause_of_its_case() -> None:
    """Not what the agent answered, which was fine."""
    down = Broken("the judge: cannot be reached")
    one = TrialResult("a", 0, "finished", {"task_success": RIGHT, "faithfulness": down}, output="x")
    change = CaseChange(id="a", outcome="errored", what=("answered: x",))
    (cause,) = causes(case_rows(report(one, changes=(change,))))
    said = "has no faithfulness: the judge: cannot be reached"
    assert (said, "faithfulness: the judge: cannot be reached") == (
        cause.words.one,
        difference(cause.rows[0]),
    )


def test_the_comparison_comes_first() -> None:
    """What the comparison says of a case wins; `improved` and `new` only where it passes now."""
    changes = tuple(
        CaseChange(id=name, outcome=outcome)
        for name, outcome in (
            ("a", "regressed"),
            ("b", "improved"),
            ("c", "new"),
            ("d", "improved"),
            ("e", "missing"),
            ("f", "errored"),
            ("g", "unchanged"),
        )
    )
    trials = [trial(name, WRONG if name in "ad" else RIGHT) for name in "abcdfg"]
    rows = case_rows(report(*trials, changes=changes))
    assert {
        "a": "regressed",
        "f": "errored",
        "e": "missing",
        "d": "failed",
        "b": "improved",
        "c": "new",
        "g": "passed",
    } == {row.id: row.state for row in rows}
    assert ["a", "f", "e", "d", "b", "c", "g"] == [row.id for row in rows]


@pytest.mark.parametrize(
    ("outcome", "candidate", "state"),
    [
        ("unchanged", 1.0, "passed"),
        ("unchanged", 0.5, "failed"),
        ("unchanged", None, "not scored"),
        ("improved", 1.0, "improved"),
        ("improved", 0.5, "failed"),
        ("improved", None, "not scored"),
        ("new", 1.0, "new"),
        ("new", 0.0, "failed"),
        ("regressed", 0.0, "regressed"),
        ("errored", 1.0, "errored"),
        ("missing", None, "missing"),
    ],
)
def test_a_case_without_trials_is_what_the_comparison_says(
    outcome: CaseOutcome, candidate: float | None, state: str
) -> None:
    """A comparison of two files holds no trials; only what it calls missing is missing."""
    (row,) = case_rows(report(changes=(CaseChange(id="a", outcome=outcome, candidate=candidate),)))
    assert (state, candidate) == (row.state, row.success)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ((), "fails"),
        (("tool call 1: refund -> no further call",), "no longer calls `refund`"),
        (("tool call 1: no further call -> refund",), "fails: tool call …: no further call …"),
    ],
)
def test_a_case_without_trials_says_what_is_known(what: tuple[str, ...], words: str) -> None:
    """Nothing is made up where nothing is known."""
    change = CaseChange(id="a", outcome="regressed", candidate=0.0, what=what)
    (cause,) = causes(case_rows(report(changes=(change,))))
    assert words == cause.words.one.replace("-> refund", "…")


def test_one_failing_trial_is_enough() -> None:
    """The mean is shown, and the case has failed."""
    (row,) = case_rows(report(trial("a", RIGHT), trial("a", WRONG, 1)))
    assert ("failed", 0.5) == (row.state, row.success)


def test_faults_of_one_kind_are_one_cause() -> None:
    """Ids, numbers and quoted texts do not make another cause; the largest group is first."""
    trials = [
        trial("z", WRONG, details=("no hand-over to a person",)),
        trial("b-1", WRONG, details=("the output does not contain '12'",)),
        trial("b-2", WRONG, details=("the output does not contain 'x y'",)),
        trial("c", WRONG, status="crashed", error="KeyError: 'c'"),
        trial("d", RIGHT),
    ]
    found = causes(case_rows(report(*trials)))
    assert [
        ("leave out what the answer must say", ("b-1", "b-2")),
        ("crash: KeyError: …", ("c",)),
        ("fail: no hand-over to a person", ("z",)),
    ] == [(cause.words.many, cause.cases) for cause in found]


@pytest.mark.parametrize("line", ["7", "9" * 5_000])
def test_a_line_that_no_file_has_is_no_place(line: str) -> None:
    """The text of a crash is the agent's, and any digits may be in it."""
    error = f"KeyError: 'x' (agent.py, line {line})"
    (found,) = causes(case_rows(report(trial("c", WRONG, status="crashed", error=error))))
    assert ("agent.py:7" in found.words.one) == (line == "7")


def test_a_case_that_was_not_run_is_not_in_the_baseline_for_that() -> None:
    """A run that was stopped early, without a comparison: nobody knows of a baseline."""
    cases = (
        CaseResult(id="a", digest="d", trials=(trial("a", RIGHT),)),
        CaseResult(id="b", digest="d"),
    )
    row, passed = case_rows(report().model_copy(update={"cases": cases}))
    (cause,) = causes([row, passed])
    assert ("not measured", "it was not run") == (row.state, row.why)
    assert "is not measured: it was not run" == cause.words.one


def test_a_stress_check_alone_judges_no_case() -> None:
    """It lists the cases of its load, and scores none of them."""
    cases = (CaseResult(id="a", digest="d"),)
    alone = report().model_copy(update={"cases": cases, "scorers": {"stress": "2:x"}})
    assert () == case_rows(alone)
    assert 1 == len(case_rows(alone.model_copy(update={"scorers": {"task_success": "1:x"}})))


def test_a_case_that_became_a_draft_was_run() -> None:
    """The comparison misses it; its trials are there."""
    draft = CaseResult(id="a", digest="d", draft=True, trials=(trial("a", RIGHT),))
    changes = (CaseChange(id="a", outcome="missing"),)
    rows = case_rows(report(changes=changes).model_copy(update={"cases": (draft,)}))
    assert "is in the baseline and a draft now" == causes(rows)[0].words.one


def test_only_what_the_baseline_saw_fail_failed_before() -> None:
    """Not a draft, a new case, or any case where nothing could be compared."""
    changes = (
        CaseChange(id="old", outcome="unchanged", baseline=0.0, candidate=0.0),
        CaseChange(id="new", outcome="new", candidate=0.0),
        CaseChange(id="other", outcome="new", candidate=0.0, what=("asks something else",)),
    )
    known = report(
        *(trial(name, WRONG) for name in ("old", "new", "other", "apart")), changes=changes
    )
    draft = CaseResult(id="draft", digest="d", draft=True, trials=(trial("draft", WRONG),))
    found = causes(case_rows(known.model_copy(update={"cases": (*known.cases, draft)})))
    assert {
        "old": ("", True),
        "new": ("new", False),
        "other": ("changed", False),
        "apart": ("", False),
        "draft": ("draft", False),
    } == {cause.cases[0]: (cause.kind, cause.again) for cause in found}
    assert "draft" == found[-1].cases[0]
