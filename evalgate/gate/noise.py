"""What noise over trials allows to say of one metric: interval, p-value, settled, quality.

The estimand is this golden set; noise is over trials only. Cases of one cluster count as one,
by their weighted mean (C - 1 degrees of freedom).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from evalgate.gate.rules import Rule
from evalgate.metrics.metric import Metric
from evalgate.schema.verdict import Direction, GateQuality
from evalgate.stats.bootstrap import bootstrap_quantile
from evalgate.stats.drop_test import PassCounts, drop_p_value, paired_t_p
from evalgate.stats.fieller import Range, moments, ratio_interval
from evalgate.stats.pairing import Row, case_value
from evalgate.stats.quality import Noise, gate_quality
from evalgate.stats.rounding import nearest


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What noise allows to say of a change; intervals are of rho, positive is worse."""

    interval_90: Range
    """90 % interval of the relative change; null is unbounded."""
    interval_80: Range
    """80 % interval of the relative change; null is unbounded."""
    p_value: float | Fraction | None
    """One-sided p of a drop."""
    settled: bool
    """Whether the threshold lies outside the 80 % interval."""
    quality: GateQuality
    """How well the gate can tell for this baseline."""


def uncertainty(
    metric: Metric,
    rule: Rule,
    rows: Sequence[Row],
    baseline: Fraction,
    varying: frozenset[str] | None = None,
) -> Uncertainty | None:
    """Return what noise over trials allows to say.

    Args:
        metric: The metric.
        rule: How it gates.
        rows: The compared cases, complete.
        baseline: The baseline's exact value; the relative change is undefined at 0.
        varying: Cases whose trials vary between the two sides, the others being compared exactly;
            null: all.
    """
    if baseline == 0 or not rows:
        return None
    tau = _relative_tau(rule, baseline)
    if metric.aggregate in ("p50", "p95"):
        boot = bootstrap_quantile(metric, rows)
        inside = _reaches(boot.interval_80, tau)
        return Uncertainty(
            boot.interval_90, boot.interval_80, boot.p_value, not inside, GateQuality()
        )
    drawn = rows if varying is None else [row for row in rows if row.id in varying]
    sample = _sample(metric, rows, varying)
    m = moments(sample.y0, sample.y1, sample.scale, sample.varies)
    guard = 3 / sample.fewest**2 if sample.binary else 0.0
    upside_down = (metric.direction == "higher") == (baseline > 0)
    interval_90, interval_80 = (
        _change(ratio_interval(m, level, guard=guard), upside_down=upside_down)
        for level in (0.9, 0.8)
    )
    return Uncertainty(
        interval_90,
        interval_80,
        _p_value(metric.direction, drawn, sample),
        not _reaches(interval_80, tau),
        _quality(metric, rule, drawn, sample, baseline, len(rows)),
    )


def _relative_tau(rule: Rule, baseline: Fraction) -> float:
    tau = rule.tau if rule.unit == "relative" else rule.tau / abs(baseline)
    return nearest(max(tau, rule.min_abs_change / abs(baseline)))


def _reaches(interval: Range, tau: float) -> bool:
    return interval is None or interval[0] <= tau <= interval[1]


