"""`min` and `max`: limits on the candidate alone, with or without a baseline."""

from dataclasses import dataclass
from fractions import Fraction

from evalgate.gate.comparability import SCORE_AGAIN, miss_of
from evalgate.gate.comparison import Comparison
from evalgate.gate.rules import Rule, rule_of
from evalgate.metrics.metric import Metric
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.verdict import Check, Outcome
from evalgate.stats.pairing import Cell, exact_value, fill, read_cell
from evalgate.stats.rounding import exact
from evalgate.stats.summary import CaseSummary


def limit_checks(comparison: Comparison, policy: GateConfig) -> tuple[Check, ...]:
    """Return a check for every `min` and `max` of the policy.

    The value is over all cases of the candidate that are no drafts. Broken and unknown scores are
    taken at both ends of their bounds; a case that was scored in the baseline and abstains now
    counts at its worst; no value at all is inconclusive.

    Args:
        comparison: The candidate, and its baseline where there is one.
        policy: The limits.
    """
    checks: list[Check] = []
    for name in policy.metrics:
        metric = comparison.definitions.get(name)
        if metric is None:
            continue  # an unknown metric is a check of its own
        rule = rule_of(metric, policy)
        value = _value(comparison, metric)
        if rule.minimum is not None:
            checks.append(_check(metric, rule, "min", rule.minimum, value))
        if rule.maximum is not None:
            checks.append(_check(metric, rule, "max", rule.maximum, value))
    return tuple(checks)


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Why a value cannot be known, and what helps."""

    reason: str
    fix: str


_Range = tuple[Fraction, Fraction] | _Unknown
"""The lowest and the highest the value can be, or why it cannot be known."""


def _value(comparison: Comparison, metric: Metric) -> _Range:
    side = comparison.candidate
    cells = [
        (case.weight, _counted(_cell(case, metric), case, comparison, metric))
        for case in side.gating()
    ]
    lost = sum(cell.open for _, cell in cells)
    if any(cell.missed for _, cell in cells):
        missed, fix = miss_of(side, metric.name)
        return _Unknown(f"some scores were {missed}", fix)
    needs = f"see what {metric.name} needs in docs/metrics.md, or take the limit out"
    if metric.bounds is None and (lost or any(cell.abstained for _, cell in cells)):
        return _Unknown(
            "some scores are unknown or broken, and no bound can stand in for them", needs
        )
    if metric.aggregate in ("quartile", "by_quartile") or not any(c.values for _, c in cells):
        if lost:
            fix = SCORE_AGAIN if any(cell.broken for _, cell in cells) else needs
            return _Unknown(f"all {lost} scores are unknown or broken", fix)
        known = side.values.get(metric.name)
        if known is None:
            return _Unknown("there is no value", needs)
        return exact(known), exact(known)
    ends = [
        exact_value(metric, [(w, fill(cell, metric, favourable=best)) for w, cell in cells])
        for best in (False, True)
    ]
    worst, best = ends
    if worst is None or best is None:
        return _Unknown("there is no value", needs)
    return min(worst, best), max(worst, best)


def _cell(case: CaseSummary, metric: Metric) -> Cell:
    if metric.score in case.columns or "not_measured" in case.statuses:
        return read_cell(case, metric)
    return Cell((), abstained=len(case.numbers))


def _counted(cell: Cell, case: CaseSummary, comparison: Comparison, metric: Metric) -> Cell:
    """Leave abstained trials out, unless the baseline scored the case."""
    if not cell.abstained:
        return cell
    old = None if comparison.baseline is None else comparison.baseline.cases.get(case.id)
    scored_before = old is not None and bool(read_cell(old, metric).values)
    if scored_before and not case.expects_refusal:
        return cell
    return cell._replace(abstained=0)


def _check(metric: Metric, rule: Rule, kind: str, limit: Fraction, value: _Range) -> Check:
    outcome: Outcome = "inconclusive"
    shown: float | None = None
    fix: str | None = None
    if isinstance(value, _Unknown):
        reason = f"{metric.name} has a {kind} of {float(limit):g}, and {value.reason}"
        fix = value.fix
    else:
        ends = [end < limit if kind == "min" else end > limit for end in value]
        shown = float(value[0] if metric.direction == "higher" else value[1])
        word = {"min": "at least", "max": "at most"}[kind]
        reason = f"{shown:.4g}; it must be {word} {float(limit):g}"
        if ends[0] != ends[1]:
            low, high = (f"{float(end):.4g}" for end in value)
            reason = f"between {low} and {high}, as some scores are missing; it must be {word}"
            reason += f" {float(limit):g}"
            fix = "evalgate show --failed  (the errors), then evalgate score latest"
        else:
            outcome = "fail" if ends[0] else "pass"
    return Check(
        id=f"{metric.name}.{kind}",
        kind="limit",
        gate=rule.limit_gate,
        outcome=outcome,
        metric=metric.name,
        unit=metric.unit,
        direction=metric.direction,
        candidate=shown,
        threshold=float(limit),
        threshold_unit="absolute",
        reason=reason,
        fix=fix,
    )
