"""The bootstrap of quantiles against numpy."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.metrics.registry import METRICS
from evalgate.stats.bootstrap import SEED, _weighted_quantile, bootstrap_quantile
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


def test_intervals_are_those_of_the_drawn_cases_written_out() -> None:
    """Oracle: numpy.quantile over every draw of the same seed, its cases as often as drawn."""
    rows = [
        Row(f"c{i}", 1.0, None, tuple(i + j / 3 for j in range(i % 3 + 1)), (i * 1.7 + 0.5,))
        for i in range(1, 8)
    ]
    generator = Random(SEED)  # noqa: S311  # the same draws
    changes = []
    for _ in range(999):
        drawn = [rows[i] for i in generator.choices(range(7), k=7)]
        old = np.quantile([v for row in drawn for v in row.baseline], 0.95)
        new = np.quantile([v for row in drawn for v in row.candidate], 0.95)
        changes.append((new - old) / old)
    changes.sort()
    found = bootstrap_quantile(METRICS["completion_time_p95"], rows)
    assert (changes[50], changes[948]) == pytest.approx(found.interval_90)
    assert (changes[100], changes[898]) == pytest.approx(found.interval_80)


def test_many_values_are_drawn_less_often() -> None:
    """Two million values in all: 500 draws of 2,000 on each side, which the smallest p tells."""
    values = tuple(1.0 + i for i in range(2000))
    rows = [Row("a", 1.0, None, values, tuple(value * 2 for value in values))]
    assert 1 / 501 == bootstrap_quantile(METRICS["completion_time_p50"], rows).p_value
