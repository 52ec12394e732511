"""Several suites add up: 2 before 1 before 3 before 0, whatever their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.gate.reports import changed_lines, combine, filled, reference
from evalgate.schema.result import BaselineRef, Report, Subject, SuiteInfo
from evalgate.schema.verdict import Check, Outcome, Verdict
from evalgate.stats.summary import RunSummary

OUTCOMES: dict[int, Outcome] = {0: "pass", 1: "fail", 3: "inconclusive"}


def report(code: int) -> Report:
    """Make the report of a suite that ended with a code."""
    suite = SuiteInfo(id="s", golden_digest="d", cases=1, selected=1, trials=1, mode="live")
    return Report(verdict=OUTCOMES[code], exit_code=code, suite=suite)


@pytest.mark.parametrize(
    ("codes", "errors", "code", "verdict"),
    [
        ((0, 0), (), 0, "pass"),
        ((0, 3), (), 3, "inconclusive"),
        ((3, 1, 0), (), 1, "fail"),
        ((1,), (2,), 2, "inconclusive"),
        ((0,), (3,), 3, "inconclusive"),
        ((), (), 3, "inconclusive"),
    ],
)
def test_the_worst_counts(
    codes: tuple[int, ...], errors: tuple[int, ...], code: int, verdict: str
) -> None:
    """specs: several suites in one run: 2 > 1 > 3 > 0; nothing at all is no pass."""
    whole = combine([report(one) for one in codes], errors)
    assert (code, verdict) == (whole.exit_code, whole.verdict)


@given(st.lists(st.sampled_from([0, 1, 3])), st.lists(st.sampled_from([2, 3])))
def test_order_and_additions(codes: list[int], errors: list[int]) -> None:
    """Order does not matter, and a suite more never turns a non-pass into a pass."""
    whole = combine([report(code) for code in codes], errors)
    turned = combine([report(code) for code in reversed(codes)], [*reversed(errors)])
    more = combine([*(report(code) for code in codes), report(0)], errors)
    assert whole.exit_code == turned.exit_code
    assert not (more.exit_code == 0 and codes and whole.exit_code != 0)


def test_what_changed_is_named_where_both_sides_know() -> None:
    """An unknown fingerprint says nothing; a model is shown by name."""
    before = Subject(model="m-1", prompt_digest="p", tools_digest=None)
    now = Subject(model="m-2", prompt_digest="q", tools_digest="t")
    side = RunSummary(source="b", golden_digest="d", subject=before)
    assert ("model: m-1 -> m-2", "system prompt") == changed_lines(side, now)
    assert () == changed_lines(None, now)
    assert () == changed_lines(side, before)


def test_what_a_candidate_was_compared_with() -> None:
    """Source, golden set, trials and age; unknown trials are null, no baseline is nothing."""
    subject = Subject(model="m")
    side = RunSummary("b.json", golden_digest="d", trials=3, created="2026", subject=subject)
    expected = BaselineRef(
        source="b.json", golden_digest="d", trials=3, created="2026", subject=subject
    )
    assert expected == reference(side)
    assert BaselineRef(source="flat", subject=Subject()) == reference(RunSummary("flat"))
    assert None is reference(None)


def test_a_report_takes_its_verdict_over() -> None:
    """Outcome, code, checks and selection; warnings of both, the run's first."""
    check = Check(id="a", kind="limit", outcome="fail", reason="r")
    verdict = Verdict(outcome="fail", exit_code=1, checks=(check,), warnings=("v",), partial=True)
    made = filled(report(0).model_copy(update={"warnings": ("r",)}), verdict)
    assert ("fail", 1, True) == (made.verdict, made.exit_code, made.partial)
    assert ((check,), ("r", "v")) == (made.checks, made.warnings)
