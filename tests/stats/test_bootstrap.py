"""The bootstrap of quantiles against numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.stats.bootstrap import _weighted_quantile


@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(0, 3)), min_size=1, max_size=12),
    st.sampled_from([0.0, 0.5, 0.95, 1.0]),
)
def test_a_repeated_value_counts_as_often_as_its_case_was_drawn(
    drawn: list[tuple[float, int]], share: float
) -> None:
    """Oracle: numpy.quantile (type 7) over the values written out."""
    times = [n for _, n in drawn]
    times[0] = times[0] or 1
    ordered = sorted((value, i) for i, (value, _) in enumerate(drawn))
    written_out = [value for value, i in ordered for _ in range(times[i])]
    expected = float(np.quantile(written_out, share))
    assert expected == pytest.approx(_weighted_quantile(ordered, times, share), abs=1e-9)
