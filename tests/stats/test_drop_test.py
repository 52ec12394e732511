"""The drop test against enumeration, McNemar, scipy and its own approximation."""

from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom, norm, ttest_1samp, ttest_rel

from evalgate.stats.drop_test import PassCounts, drop_p_value, exact_drop_p, paired_t_p
from evalgate.stats.intervals import mcnemar_one_sided

SMALL_CASE = st.tuples(st.integers(1, 2), st.integers(0, 2), st.integers(0, 2)).map(
    lambda c: PassCounts(min(c[1], c[0]), c[0], min(c[2], 2), 2)
)


def _by_enumeration(cases: list[PassCounts]) -> Fraction:
    """Shuffle the trials of each case in every possible way."""
    observed = sum(case.passed1 for case in cases)
    ways = []
    for case in cases:
        passes = case.passed0 + case.passed1
        trials = [1] * passes + [0] * (case.trials0 + case.trials1 - passes)
        ways.append([sum(drawn) for drawn in combinations(trials, case.trials1)])
    sums = [sum(drawn) for drawn in product(*ways)]
    return Fraction(sum(s <= observed for s in sums), len(sums))


@given(st.lists(SMALL_CASE, min_size=1, max_size=5))
def test_exact_p_agrees_with_enumeration(cases: list[PassCounts]) -> None:
    """Independent implementation: every way to draw the candidate's trials."""
    assert _by_enumeration(cases) == exact_drop_p(cases)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 5))
def test_one_trial_each_is_mcnemar(gained: int, lost: int, same: int) -> None:
    """With one trial a side the drop test is the exact McNemar test."""
    cases = (
        [PassCounts(0, 1, 1, 1)] * gained
        + [PassCounts(1, 1, 0, 1)] * lost
        + [PassCounts(1, 1, 1, 1)] * same
    )
    assert mcnemar_one_sided(gained, lost) == drop_p_value(cases)


def test_normal_takes_over_where_convolution_is_long() -> None:
    """Just above and just below the limit the two agree to three decimals."""
    few = [PassCounts(8, 10, 7, 10)] * 60 + [PassCounts(5, 10, 5, 10)] * 40
    many = [*few, PassCounts(5, 10, 5, 10)]
    exact, normal = drop_p_value(few), drop_p_value(many)
    assert isinstance(exact, Fraction)
    assert isinstance(normal, float)
    assert float(exact_drop_p(many)) == pytest.approx(normal, abs=1e-3)


def test_nothing_undecided_is_no_evidence_of_a_drop() -> None:
    """All trials passed on both sides: p is 1."""
    assert drop_p_value([PassCounts(3, 3, 3, 3)] * 50) == 1


def test_paired_t_agrees_with_scipy() -> None:
    """Oracle: scipy.stats.ttest_rel, one-sided."""
    before, after = [3.0, 4.5, 5.0, 2.0, 7.5], [2.5, 4.0, 5.5, 1.0, 6.0]
    drops = [a - b for a, b in zip(before, after, strict=True)]
    expected = ttest_rel(before, after, alternative="greater").pvalue
    assert paired_t_p(drops, [1.0] * 5) == pytest.approx(expected, rel=1e-9)


def test_equal_drops_do_not_make_a_p_of_zero() -> None:
    """A zero variance is not trusted: the sign test stands in."""
    assert paired_t_p([1.0] * 10, [1.0] * 10) == 0.5**10
    assert paired_t_p([0.0] * 10, [1.0] * 10) == 1.0


def test_one_case_has_no_p() -> None:
    """One case shows no spread."""
    assert paired_t_p([1.0], [1.0]) is None


def test_the_normal_has_the_moments_of_the_hypergeometric() -> None:
    """Oracle: mean and variance of scipy.stats.hypergeom, with continuity correction."""
    cases = [PassCounts(8, 10, 9, 12), PassCounts(3, 5, 4, 7), PassCounts(2, 4, 5, 10)] * 60
    drawn = [hypergeom(c.trials0 + c.trials1, c.passed0 + c.passed1, c.trials1) for c in cases]
    mean, variance = sum(d.mean() for d in drawn), sum(d.var() for d in drawn)
    observed = sum(case.passed1 for case in cases)
    expected = norm.cdf((observed + 0.5 - mean) / variance**0.5)
    assert 0.01 < expected < 0.99
    assert drop_p_value(cases) == pytest.approx(expected, rel=1e-9)


def test_up_to_the_limit_is_exact() -> None:
    """1,000 trials in cases that could differ; those that could not do not count."""
    assert isinstance(drop_p_value([PassCounts(5, 10, 5, 10)] * 100), Fraction)
    settled = [PassCounts(10, 10, 10, 10)] * 100
    assert isinstance(drop_p_value([*settled, *[PassCounts(5, 10, 5, 10)] * 100]), Fraction)
    assert isinstance(drop_p_value([PassCounts(5, 10, 5, 10)] * 101), float)


@pytest.mark.parametrize("spread", [1e-13, 1e-10, 0.5])
def test_nearly_equal_drops(spread: float) -> None:
    """Below a relative 1e-12 the spread is that of floats; above it the t-test counts."""
    drops = [100.0 * (1 + spread * sign) for sign in (1, -1, 1, -1)]
    expected = 0.5**4 if spread < 1e-12 else ttest_1samp(drops, 0, alternative="greater").pvalue
    assert paired_t_p(drops, [1.0] * 4) == pytest.approx(expected, rel=1e-3)
    zeros = [0.0] * 4
    assert paired_t_p(zeros, [1.0] * 4) == 1.0
