"""The normal form of a comparison: rounding, flat files, pricing again."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from evalgate.errors import DataError
from evalgate.schema.result import CaseResult, Pricing, Report
from evalgate.schema.score import Abstained, Scored
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
