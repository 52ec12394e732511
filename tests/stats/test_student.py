"""Student's t against scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as scipy_t

from evalgate.stats.student import t_quantile, t_upper_tail

DF = st.one_of(st.integers(1, 60), st.integers(1, 20_000))


@given(st.floats(0.5, 0.9999), DF)
def test_quantile_agrees_with_scipy(p: float, df: int) -> None:
    """Oracle: scipy.stats.t.ppf."""
    assert t_quantile(p, df) == pytest.approx(scipy_t.ppf(p, df), rel=1e-8, abs=1e-8)


@given(st.floats(-60, 60), DF)
def test_tail_agrees_with_scipy(t: float, df: int) -> None:
    """Oracle: scipy.stats.t.sf."""
    assert t_upper_tail(t, df) == pytest.approx(scipy_t.sf(t, df), rel=1e-7, abs=1e-300)


@given(st.floats(0.5, 0.999), DF)
def test_quantile_and_tail_are_inverse(p: float, df: int) -> None:
    """Within the quantile's own 1e-8, times |t| and a density that never exceed 1/4 together."""
    assert 1 - t_upper_tail(t_quantile(p, df), df) == pytest.approx(p, abs=2.5e-9)
