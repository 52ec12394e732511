"""Waivers accept failures and nothing else, and never make a verdict worse."""

from datetime import date

import pytest

from evalgate.gate.verdict import verdict_of
from evalgate.gate.waivers import accept, current
from evalgate.schema.verdict import Check, CheckKind, Outcome, Verdict
from evalgate.schema.waiver import Waiver
from evalgate.stats.summary import CaseSummary, RunSummary

TODAY = date(2026, 11, 21)
SIDE = RunSummary(source="test")


def waiver(**given: object) -> Waiver:
    """Make a waiver of task success down to 0.8."""
    fields = {"suite": "s", "metric": "task_success_rate", "floor": 0.8, "reason": "agreed"}
    return Waiver.model_validate({**fields, "expires": date(2026, 12, 1), **given})


def check(
    outcome: Outcome = "fail", value: float | None = 0.85, kind: CheckKind = "relative"
) -> Check:
    """Make a check of task success."""
    return Check(
        id="task_success_rate",
        kind=kind,
        outcome=outcome,
        metric="task_success_rate",
        direction="higher",
        candidate=value,
        reason="it is so",
    )


def judged(one: Check, *waivers: Waiver) -> Verdict:
    """Accept what waivers accept; without any case the verdict would be the same."""
    verdict = verdict_of([one])
    return accept(verdict, SIDE, waivers, lambda _: verdict)


def test_down_to_the_floor() -> None:
    """The floor itself is accepted; what is below it is not."""
    outcomes = [judged(check(value=value), waiver()).outcome for value in (0.85, 0.8, 0.7999)]
    assert ["pass", "pass", "fail"] == outcomes


def test_it_stays_a_failure_in_the_report() -> None:
    """An accepted check says `fail`, and which waiver accepts it."""
    (accepted,) = judged(check(), waiver()).checks
    assert ("fail", "task_success_rate (to 0.8) until 2026-12-01: agreed") == (
        accepted.outcome,
        accepted.accepted,
    )


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (check("inconclusive"), "inconclusive"),
        (check(kind="evidence"), "fail"),
        (check(kind="comparison"), "fail"),
        (check(value=None), "fail"),
    ],
)
def test_missing_evidence_is_not_accepted(one: Check, expected: Outcome) -> None:
    """No waiver stands in for evidence."""
    assert expected == judged(one, waiver()).outcome


def test_another_metric() -> None:
    """A waiver is about the metric it names."""
    assert "fail" == judged(check(), waiver(metric="error_rate")).outcome


def test_a_case_accepts_what_passes_without_it() -> None:
    """With the case left out the check must be made, and pass."""
    by_case = waiver(metric=None, case="a", floor=None)
    failing = verdict_of([check()])
    side = RunSummary(source="test", cases={"a": _case()})
    for rest, expected in (
        (verdict_of([check("pass")]), "pass"),
        (verdict_of([check("fail")]), "fail"),
        (verdict_of([check("inconclusive")]), "fail"),
        (verdict_of([]), "fail"),
    ):
        outcome = accept(failing, side, [by_case], lambda _, rest=rest: rest).outcome  # type: ignore[misc]  # binds the loop's value
        assert expected == outcome
    assert "fail" == accept(failing, SIDE, [by_case], lambda _: verdict_of([check("pass")])).outcome


def _case() -> CaseSummary:
    return CaseSummary(id="a", digest="d", numbers=(0,), statuses=("finished",), columns={})


def test_time() -> None:
    """It counts up to its day, not after, and not where that is more than a year ahead."""
    days = [date(2026, 11, 20), TODAY, date(2027, 11, 22), date(2027, 11, 23)]
    found = [current([waiver(expires=day)], "s", TODAY) for day in days]
    assert [0, 1, 1, 0] == [len(one.counting) for one in found]
    assert [1, 0, 0, 1] == [len(one.notes) for one in found]
    assert ((), ()) == (current([waiver()], "t", TODAY).counting, current([], "s", TODAY).notes)
