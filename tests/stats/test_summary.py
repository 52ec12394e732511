"""The normal form of a comparison: rounding, flat files, pricing again."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from evalgate.errors import DataError
from evalgate.schema.result import CaseResult, MetricValue, Pricing, Report
from evalgate.schema.score import Abstained, Scored
from evalgate.schema.verdict import Check
from evalgate.stats.rounding import exact, exact_sum, round4
from evalgate.stats.summary import RunSummary, summary_of_flat, summary_of_report, with_costs

BuildSide = Callable[..., RunSummary]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0067123, 0.006712), (123456.0, 123500.0), (2 / 3, 0.6667), (-1.00005, -1.0), (0.0, 0.0)],
)
def test_four_significant_digits(value: float, expected: float) -> None:
    """Rounded the same way on both sides, and rounding again changes nothing."""
    assert expected == round4(value) == round4(round4(value))


def test_exact_sums_do_not_round() -> None:
    """Ten tenths are one, beside numbers of any size."""
    terms = [(Decimal("0.1"), Decimal(1))] * 10 + [(Decimal("1e300"), Decimal(1))]
    assert exact_sum([*terms, (Decimal("-1e300"), Decimal(1))]) == 1
    assert exact(0.1) * 10 == 1


def test_scores_are_rounded_and_trials_sorted(
    case: Callable[..., CaseResult], report: Callable[..., Report]
) -> None:
    """A side holds trials by number, whatever their order in the report."""
    made = case("a", {"cost_usd": [0.00671234, 2.0]})
    turned = made.model_copy(update={"trials": made.trials[::-1]})
    found = summary_of_report(report([turned])).cases["a"]
    assert found.numbers == (0, 1)
    assert found.columns["cost_usd"] == (Scored(0.006712), Scored(2.0))


@pytest.mark.parametrize("data", [[], {}, 3, {"a": True}, {"a": None}, {"a": "0.9"}])
def test_a_flat_file_is_an_object_of_numbers(data: object) -> None:
    """Anything else is refused with the value that was found."""
    with pytest.raises(DataError, match=r"flat\.json"):
        summary_of_flat(data, "flat.json")


def test_pricing_again_puts_both_sides_on_one_table(side: BuildSide) -> None:
    """Costs are computed from tokens with the table given; the old side is untouched."""
    old = side([{"cost_usd": [0.5], "task_success": [1.0]}])
    table = Pricing(source="t", version="2", digest="d2")
    new = with_costs(old, lambda _case, _place: Scored(0.123456), table)
    assert new.cases["case-0000"].columns["cost_usd"] == (Scored(0.1235),)
    assert (new.pricing, old.pricing) == (table, None)
    assert old.cases["case-0000"].columns["cost_usd"] == (Scored(0.5),)
    unknown = with_costs(old, lambda _case, _place: Abstained("?", unknown=True), table)
    assert isinstance(unknown.cases["case-0000"].columns["cost_usd"][0], Abstained)


def _value(unit: str, source: str, value: float | None = 1.0) -> MetricValue:
    fields = {"value": value, "unit": unit, "direction": "lower", "n": 1, "source": source}
    return MetricValue.model_validate(fields)


def test_where_values_come_from(
    case: Callable[..., CaseResult], report: Callable[..., Report]
) -> None:
    """Judged and recorded metrics are known; times measured in a replay vary."""
    values = {
        "a": _value("s", "measured"),
        "b": _value("ratio", "measured"),
        "c": _value("s", "recorded"),
        "d": _value("ratio", "judged"),
        "e": _value("s", "measured", None),
    }
    cases = [case("a", {"task_success": [1.0]})]
    live = summary_of_report(report(cases).model_copy(update={"metrics": values}))
    assert ({"d"}, {"c"}, set()) == (live.judged, live.recorded, live.timed)
    assert {"a", "b", "c", "d"} == set(live.values)
    again = summary_of_report(report(cases, mode="replay").model_copy(update={"metrics": values}))
    assert ({"a", "e"}, "none") == (again.timed, again.noise)


def test_selections_and_noise(
    case: Callable[..., CaseResult], report: Callable[..., Report]
) -> None:
    """A report says it is a part, or has fewer cases than its golden set."""
    cases = [case("a", {"task_success": [1.0]})]
    whole = report(cases, noise="none")
    assert (False, "none") == (
        summary_of_report(whole).selection,
        summary_of_report(whole).noise,
    )
    assert summary_of_report(report(cases, selected=0)).selection
    assert summary_of_report(whole.model_copy(update={"partial": True})).selection


def test_checks_that_stand_alone_are_kept(
    case: Callable[..., CaseResult], report: Callable[..., Report]
) -> None:
    """Those of this side alone, and how must-pass failures were decided."""

    def check(name: str, kind: str = "evidence", outcome: str = "inconclusive") -> Check:
        return Check.model_validate({"id": name, "kind": kind, "outcome": outcome, "reason": "r"})

    kept = [
        check("stress_goodput.min", "stress"),
        check("evidence.stress_check"),
        check("evidence.supplied"),
        check("evidence.cap"),
        check("faithfulness.judge"),
    ]
    others = [
        check("evidence.stress_baseline"),
        check("evidence.trials"),
        check("task_success_rate", "relative"),
        check("must_pass.a", "must_pass", "pass"),
        check("must_pass.b", "must_pass", "fail"),
        check("must_pass.c", "must_pass"),
        check("d", "limit", "fail"),
    ]
    made = report([case("a", {"task_success": [1.0]})])
    side = summary_of_report(made.model_copy(update={"checks": (*others, *kept)}))
    assert tuple(kept) == side.checks
    assert ({"a"}, {"b"}) == (side.cleared, side.confirmed)


def test_a_score_that_some_trials_lack_abstains(
    case: Callable[..., CaseResult], report: Callable[..., Report]
) -> None:
    """Its place in the column is kept, in the order of the trials."""
    made = case("a", {"x": [1.0, 0.5]})
    first = replace(made.trials[0], scores={"y": Scored(0.25)})
    mixed = made.model_copy(update={"trials": (first, made.trials[1])})
    columns = summary_of_report(report([mixed])).cases["a"].columns
    lacking = Abstained("the scorer gave no score")
    assert {"y": (Scored(0.25), lacking), "x": (lacking, Scored(0.5))} == columns
