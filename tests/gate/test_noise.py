"""Uncertainty of one metric: which test, which guard, which units; and the bootstrap."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from scipy.stats import ttest_rel

from evalgate.gate.noise import Uncertainty, uncertainty
from evalgate.gate.rules import rule_of
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.verdict import GateQuality
from evalgate.stats.bootstrap import bootstrap_quantile
from evalgate.stats.pairing import Row
from evalgate.stats.quality import Noise, gate_quality

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


def test_the_guard_is_that_of_the_fewest_trials_anywhere() -> None:
    """Ten cases that all passed: one trial of one case, on either side, widens the interval."""
    one, five = (1.0,), (1.0,) * 5
    intervals = [
        _uncertainty(_rows(old, new), Fraction(1)).interval_90
        for old, new in (
            ([one] * 10, [one] * 10),
            ([five] * 10, [one] + [five] * 9),
            ([five] * 9 + [one], [five] * 10),
            ([five] * 10, [five] * 10),
        )
    ]
    assert intervals[0] == intervals[1] == intervals[2]
    assert intervals[3] is not None
    assert intervals[0] is not None
    assert intervals[3][1] < intervals[0][1]


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


def test_a_case_named_like_a_cluster_is_no_part_of_it() -> None:
    """Cluster `c1` and the case `c1` of no cluster are two units."""
    old = [(1.0,), (0.0,), (1.0,), (0.0,)]
    new = [(1.0,), (1.0,), (0.0,), (0.0,)]
    rows = _rows(old, new)
    apart = [row._replace(cluster="c1" if row.id in ("c2", "c3") else None) for row in rows]
    named = [row._replace(cluster="z" if row.id in ("c2", "c3") else None) for row in rows]
    found = [_uncertainty(one, Fraction(1, 2)) for one in (apart, named)]
    assert found[0] == found[1]
    alone = [row._replace(cluster=f"own {row.id}") for row in rows]
    assert _uncertainty(alone, Fraction(1, 2)).interval_80 != found[0].interval_80


def test_a_cluster_counts_by_its_weighted_mean() -> None:
    """Cases of weight 1 and 3 in one cluster are one case of their mean and of weight 4."""
    old = [(0.2,), (0.6,), (0.5,), (0.9,), (0.7,)]
    new = [(0.4,), (0.8,), (0.2,), (0.6,), (0.9,)]
    weights = [1.0, 3.0, 4.0, 2.0, 4.0]
    rows = _rows(old, new, weights)
    clustered = [row._replace(cluster="k" if row.id in ("c0", "c1") else None) for row in rows]
    merged = _rows([(0.5,), *old[2:]], [(0.7,), *new[2:]], [4.0, *weights[2:]])
    units = [row._replace(cluster=row.id) for row in merged]
    found, wanted = (
        _uncertainty(one, Fraction(3, 5), "faithfulness") for one in (clustered, units)
    )
    assert found.interval_90 == pytest.approx(wanted.interval_90)
    assert found.interval_80 == pytest.approx(wanted.interval_80)
    assert found.p_value == pytest.approx(wanted.p_value)
    assert GateQuality() == found.quality


def test_a_unit_varies_where_one_of_its_cases_does() -> None:
    """A cluster with one new recording is drawn; what rests on old ones is exact."""
    old = [(0.2,), (0.6,), (0.5,), (0.9,), (0.3,)]
    new = [(0.4,), (0.8,), (0.2,), (0.6,), (0.3,)]
    rows = [
        row._replace(cluster="k" if row.id in ("c0", "c1") else None) for row in _rows(old, new)
    ]
    metric = METRICS["faithfulness"]
    rule = rule_of(metric, GateConfig())
    some, both, other = (
        uncertainty(metric, rule, rows, Fraction(1, 2), frozenset(varying))
        for varying in (("c0", "c2", "c3"), ("c0", "c1", "c2", "c3"), ("c2", "c3"))
    )
    assert some is not None
    assert both is not None
    assert other is not None
    assert some.interval_90 == both.interval_90
    assert some.interval_90 != other.interval_90
    assert some.p_value == both.p_value
    assert some.p_value != other.p_value


def test_the_interval_of_a_metric_of_which_less_is_better() -> None:
    """A rise of 10 % is 0.1 worse; 90 % is wider than 80 %."""
    rows = _rows([(1.0,), (2.0,), (3.0,)], [(1.2,), (2.2,), (3.2,)])
    found = _uncertainty(rows, Fraction(2), "cost_per_interaction")
    assert found.interval_90 is not None
    assert found.interval_80 is not None
    low, high = found.interval_80
    assert found.interval_90[0] < low < 0.1 < high < found.interval_90[1]


def test_a_threshold_in_points_is_relative_to_the_baseline() -> None:
    """25 points of 0.5 are 50 %; what is below min_abs_change never fails, so it settles."""
    old = [(0.5,), (0.5,)] * 10
    metric = METRICS["faithfulness"]
    for policy, new, settled in (
        ({"threshold": "25pp"}, 0.26, True),
        ({"threshold": "25pp"}, 0.25, False),
        ({"threshold": "50%"}, 0.26, True),
        ({"threshold": "50%"}, 0.25, False),
        ({"gate": "standard", "min_abs_change": 0.25}, 0.26, True),
        ({"gate": "standard", "min_abs_change": 0.25}, 0.25, False),
    ):
        config = GateConfig.model_validate({"metrics": {"faithfulness": policy}})
        rows = _rows(old, [(new,)] * 20)
        found = uncertainty(metric, rule_of(metric, config), rows, Fraction(1, 2))
        assert found is not None
        assert found.interval_80 == pytest.approx((1 - new / 0.5,) * 2)
        assert found.settled == settled, (policy, new)


def test_quality_needs_two_trials_of_a_plain_mean() -> None:
    """Unknown with one trial, with clusters, with weights and for what is no mean."""
    old, new = [(1.0, 0.0), (1.0, 1.0)] * 10, [(1.0, 1.0)] * 20
    rows = _rows(old, new)
    known = _uncertainty(rows, Fraction(3, 4)).quality
    assert known.false_alarm_rate is not None
    one = _rows([a[:1] for a in old], new)
    weighted = _rows(old, new, [2.0] + [1.0] * 19)
    clustered = [row._replace(cluster="k" if row.id < "c2" else None) for row in rows]
    for unknown in (one, weighted, clustered):
        assert _uncertainty(unknown, Fraction(3, 4)).quality == GateQuality()
    assert _uncertainty(rows, Fraction(3, 4), "pass_hat_1").quality == GateQuality()


def test_nothing_to_compare_has_no_uncertainty() -> None:
    """No case, no interval."""
    assert uncertainty(SUCCESS, rule_of(SUCCESS, GateConfig()), [], Fraction(1)) is None


def test_quality_is_of_the_variance_within_cases() -> None:
    """Over all cases, those that do not vary included; the oracle is the room that computes it."""
    rows = _rows([(0.5, 0.7), (0.2, 0.2), (0.9, 0.8, 0.7)], [(0.5,), (0.3,), (0.9, 0.8)])
    metric = METRICS["faithfulness"]
    found = uncertainty(metric, rule_of(metric, GateConfig()), rows, Fraction(3, 5))
    assert found is not None
    noise = Noise(3, 2, 1, Fraction(3, 5), (0.02 + 0.0 + 0.01) / 3, binary=False)
    expected = gate_quality(noise, Fraction(1, 20), lower_is_better=False)
    assert found.quality.false_alarm_rate == pytest.approx(expected.false_alarm_rate)
    assert found.quality.detects_10_percent == pytest.approx(expected.detects_10_percent)
    assert found.quality.trials_for_5_percent == expected.trials_for_5_percent
    points = GateConfig.model_validate({"metrics": {"faithfulness": {"threshold": "6pp"}}})
    tenth = uncertainty(metric, rule_of(metric, points), rows, Fraction(3, 5))
    assert tenth is not None
    wanted = gate_quality(noise, Fraction(1, 10), lower_is_better=False)
    assert tenth.quality.false_alarm_rate == pytest.approx(wanted.false_alarm_rate)