def _change(theta: Range, *, upside_down: bool) -> Range:
    """Turn an interval of theta = m1 / m0 into one of rho."""
    if theta is None:
        return None
    low, high = theta
    return (1 - high, 1 - low) if upside_down else (low - 1, high - 1)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Independent units: cases, or clusters of them."""

    y0: list[float]
    y1: list[float]
    scale: list[float]
    """Relative weight of each unit, with mean 1."""
    varies: list[bool]
    """Whether the difference of each unit is a matter of chance."""
    binary: bool
    fewest: int
    """Smallest number of trials of a case on either side."""
    clustered: bool
    weighted: bool


def _sample(metric: Metric, rows: Sequence[Row], varying: frozenset[str] | None) -> _Sample:
    means0 = [_case_mean(metric, row.baseline) for row in rows]
    means1 = [_case_mean(metric, row.candidate) for row in rows]
    weights = [row.weight for row in rows]
    binary = metric.aggregate == "mean" and all(
        value in (0.0, 1.0) for row in rows for value in (*row.baseline, *row.candidate)
    )
    fewest = min(min(len(row.baseline), len(row.candidate)) for row in rows)
    varies = [varying is None or row.id in varying for row in rows]
    clustered = any(row.cluster is not None for row in rows)
    weighted = len(set(weights)) > 1
    if clustered:
        keys = [_cluster(row) for row in rows]
        chancy = {key for key, one in zip(keys, varies, strict=True) if one}
        varies = [key in chancy for key in dict.fromkeys(keys)]
        means0, means1, weights = _by_cluster(rows, means0, means1, weights)
    whole = sum(weights) / len(weights)
    scale = [weight / whole for weight in weights]
    return _Sample(means0, means1, scale, varies, binary, fewest, clustered, weighted)


def _case_mean(metric: Metric, values: Sequence[float]) -> float:
    if metric.aggregate == "mean":
        return sum(values) / len(values)
    value = case_value(metric, values)
    return 0.0 if value is None else float(value)


def _cluster(row: Row) -> tuple[bool, str]:
    """A case of no cluster is a cluster of its own; the flag keeps ids and clusters apart."""
    return (row.cluster is None, row.id if row.cluster is None else row.cluster)


def _by_cluster(
    rows: Sequence[Row], y0: list[float], y1: list[float], weights: list[float]
) -> tuple[list[float], list[float], list[float]]:
    sums: dict[tuple[bool, str], list[float]] = {}
    for row, a, b, w in zip(rows, y0, y1, weights, strict=True):
        entry = sums.setdefault(_cluster(row), [0.0, 0.0, 0.0])
        entry[0] += w * a
        entry[1] += w * b
        entry[2] += w
    totals = list(sums.values())
    return [t[0] / t[2] for t in totals], [t[1] / t[2] for t in totals], [t[2] for t in totals]


def _p_value(direction: Direction, rows: Sequence[Row], sample: _Sample) -> float | Fraction | None:
    same_trials = len({len(row.candidate) for row in rows}) == 1
    if sample.binary and same_trials and not sample.clustered and not sample.weighted:
        return drop_p_value(_counts(row, direction) for row in rows)
    sign = 1.0 if direction == "higher" else -1.0
    units = zip(sample.y0, sample.y1, sample.scale, sample.varies, strict=True)
    drops = [(sign * (a - b), scale) for a, b, scale, one in units if one]
    return paired_t_p([drop for drop, _ in drops], [scale for _, scale in drops])


def _counts(row: Row, direction: Direction) -> PassCounts:
    """Count the better outcomes: passes, or zeros where lower is better."""
    good0, good1 = int(sum(row.baseline)), int(sum(row.candidate))
    k0, k1 = len(row.baseline), len(row.candidate)
    if direction == "lower":
        good0, good1 = k0 - good0, k1 - good1
    return PassCounts(good0, k0, good1, k1)


def _quality(
    metric: Metric,
    rule: Rule,
    rows: Sequence[Row],
    sample: _Sample,
    baseline: Fraction,
    cases: int,
) -> GateQuality:
    trials0 = min(len(row.baseline) for row in rows)
    if metric.aggregate != "mean" or trials0 < 2 or sample.clustered or sample.weighted:
        return GateQuality()
    variance = sum(_within(row.baseline) for row in rows) / cases
    trials1 = min(len(row.candidate) for row in rows)
    noise = Noise(cases, trials0, trials1, baseline, variance, binary=sample.binary)
    tau = rule.tau if rule.unit == "relative" else rule.tau / abs(baseline)
    return gate_quality(
        noise,
        max(tau, rule.min_abs_change / abs(baseline)),
        lower_is_better=metric.direction == "lower",
    )


def _within(values: Sequence[float]) -> float:
    """Return the unbiased variance of one trial within its case."""
    if values.count(values[0]) == len(values):
        return 0.0
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)
