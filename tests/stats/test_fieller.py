"""Fieller's interval: solves its own equation, and is unbounded where it must be."""

from math import sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import t as scipy_t

from evalgate.stats.fieller import moments, ratio_interval

PAIRS = st.lists(st.tuples(st.floats(0.5, 2), st.floats(0, 2)), min_size=3, max_size=30)


@given(PAIRS, st.sampled_from([0.0, 1 / 3, 3.0]))
def test_both_ends_solve_the_equation(pairs: list[tuple[float, float]], guard: float) -> None:
    """(m1 - theta m0)^2 = q [S11 - 2 theta S01 + theta^2 S00 + guard], as gate.md states it."""
    m = moments([a for a, _ in pairs], [b for _, b in pairs], [1.0] * len(pairs))
    ends = ratio_interval(m, 0.9, guard=guard)
    assume(ends is not None and max(map(abs, ends)) < 100)
    assert ends is not None
    q = scipy_t.ppf(0.95, m.n - 1) ** 2 / (m.n * (m.n - 1))
    for theta in ends:
        left = (m.m1 - theta * m.m0) ** 2
        right = q * (m.s11 - 2 * theta * m.s01 + theta**2 * m.s00 + guard)
        assert left == pytest.approx(right, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("cases", "trials", "upper"), [(20, 1, 0.153637), (50, 1, 0.058667), (20, 5, 0.030727)]
)
def test_flawless_sides_are_still_uncertain(cases: int, trials: int, upper: float) -> None:
    """gate.md, expected number 8: all pass, upper end of the 90 % interval of the drop."""
    ends = ratio_interval(
        moments([1.0] * cases, [1.0] * cases, [1.0] * cases), 0.9, guard=3 / trials**2
    )
    assert ends is not None
    assert 1 - ends[0] == pytest.approx(upper, abs=1e-6)
    assert 1 - ends[0] == pytest.approx(
        scipy_t.ppf(0.95, cases - 1) * sqrt(3 / (cases * (cases - 1))) / trials
    )


def test_a_baseline_near_zero_gives_no_bounded_interval() -> None:
    """A <= 0: the ratio to a mean that may be zero is unbounded."""
    assert ratio_interval(moments([1.0, 0, 0, 0], [1.0, 1, 1, 1], [1.0] * 4), 0.9) is None


def test_one_case_gives_no_interval() -> None:
    """One case shows no spread."""
    assert ratio_interval(moments([1.0], [1.0], [1.0]), 0.9) is None


def test_equal_weights_change_nothing() -> None:
    """Weights with mean 1 that are all equal are no weights."""
    y0, y1 = [1.0, 0.5, 0.25, 1.0], [0.5, 0.5, 0.5, 1.0]
    m = moments(y0, y1, [1.0] * 4)
    assert (m.m0, m.m1, m.n) == (0.6875, 0.625, 4)
    assert m.s00 == pytest.approx(sum((a - 0.6875) ** 2 for a in y0))
