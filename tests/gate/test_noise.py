"""Uncertainty of one metric: which test, which guard, which units; and the bootstrap."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from scipy.stats import ttest_rel

from evalgate.gate.noise import Uncertainty, uncertainty
from evalgate.gate.rules import rule_of
from evalgate.metrics.registry import METRICS
from evalgate.schema.config import GateConfig
from evalgate.stats.bootstrap import bootstrap_quantile
from evalgate.stats.pairing import Row

SUCCESS, COST = METRICS["task_success_rate"], METRICS["cost_per_interaction"]
ERRORS, P95 = METRICS["error_rate"], METRICS["completion_time_p95"]
Values = Sequence[tuple[float, ...]]


def _rows(old: Values, new: Values, weights: Sequence[float] | None = None) -> list[Row]:
    return [
        Row(f"c{i}", 1.0 if weights is None else weights[i], None, a, b)
        for i, (a, b) in enumerate(zip(old, new, strict=True))
    ]


def _uncertainty(
    rows: list[Row], baseline: Fraction, metric: str = "task_success_rate"
) -> Uncertainty:
    found = uncertainty(METRICS[metric], rule_of(METRICS[metric], GateConfig()), rows, baseline)
    assert found is not None
    return found


def test_uneven_trials_use_t() -> None:
    """gate.md: if k1 varies by case, use t. Oracle: scipy's paired t."""
    old = [(1.0,), (1.0,), (0.0,), (1.0,), (1.0,)]
    new = [(1.0, 0.0), (1.0,), (0.0,), (0.0,), (1.0,)]
    rows = _rows(old, new)
    expected = ttest_rel([1, 1, 0, 1, 1], [0.5, 1, 0, 0, 1], alternative="greater").pvalue
    assert _uncertainty(rows, Fraction(4, 5)).p_value == pytest.approx(expected)
    even = _uncertainty(_rows(old, [v[:1] for v in new]), Fraction(4, 5))
    assert even.p_value == Fraction(1, 2)


def test_a_binary_rise_of_a_lower_is_better_metric_is_a_drop() -> None:
    """One-sided: more errors is worse; 12 new and 3 gone is McNemar's 9/512."""
    old = [(0.0,)] * 12 + [(1.0,)] * 3 + [(1.0,)] * 5
    new = [(1.0,)] * 12 + [(0.0,)] * 3 + [(1.0,)] * 5
    assert _uncertainty(_rows(old, new), Fraction(8, 20), "error_rate").p_value == Fraction(9, 512)
    back = _uncertainty(_rows(new, old), Fraction(17, 20), "error_rate")
    assert back.p_value > Fraction(9, 10)


def test_weights_use_t_and_shift_the_interval() -> None:
    """Unequal weights have no exact test; equal ones of any size change nothing."""
    old, new = [(1.0,)] * 10, [(0.0,)] + [(1.0,)] * 9
    plain = _uncertainty(_rows(old, new), Fraction(1))
    same = _uncertainty(_rows(old, new, [3.0] * 10), Fraction(1))
    heavy = _uncertainty(_rows(old, new, [9.0] + [1.0] * 9), Fraction(1))
    assert plain == same
    assert isinstance(plain.p_value, Fraction)
    assert isinstance(heavy.p_value, float)
    assert heavy.interval_90 is not None
    assert plain.interval_90 is not None
    assert heavy.interval_90[1] > plain.interval_90[1]


def test_a_baseline_of_zero_has_no_relative_change() -> None:
    """Rho is undefined at 0: nothing to say."""
    rows = _rows([(0.0,)] * 5, [(1.0,)] * 5)
    assert uncertainty(ERRORS, rule_of(ERRORS, GateConfig()), rows, Fraction(0)) is None


def test_one_case_is_never_settled() -> None:
    """One case shows no spread: unbounded and unsettled."""
    found = _uncertainty(_rows([(1.0,)], [(1.0,)]), Fraction(1))
    assert (found.interval_90, found.settled) == (None, False)


def test_continuous_scores_have_no_guard() -> None:
    """Equal costs on both sides are settled: their variance is not a count of passes."""
    rows = _rows([(0.01,), (0.02,)] * 5, [(0.01,), (0.02,)] * 5)
    found = _uncertainty(rows, Fraction(3, 200), "cost_per_interaction")
    assert found.interval_90 == pytest.approx((0.0, 0.0), abs=1e-9)
    assert found.settled


def test_the_bootstrap_has_a_seed() -> None:
    """Same rows, same bytes; a slowdown of everything by half is +50 % in every draw."""
    times = [(1.0 + i / 7, 2.0 + i / 9) for i in range(30)]
    rows = _rows(times, [(a * 1.5, b * 1.5) for a, b in times])
    assert bootstrap_quantile(P95, rows) == bootstrap_quantile(P95, rows)
    found = bootstrap_quantile(P95, rows)
    assert found.interval_90 == pytest.approx((0.5, 0.5))
    assert found.p_value == pytest.approx(1 / 1000)


def test_the_bootstrap_of_nothing_but_zeros_is_unbounded() -> None:
    """A baseline quantile of 0 has no relative change."""
    found = bootstrap_quantile(P95, _rows([(0.0,)] * 5, [(1.0,)] * 5))
    assert (found.interval_90, found.p_value) == (None, 1.0)
