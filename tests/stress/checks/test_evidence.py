"""Sample sizes and binomial tails."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalgate.stress.checks.evidence import at_least, at_most, calls_needed


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(Fraction(1, 1000), 2995), (Fraction(1, 100), 299), (Fraction(1, 20), 59)],
)
def test_calls_needed_without_an_error(rate: Fraction, expected: int) -> None:
    """Spec, evidence: 2,995 calls for 0.1 %, 299 for 1 %, 59 for 5 %."""
    assert expected == calls_needed(rate)
    assert (1 - rate) ** expected <= Fraction(1, 20) < (1 - rate) ** (expected - 1)


@settings(max_examples=60)
@given(
    st.integers(0, 3) | st.integers(0, 60),
    st.integers(0, 9) | st.integers(0, 400),
    st.floats(0.001, 0.999),
)
def test_tails_equal_scipys(errors: int, calls: int, rate: float) -> None:
    """Against scipy.stats.binom."""
    stats = pytest.importorskip("scipy.stats")
    assert at_most(errors, calls, rate) == pytest.approx(
        float(stats.binom.cdf(errors, calls, rate)), abs=1e-10
    )
    assert at_least(errors, calls, rate) == pytest.approx(
        float(stats.binom.sf(errors - 1, calls, rate)), abs=1e-10
    )


@pytest.mark.parametrize(("errors", "expected"), [(1, 473), (5, 1049)])
def test_errors_cost_calls(errors: int, expected: int) -> None:
    """Smallest n whose Clopper-Pearson upper bound is below 1 % (scipy.stats.beta.ppf)."""
    stats = pytest.importorskip("scipy.stats")
    assert expected == calls_needed(Fraction(1, 100), errors)
    assert stats.beta.ppf(0.95, errors + 1, expected - errors) <= 0.01
    assert stats.beta.ppf(0.95, errors + 1, expected - 1 - errors) > 0.01
