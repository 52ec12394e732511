"""The bootstrap of quantiles against numpy."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.metrics.registry import METRICS
from evalgate.stats.bootstrap import _weighted_quantile, bootstrap_quantile
from evalgate.stats.pairing import Row


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


def test_intervals_are_ends_of_the_draws() -> None:
    """Every second case gets slower: the 5th and 95th of 100 lie outside the 10th and 90th."""
    times = [1.0 + i / 10 for i in range(40)]
    rows = [
        Row(f"c{i}", 1.0, None, (t,), (t * (1.5 if i % 2 else 0.9),)) for i, t in enumerate(times)
    ]
    found = bootstrap_quantile(METRICS["completion_time_p50"], rows)
    assert found.interval_90 is not None
    assert found.interval_80 is not None
    assert found.interval_90[0] < found.interval_80[0] < found.interval_80[1] < found.interval_90[1]
    inverse = bootstrap_quantile(replace(METRICS["completion_time_p50"], direction="higher"), rows)
    assert inverse.interval_90 == pytest.approx((-found.interval_90[1], -found.interval_90[0]))


def test_the_p_value_counts_draws_without_a_drop() -> None:
    """Of 999: none where everything gets slower, all where nothing changes or gets faster."""
    metric = METRICS["completion_time_p50"]

    def p(factor: float) -> float:
        rows = [Row(f"c{i}", 1.0, None, (1.0 + i,), ((1.0 + i) * factor,)) for i in range(20)]
        return bootstrap_quantile(metric, rows).p_value

    assert [1 / 1000, 1.0, 1.0] == [p(1.5), p(1.0), p(0.5)]


def test_cases_are_drawn_with_replacement() -> None:
    """A slow minority moves the median of some draws and not of others."""
    rows = [Row(f"c{i}", 1.0, None, (1.0,), (1.0 if i < 6 else 10.0,)) for i in range(10)]
    found = bootstrap_quantile(METRICS["completion_time_p50"], rows)
    assert found.interval_90 == (0.0, 9.0)
    assert 0.6 < found.p_value < 0.9
