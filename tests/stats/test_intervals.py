"""Small exact statistics against the specification's numbers, scipy and statsmodels."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from evalgate.stats.intervals import (
    holm,
    mcnemar_one_sided,
    mcnemar_two_sided,
    wilson,
)


def test_mcnemar_expected_number() -> None:
    """gate.md, expected number 1: b = 3, c = 12."""
    assert (Fraction("0.017578125"), Fraction(9, 256)) == (
        mcnemar_one_sided(3, 12),
        mcnemar_two_sided(3, 12),
    )


def test_wilson_expected_numbers() -> None:
    """gate.md, expected number 2."""
    assert wilson(42, 50) == pytest.approx((0.7148578394, 0.9166257932), abs=1e-9)
    assert wilson(50, 50) == pytest.approx((0.9286524009, 1), abs=1e-9)
    assert wilson(50, 50)[1] == 1.0
    assert wilson(0, 20)[0] == 0.0


def test_holm_expected_numbers() -> None:
    """gate.md, expected number 10."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_holm_of_nothing_is_nothing() -> None:
    """No metric, no p-value."""
    assert holm([]) == ()


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_agrees_with_scipy(gained: int, lost: int) -> None:
    """Oracle: scipy's exact binomial test."""
    if gained + lost:
        expected = binomtest(gained, gained + lost, 0.5, alternative="less").pvalue
        assert float(mcnemar_one_sided(gained, lost)) == pytest.approx(expected, rel=1e-9)
        expected = binomtest(gained, gained + lost, 0.5).pvalue
        assert float(mcnemar_two_sided(gained, lost)) == pytest.approx(expected, rel=1e-9)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_statsmodels(counts: tuple[int, int]) -> None:
    """Oracle: statsmodels' Wilson interval."""
    expected = proportion_confint(*counts, alpha=0.05, method="wilson")
    assert wilson(*counts) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    """Oracle: statsmodels' Holm correction."""
    expected = multipletests(p_values, method="holm")[1]
    assert list(holm(p_values)) == pytest.approx(list(expected), abs=1e-9)
