"""A shift is found where ruptures finds it, and not where there is none."""

from random import Random

import pytest
import ruptures
from numpy import array

from evalgate.history.changepoint import newest_shift


def series(seed: int, *parts: tuple[int, float], sd: float = 0.02) -> list[float]:
    """Make runs of so many values about a mean each."""
    chance = Random(seed)  # noqa: S311  # test data
    return [chance.gauss(mean, sd) for count, mean in parts for _ in range(count)]


@pytest.mark.parametrize("seed", range(20))
def test_a_shift_is_where_ruptures_finds_it(seed: int) -> None:
    """Dynamic programming on the l2 cost, one break, five values on each side."""
    values = series(seed, (10 + seed, 0.9), (8 + seed % 5, 0.82))
    search = ruptures.Dynp(model="l2", min_size=5, jump=1).fit(array(values).reshape(-1, 1))
    found = newest_shift(values)
    assert found is not None
    assert search.predict(n_bkps=1)[0] == found.index


def test_the_newest_of_two_shifts_is_told() -> None:
    """.9, .8, .7: the level before the last one is that of the middle part."""
    found = newest_shift(series(1, (20, 0.9), (20, 0.8), (20, 0.7)))
    assert found is not None
    assert 40 == found.index
    assert (0.8, 0.7) == (round(found.before, 1), round(found.after, 1))


def test_false_alarms_are_rare() -> None:
    """At a level of .001, 200 series without a shift give none or one."""
    found = [newest_shift(series(seed, (40, 0.9))) for seed in range(200)]
    assert 1 >= sum(shift is not None for shift in found)


def test_a_step_without_noise_is_exact() -> None:
    """A deterministic agent: .9 ten times, then .8."""
    found = newest_shift([0.9] * 10 + [0.8] * 5)
    assert found is not None
    assert (10, 0.0) == (found.index, found.p)
    assert newest_shift([0.9] * 30) is None


@pytest.mark.parametrize("count", [0, 1, 9])
def test_few_values_say_nothing(count: int) -> None:
    """Five on each side are ten."""
    assert newest_shift([0.1 * n for n in range(count)]) is None
