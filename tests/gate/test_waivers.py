"""Waivers accept failures and nothing else, and never make a verdict worse."""

from datetime import date

import pytest

from evalgate.gate.verdict import verdict_of
from evalgate.gate.waivers import accept, current, without_cases
from evalgate.schema.score import Abstained, Scored
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


@pytest.mark.parametrize(("value", "expected"), [(0.1, "pass"), (0.2, "pass"), (0.21, "fail")])
def test_up_to_the_floor_where_less_is_better(value: float, expected: Outcome) -> None:
    """The floor of an error rate is a ceiling."""
    one = check(value=value).model_copy(update={"direction": "lower"})
    assert expected == judged(one, waiver(floor=0.2)).outcome


def test_what_does_not_gate_is_not_waived() -> None:
    """An advisory failure keeps no waiver, and a check without a direction has no floor."""
    advisory = check().model_copy(update={"gate": "advisory"})
    assert (None,) == tuple(one.accepted for one in judged(advisory, waiver()).checks)
    aimless = check().model_copy(update={"direction": None})
    assert "fail" == judged(aimless, waiver()).outcome


def test_warnings_and_selection_stay() -> None:
    """Accepting changes checks alone."""
    verdict = verdict_of([check()], warnings=["w"], partial=True)
    found = accept(verdict, SIDE, [waiver()], lambda _: verdict)
    assert (("w",), True, "pass") == (found.warnings, found.partial, found.outcome)


def test_a_must_pass_case_is_waived_by_name() -> None:
    """Against the baseline and the reference alike, and no other case; whatever is left without."""
    by_case = waiver(metric=None, case="a", floor=None)
    side = RunSummary(source="test", cases={"a": _case()})
    failing = [
        check(kind="must_pass").model_copy(update={"id": name, "metric": None})
        for name in ("must_pass.a", "reference.must_pass.a", "must_pass.b")
    ]
    found = accept(verdict_of(failing), side, [by_case], lambda _: verdict_of([]))
    accepted = {one.id: one.accepted for one in found.checks}
    words = "case a until 2026-12-01: agreed"
    expected = {"must_pass.a": words, "reference.must_pass.a": words, "must_pass.b": None}
    assert expected == accepted


def test_a_case_is_waived_down_to_its_floor() -> None:
    """Its mean task success must reach it; without a score only no floor, or 0, is reached."""
    columns = {"task_success": (Scored(1.0), Scored(0.0), Abstained("a"))}
    fields = {"id": "a", "digest": "d", "numbers": (0, 1, 2), "statuses": ("finished",) * 3}
    side = RunSummary("x", cases={"a": CaseSummary(**fields, columns=columns)})
    bare = RunSummary("x", cases={"a": _case()})
    failing, passing = verdict_of([check()]), verdict_of([check("pass")])

    def outcome(floor: float | None, of: RunSummary) -> Outcome:
        asked: list[frozenset[str]] = []

        def without(cases: frozenset[str]) -> Verdict:
            asked.append(cases)
            return passing

        by_case = waiver(metric=None, case="a", floor=floor)
        found = accept(failing, of, [by_case], without).outcome
        assert asked == ([frozenset({"a"})] if found == "pass" else [])
        return found

    assert ["pass", "fail", "pass"] == [outcome(floor, side) for floor in (0.5, 0.51, None)]
    assert ["fail", "pass", "pass"] == [outcome(floor, bare) for floor in (0.5, 0.0, None)]


def test_a_case_is_left_out_with_the_values_it_was_part_of() -> None:
    """Values over all cases say nothing of the rest."""
    cases = {name: _case() for name in ("a", "b")}
    side = RunSummary("x", cases=cases, values={"task_success_rate": 1.0})
    rest = without_cases(side, frozenset({"a"}))
    assert ({"b": cases["b"]}, {}) == (dict(rest.cases), dict(rest.values))


def test_notes_on_what_does_not_count() -> None:
    """Expired and too far ahead, in words; a waiver of another suite hides none after it."""
    days = [date(2026, 11, 20), date(2027, 11, 23)]
    waivers = [waiver(suite="t"), *(waiver(expires=day) for day in days)]
    expired, far = current(waivers, "s", TODAY).notes
    assert expired.startswith("a waiver has expired and does not count: task_success_rate")
    assert far.startswith("a waiver expires more than 366 days ahead and does not count: task")
