"""Pairing: what a cell holds, which cases are compared, and what stands in for a score."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.metrics.registry import METRICS, pass_metric
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.status import TraceStatus
from evalgate.stats.pairing import (
    Cell,
    Pair,
    Paired,
    Row,
    case_value,
    exact_mean,
    exact_quantile,
    exact_value,
    fill,
    filled_rows,
    pair_cases,
    read_cell,
)
from evalgate.stats.summary import CaseSummary

FAITH, COST = METRICS["faithfulness"], METRICS["cost_per_interaction"]
HALLUCINATION = METRICS["hallucination_rate"]
SILENT, UNKNOWN = Abstained("a"), Abstained("u", unknown=True)
BROKEN, MISS = Broken("b"), Broken("replay miss: nothing recorded")
ONE, HALF = Scored(1.0), Scored(0.5)


def _case(
    column: Sequence[Score] | None,
    statuses: Sequence[TraceStatus] | None = None,
    *,
    score: str = "faithfulness",
    numbers: Sequence[int] | None = None,
    refusal: bool = False,
) -> CaseSummary:
    count = len(statuses or column or ())
    return CaseSummary(
        id="c",
        digest="d",
        numbers=tuple(numbers or range(count)),
        statuses=tuple(statuses or ["finished"] * count),
        columns={} if column is None else {score: tuple(column)},
        expects_refusal=refusal,
    )


@pytest.mark.parametrize(
    ("case", "cell"),
    [
        (_case([ONE, HALF]), Cell((1.0, 0.5))),
        (_case([ONE, SILENT, UNKNOWN, BROKEN, MISS]), Cell((1.0,), 1, 1, 1, 1)),
        (_case([ONE, ONE], ["finished", "not_measured"]), Cell((1.0,), missed=1)),
        (_case([ONE, ONE], ["finished", "crashed"]), Cell((1.0, 1.0))),
    ],
)
def test_a_cell_counts_what_it_holds(case: CaseSummary, cell: Cell) -> None:
    """Values, and how many trials abstained, are unknown, broken, or were not measured."""
    assert cell == read_cell(case, FAITH)
    assert len(case.numbers) == cell.trials
    assert cell.complete == (len(cell.values) == cell.trials)
    assert cell.open == cell.trials - len(cell.values) - cell.abstained


def test_metrics_of_finished_trials_leave_others_out() -> None:
    """Costs and quantiles; what was not measured stays missed."""
    ends: list[TraceStatus] = ["finished", "crashed", "not_measured"]
    cost = _case([ONE, HALF, ONE], ends, score="cost_usd")
    assert Cell((1.0,), missed=1) == read_cell(cost, COST)
    times = _case([ONE, HALF, ONE], ends, score="completion_time")
    assert Cell((1.0,), missed=1) == read_cell(times, METRICS["completion_time_p50"])
    assert Cell(()) == read_cell(cost, COST, [1])
    assert Cell((1.0,)) == read_cell(cost, COST, [0, 1])


def test_a_score_that_is_not_there() -> None:
    """No column at all: what the trials say without one."""
    assert not read_cell(_case(None, ["finished"] * 2), FAITH).values


def _pair(old: CaseSummary, new: CaseSummary, *, by_number: bool = False) -> Paired:
    return pair_cases(FAITH, [(old, new)], by_number={"c"} if by_number else ())


@pytest.mark.parametrize(
    ("old", "new", "pairs", "imputed", "abstains"),
    [
        ([ONE], [HALF], 1, False, False),
        ([SILENT], [ONE], 0, False, False),
        ([UNKNOWN], [ONE], 1, True, False),
        ([ONE], [UNKNOWN], 1, True, False),
        ([ONE], [SILENT], 1, True, True),
        ([ONE, SILENT], [ONE, ONE], 1, True, False),
        ([ONE], [], 0, False, False),
    ],
)
def test_which_cases_are_compared(
    old: list[Score], new: list[Score], pairs: int, *, imputed: bool, abstains: bool
) -> None:
    """Those with something in the baseline and a trial in the candidate."""
    found = _pair(_case(old), _case(new))
    assert (pairs, imputed) == (len(found.pairs), found.imputed)
    assert (("c",) if abstains else ()) == found.abstains_now
    assert any(isinstance(score, Scored) for score in old) == found.seen0
    assert any(isinstance(score, Scored) for score in new) == found.seen1


def test_open_scores_are_counted_over_both_sides() -> None:
    """Broken, unknown and missed, of compared and of left out cases."""
    pairs = [
        (_case([BROKEN, UNKNOWN, MISS]), _case([BROKEN, BROKEN, UNKNOWN])),
        (_case([SILENT]), _case([MISS])),
    ]
    found = pair_cases(FAITH, pairs)
    assert (3, 2, 2) == (found.broken, found.unknown, found.missed)
    assert not found.unbounded_hole
    assert pair_cases(
        COST, [(_case([ONE], score="cost_usd"), _case([UNKNOWN], score="cost_usd"))]
    ).unbounded_hole


@pytest.mark.parametrize("where", ["old", "new"])
def test_a_refusal_leaves_abstentions_out(where: str) -> None:
    """Whichever side says that declining is right."""
    old, new = _case([ONE, SILENT]), _case([ONE, SILENT])
    if where == "old":
        old = replace(old, expects_refusal=True)
    else:
        new = replace(new, expects_refusal=True)
    found = _pair(old, new)
    assert (False, ()) == (found.imputed, found.abstains_now)
    assert [Pair("c", 1.0, None, Cell((1.0,)), Cell((1.0,)))] == [*found.pairs]
    assert () == _pair(old, replace(new, columns={"faithfulness": (ONE, ONE)})).abstains_now


def test_trials_are_paired_by_number_where_there_is_no_noise() -> None:
    """A trial that only one side has is left out."""
    old, new = _case([ONE, HALF], numbers=(0, 2)), _case([HALF, ONE], numbers=(1, 2))
    (pair,) = _pair(old, new, by_number=True).pairs
    assert ((0.5,), (1.0,)) == (pair.baseline.values, pair.candidate.values)
    (pair,) = _pair(old, new).pairs
    assert ((1.0, 0.5), (0.5, 1.0)) == (pair.baseline.values, pair.candidate.values)


@pytest.mark.parametrize(
    ("cell", "best", "worst"),
    [
        (Cell((0.5,), 1), (0.5, 0.0), (0.5, 0.0)),
        (Cell((0.5,), 0, 1, 1), (0.5, 1.0, 1.0), (0.5, 0.0, 0.0)),
        (Cell((0.5,), 1, 1), (0.5, 0.0, 1.0), (0.5, 0.0, 0.0)),
    ],
)
def test_what_stands_in(cell: Cell, best: tuple[float, ...], worst: tuple[float, ...]) -> None:
    """Abstained at its worst either way, what is open at either end of the bounds."""
    assert sorted(best) == sorted(fill(cell, FAITH, favourable=True))
    assert sorted(worst) == sorted(fill(cell, FAITH, favourable=False))
    upside = [1.0 - value if value in (0.0, 1.0) else value for value in best]
    assert sorted(upside) == sorted(fill(cell, HALLUCINATION, favourable=True))


def test_scenarios_favour_one_side_each() -> None:
    """Worst: the baseline at its best, the candidate at its worst; best the other way round."""
    found = _pair(_case([UNKNOWN]), _case([UNKNOWN]))
    assert (Row("c", 1.0, None, (1.0,), (0.0,)),) == filled_rows(found, "worst")
    assert (Row("c", 1.0, None, (0.0,), (1.0,)),) == filled_rows(found, "best")


def test_pass_k_needs_k_values_on_both_sides() -> None:
    """A case with fewer is left out."""
    for old, new, kept in ((2, 2, 1), (1, 2, 0), (2, 1, 0)):
        pair = Pair("c", 1.0, None, Cell((1.0,) * old), Cell((1.0,) * new))
        paired = replace(_pair(_case([ONE]), _case([ONE])), pairs=(pair,))
        for kind in ("hat", "at"):
            made = replace(paired, metric=pass_metric(kind, 2))
            assert kept == len(filled_rows(made, "worst"))
    empty = Pair("c", 1.0, None, Cell(()), Cell((1.0,)))
    assert () == filled_rows(replace(_pair(_case([ONE]), _case([ONE])), pairs=(empty,)), "best")


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=6), st.integers(1, 6))
def test_pass_k_by_drawing_every_k_trials(values: list[float], k: int) -> None:
    """pass^k: the share of draws in which all pass; pass@k: in which one does."""
    draws = [*combinations(values, k)]
    for kind, holds in (("hat", all), ("at", any)):
        expected = Fraction(sum(map(holds, draws)), len(draws)) if draws else None
        assert expected == case_value(pass_metric(kind, k), values)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.5, 1.0, 3.0]), st.lists(st.sampled_from([0.0, 1.0]), max_size=4)
        ),
        max_size=5,
    )
)
def test_exact_means_by_hand(rows: list[tuple[float, list[float]]]) -> None:
    """Weighted over the cases that have a value; null where none has."""
    for metric in (METRICS["task_success_rate"], pass_metric("hat", 2)):
        held = [(Fraction(w), case_value(metric, v)) for w, v in rows]
        kept = [(w, v) for w, v in held if v is not None]
        whole = sum(w for w, _ in kept)
        expected = sum(w * v for w, v in kept) / whole if kept else None
        assert expected == exact_mean(metric, rows) == exact_value(metric, rows)


@given(st.lists(st.integers(-50, 50), max_size=12), st.sampled_from([0.0, 0.25, 0.5, 0.95, 1.0]))
def test_exact_quantiles_agree_with_numpy(values: list[int], share: float) -> None:
    """Type 7, its ends included; null of nothing."""
    found = exact_quantile(map(float, values), Fraction(share))
    if not values:
        assert found is None
    else:
        assert float(np.quantile(values, share)) == pytest.approx(float(found or 0))


def test_a_quantile_is_over_all_values() -> None:
    """Of all cases together, whatever their weights."""
    rows = [(5.0, [1.0, 2.0]), (1.0, [3.0])]
    assert Fraction(2) == exact_value(METRICS["completion_time_p50"], rows)
    assert Fraction(29, 10) == exact_value(METRICS["completion_time_p95"], rows)
