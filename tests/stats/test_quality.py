"""The gate's own quality: the specification's formulas, and unknown where nothing is known."""

from fractions import Fraction
from math import ceil, sqrt

import pytest
from scipy.stats import norm, t

from evalgate.schema.verdict import GateQuality
from evalgate.stats.quality import Noise, gate_quality, never_settles

TAU = Fraction(1, 20)


def test_formulas_of_the_specification() -> None:
    """gate.md: T, FA, det_d and the trials needed, written out with scipy's normal."""
    n, k0, k1, mean, s2 = 50, 10, 2, Fraction(17, 20), 0.085
    quality = gate_quality(Noise(n, k0, k1, mean, s2, binary=True), TAU)
    t = (ceil(TAU * mean * n * 10) - 0.5) / (n * 10)
    sq2 = 0.9 * s2 + 0.1 * 0.9 * (0.85 - s2)
    alarm = 1 - norm.cdf(t / sqrt(s2 * (1 / k0 + 1 / k1) / n))
    detects = 1 - norm.cdf((t - 0.085) / sqrt((sq2 / k1 + 0.9025 * s2 / k0) / n))
    assert quality.false_alarm_rate == pytest.approx(alarm, abs=1e-12)
    assert quality.detects_10_percent == pytest.approx(detects, abs=1e-12)
    assert quality.trials_for_5_percent == ceil(5.41 * s2 / (0.05 * 0.85) ** 2 / n)


def test_a_thousand_cases_need_one_trial() -> None:
    """No fewer: a case that was not tried says nothing."""
    noise = Noise(1000, 5, 5, Fraction(9, 10), 0.05, binary=True)
    assert 1 == gate_quality(noise, TAU).trials_for_5_percent


@pytest.mark.parametrize("lower", [False, True])
def test_formulas_of_a_continuous_metric(lower: bool) -> None:  # noqa: FBT001  # a parameter
    """gate.md: the threshold is tau m, and a 10 % change scales the spread by .9 or 1.1."""
    n, k0, k1, mean, s2 = 40, 2, 1, Fraction(3), 1.2
    quality = gate_quality(Noise(n, k0, k1, mean, s2, binary=False), TAU, lower_is_better=lower)
    changed, kept = (1.1, 1.05) if lower else (0.9, 0.95)
    alarm = 1 - norm.cdf(0.15 / sqrt(s2 * (1 / k0 + 1 / k1) / n))
    spread = sqrt((changed**2 * s2 / k1 + kept**2 * s2 / k0) / n)
    assert quality.false_alarm_rate == pytest.approx(alarm, abs=1e-12)
    assert quality.detects_10_percent == pytest.approx(
        1 - norm.cdf((0.15 - 0.3) / spread), abs=1e-12
    )


@pytest.mark.parametrize(
    "noise",
    [
        Noise(50, 1, 1, Fraction(17, 20), 0.085, binary=True),
        Noise(50, 10, 1, Fraction(1), 0.0, binary=True),
        Noise(50, 10, 1, Fraction(0), 0.1, binary=False),
    ],
    ids=["one baseline trial", "no variance seen", "baseline of zero"],
)
def test_unknown_is_not_zero(noise: Noise) -> None:
    """Where s2 = 0 or k0 = 1 the quality is unknown, never 0 or 1."""
    assert GateQuality() == gate_quality(noise, TAU)


def test_a_small_suite_can_never_settle() -> None:
    """20 cases and one trial leave 15 % possible (gate.md, number 8, at 80 %)."""
    message = never_settles(20, 1, 10, TAU)
    assert message is not None
    assert "never settle" in message
    needed = int(message.split("it takes ")[1].split()[0])
    assert never_settles(20, needed, needed, TAU) is None
    assert never_settles(20, needed - 1, needed, TAU) is not None


def test_one_case_can_never_settle() -> None:
    """One case shows no spread, whatever the trials."""
    assert never_settles(1, 1000, 1000, TAU) is not None


def test_a_large_suite_can_settle() -> None:
    """2,000 cases settle with one trial."""
    assert never_settles(2000, 1, 1, TAU) is None


def test_what_can_never_settle_in_words() -> None:
    """t(.9, 19) * sqrt(3 / (20 * 19)) = .118 over one trial; 3 trials bring it below 5 %."""
    left = t.ppf(0.9, 19) * sqrt(3 / (20 * 19))
    assert never_settles(20, 1, 10, TAU) == (
        "this suite can never settle: with 20 cases and 1 trial even two flawless runs leave a "
        f"drop of {100 * left:.1f} % possible, and the threshold is 5 %; it takes 3 trials a case "
        "on both sides, or more cases"
    )
    assert never_settles(20, 10, 2, TAU) is not None
    assert "a golden set of 1 case can never settle" in (never_settles(1, 9, 9, TAU) or "")
    two = t.ppf(0.9, 1) * sqrt(3 / 2)
    assert f"a drop of {100 * two:.1f} % possible" in (never_settles(2, 1, 1, TAU) or "")
