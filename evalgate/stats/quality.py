"""How well a gate can tell: false alarms, detection, trials needed, configurations that never can.

All figures are for the plain rule, for this baseline and golden set, with noise over trials only.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm, sqrt
from statistics import NormalDist

from evalgate.schema.verdict import GateQuality
from evalgate.stats.student import t_quantile
from evalgate.text.counts import number_of, percent_text

_Z_BOTH_SIDES = 5.41
"""2 * 1.645^2: both sides' noise, one-sided 5 %."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What the baseline says about the noise of a metric."""

    n: int
    """Cases."""
    trials0: int
    """Trials a case in the baseline."""
    trials1: int
    """Trials a case in the candidate."""
    mean: Fraction
    """The baseline's mean."""
    variance: float
    """Mean over cases of the variance of one trial within its case (s2)."""
    binary: bool
    """Whether scores are 0 or 1."""


def gate_quality(noise: Noise, tau: Fraction, *, lower_is_better: bool = False) -> GateQuality:
    """Return false-alarm rate, detection of a 10 % change and the trials for 5 % false alarms.

    Args:
        noise: The baseline's mean and variance over trials.
        tau: The relative change from which on the check fails, above 0.
        lower_is_better: Whether worse is higher.

    Returns:
        Unknown figures where the baseline has one trial a case, or shows no variance at all.
    """
    unknown = noise.trials0 < 2 or noise.trials1 < 1 or noise.variance <= 0 or noise.mean <= 0
    if unknown or tau <= 0:
        return GateQuality()
    s2, n, mean = noise.variance, noise.n, float(noise.mean)
    edge = _edge(noise, tau)
    alarm = 1 - NormalDist().cdf(edge / sqrt(s2 * (1 / noise.trials0 + 1 / noise.trials1) / n))
    drop = 0.1
    if not noise.binary:
        worse = (1 + drop if lower_is_better else 1 - drop) ** 2 * s2
    elif lower_is_better:
        worse = s2
    else:
        worse = (1 - drop) * s2 + drop * (1 - drop) * (mean - s2)
    kept = float(1 + tau if lower_is_better else 1 - tau) ** 2
    spread = sqrt((worse / noise.trials1 + kept * s2 / noise.trials0) / n)
    return GateQuality(
        false_alarm_rate=alarm,
        detects_10_percent=1 - NormalDist().cdf((edge - drop * mean) / spread),
        trials_for_5_percent=max(1, ceil(_Z_BOTH_SIDES * s2 / (float(tau) * mean) ** 2 / n)),
    )


def _edge(noise: Noise, tau: Fraction) -> float:
    """Return the smallest failing drop, half a step of the counts earlier where it is a count."""
    if not noise.binary:
        return float(tau * noise.mean)
    steps = noise.n * lcm(noise.trials0, noise.trials1)
    return (ceil(tau * noise.mean * steps) - 0.5) / steps


def never_settles(cases: int, max_trials: int, baseline_trials: int, tau: Fraction) -> str | None:
    """Say why no run of this size can settle a binary metric, or nothing.

    Even an agent that passes every trial of both sides has an interval that reaches up to
    t * sqrt(3 / (n (n - 1))) / kmin: where that is tau or more, nothing settles as a pass.

    Args:
        cases: Cases in the golden set.
        max_trials: The most trials a case may get.
        baseline_trials: Trials a case in the baseline.
        tau: The relative change from which on the check fails.
    """
    if cases < 2:
        return (
            f"a golden set of {number_of(cases, 'case')} can never settle: one case has no spread"
        )
    per_trial = t_quantile(0.9, cases - 1) * sqrt(3 / (cases * (cases - 1)))
    fewest = min(max_trials, baseline_trials)
    if per_trial / fewest < tau:
        return None
    needed = int(per_trial / float(tau)) + 1
    return (
        f"this suite can never settle: with {cases} cases and {number_of(fewest, 'trial')} "
        f"even two flawless runs leave a drop of {percent_text(per_trial / fewest)} possible, and "
        f"the threshold is {percent_text(float(tau))}; it takes {needed} trials a case on both "
        "sides, or more cases"
    )
