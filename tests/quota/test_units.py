"""Time in nanoseconds, and exponential numbers without a logarithm."""

from fractions import Fraction
from random import Random
from statistics import fmean

from evalgate.quota.units import SECOND, exponential, nanoseconds, quantise, seconds


def test_seconds_become_whole_nanoseconds() -> None:
    """A float is taken as it is and rounded to the nearest nanosecond."""
    assert [644_000_000, 0, 12_441_600_000] == [
        nanoseconds(0.644),
        nanoseconds(0),
        nanoseconds(Fraction(124416, 10000)),
    ]


def test_quantise_rounds_up() -> None:
    """Who obeys a rounded wait is never early."""
    assert [0, SECOND, SECOND, 2 * SECOND] == [
        quantise(n, SECOND) for n in (0, 1, SECOND, SECOND + 1)
    ]


def test_seconds_undoes_nanoseconds() -> None:
    """There and back."""
    assert seconds(nanoseconds(1.5)) == 1.5


def test_exponential_has_mean_one_and_the_right_tail() -> None:
    """Mean 1 and P(X > 1) = 1/e, each within five standard errors of 40,000 draws."""
    rng = Random(7)  # noqa: S311  a seeded law
    draws = [exponential(rng) for _ in range(40_000)]
    assert abs(fmean(draws) - 1) < 5 / 200
    assert abs(sum(x > 1 for x in draws) / 40_000 - 0.36787944) < 5 * 0.4823 / 200


def test_exponential_is_the_same_bits_everywhere() -> None:
    """Only comparisons and sums of exact uniforms: these digits hold on every machine."""
    rng = Random("seed")  # noqa: S311  a seeded law
    expected = ["0x1.1b1b770f139f8p-3", "0x1.bae5381639015p-1", "0x1.73ba3cacbff5cp-1"]
    assert expected == [exponential(rng).hex() for _ in range(3)]
