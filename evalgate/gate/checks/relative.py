"""Checks against the baseline: the plain rule, and how modes and missing scores bear on it."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

from evalgate.gate.comparability import miss_of
from evalgate.gate.comparison import ByCase, ByValue, Comparison, MetricComparison, NoComparison
from evalgate.gate.rules import Rule, Ruling
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.verdict import Check, GateMode, Interval, Outcome
from evalgate.stats.fieller import Range
from evalgate.stats.intervals import holm
from evalgate.stats.rounding import nearest
from evalgate.text.counts import number_of, percent_text

_MANIFOLD = 1e6
"""From here on a change is told as a multiple, not in per cent."""

_MORE = {
    "trials": "more trials settle it (--max-trials)",
    "recordings": "record more trials (`evalgate run --record --trials 5`)",
    "clock": "more cases or trials settle it, or a `min_abs_change` above the machine's noise",
}


@dataclass(frozen=True, slots=True)
class _Opinion:
    """An outcome, and why."""

    outcome: Outcome
    reason: str
    fix: str | None = None


def relative_checks(
    comparison: Comparison, policy: GateConfig
) -> tuple[tuple[Check, ...], tuple[str, ...]]:
    """Return a check for every compared metric, and what a reader should be warned of.

    Args:
        comparison: The comparison.
        policy: Mode and significance level.
    """
    adjusted = _adjusted(comparison) if policy.mode == "confirmed" else {}
    checks: list[Check] = []
    warnings: list[str] = []
    for compared in comparison.metrics:
        match compared.result:
            case ByCase() as result:
                p = adjusted.get(compared.metric.name)
                missed = miss_of(comparison.candidate, compared.metric.name)
                check, warning = _by_case(compared, result, policy, p, missed)
                checks.append(check)
                if check.gate != "advisory":
                    warnings += warning
            case ByValue() as result:
                checks.append(_by_value(compared, result, comparison, policy.mode))
            case NoComparison() as why:
                checks.append(_not_compared(compared, why))
    return tuple(checks), tuple(warnings)


def _adjusted(comparison: Comparison) -> dict[str, float]:
    """Return Holm-adjusted p over the gated metrics.

    They may soften a fail only where the evidence is complete: with an imputed score anywhere, a
    missing score could make another metric's p-value, or this one's, larger.
    """
    family: dict[str, float | Fraction] = {}
    for compared in comparison.metrics:
        result = compared.result
        if compared.rule.gate == "advisory" or not isinstance(result, ByCase):
            continue
        if result.paired.imputed or result.paired.missed:
            return {}
        if result.uncertainty is not None and result.uncertainty.p_value is not None:
            family[compared.metric.name] = result.uncertainty.p_value
    return dict(zip(family, map(float, holm(list(family.values()))), strict=True))


def _by_case(
    compared: MetricComparison,
    result: ByCase,
    policy: GateConfig,
    p_adjusted: float | None,
    missed: tuple[str, str],
) -> tuple[Check, list[str]]:
    name = compared.metric.name
    noise = result.uncertainty
    plain = _plain_opinion(compared, result, missed)
    opinion = plain
    warnings: list[str] = []
    if noise is not None:
        opinion, warnings = _under_mode(name, plain, result, policy, p_adjusted)
    if result.paired.abstains_now and plain.outcome != "inconclusive":
        silent = number_of(
            len(result.paired.abstains_now),
            "case that abstains counts at its",
            "cases that abstain count at their",
        )
        warnings = [*warnings, f"{name}: {silent} worst"]
    lost = _lost(result)
    if opinion.outcome == "pass" and result.paired.imputed and lost:
        warnings = [*warnings, f"{name}: {lost}; passes with each at its worst"]
    return Check(
        id=name,
        kind="relative",
        gate=compared.rule.gate,
        outcome=opinion.outcome,
        metric=name,
        unit=compared.metric.unit,
        direction=compared.metric.direction,
        baseline=float(result.baseline),
        candidate=float(result.candidate),
        change=_float(result.ruling.rho),
        threshold=float(compared.rule.tau),
        threshold_unit=compared.rule.unit,
        interval_90=_interval(noise.interval_90) if noise else None,
        interval_80=_interval(noise.interval_80) if noise else None,
        p_value=_float(noise.p_value) if noise else None,
        p_adjusted=p_adjusted,
        settled=noise.settled if noise else None,
        n_cases=result.n_cases,
        trials_baseline=result.trials[0],
        trials_candidate=result.trials[1],
        quality=noise.quality if noise else None,
        reason=opinion.reason,
        fix=opinion.fix,
    ), warnings


def _plain_opinion(compared: MetricComparison, result: ByCase, missed: tuple[str, str]) -> _Opinion:
    """Apply the plain rule, and say what missing scores make of it."""
    paired = result.paired
    lost = _lost(result)
    if paired.missed:
        how, fix = missed
        reason = f"{number_of(paired.missed, 'score was', 'scores were')} {how}"
        return _Opinion("inconclusive", reason, fix)
    if paired.unbounded_hole:
        return _Opinion(
            "inconclusive",
            f"{lost}, and no bound can stand in for them",
            _hole_fix(compared),
        )
    best = result.at_best[2]
    if result.ruling.outcome != best.outcome:
        shown = " and ".join(_change_text(r) for r in (best, result.ruling))
        reason = f"{lost}: with each at its best and at its worst, {shown}"
        return _Opinion(
            "inconclusive",
            reason,
            "evalgate show --failed  (the errors), then evalgate score latest",
        )
    if result.ruling.undefined:
        fix = f"add `{compared.metric.name}: {{abs_tol: VALUE}}` under `gate: metrics:`"
        return _Opinion("inconclusive", f"{result.ruling.note}, and there is no abs_tol", fix)
    reason = _reason(compared.rule, result.ruling, result.baseline, result.candidate)
    if paired.imputed and lost:
        reason += f"; {lost}, and the outcome is the same with each at its best"
    if result.more_failures and result.ruling.outcome == "pass":
        return _Opinion(
            "inconclusive",
            f"{reason}; but more trials failed than in the baseline, and a trial that ends early "
            "is cheap",
            "evalgate show --failed  (why trials failed)",
        )
    return _Opinion(result.ruling.outcome, reason)


def _lost(result: ByCase) -> str:
    cells = chain.from_iterable((p.baseline, p.candidate) for p in result.paired.pairs)
    counts = {"broken": 0, "unknown": 0, "abstained": 0}
    for cell in cells:
        counts["broken"] += cell.broken
        counts["unknown"] += cell.unknown
        counts["abstained"] += cell.abstained
    if result.paired.metric.bounds is not None:
        del counts["abstained"]  # these count at their worst, on both sides alike
    return ", ".join(f"{number_of(n, 'score')} {kind}" for kind, n in counts.items() if n)


def _hole_fix(compared: MetricComparison) -> str:
    name = compared.metric.name
    advisory = f"set `{name}: advisory` under `gate: metrics:`"
    if compared.metric.unit == "USD":
        return f"give the model's price under `prices:` in evalgate.yaml, or {advisory}"
    return f"evalgate show --failed  (the errors), then evalgate score latest; or {advisory}"


def _under_mode(
    name: str, plain: _Opinion, result: ByCase, policy: GateConfig, p_adjusted: float | None
) -> tuple[_Opinion, list[str]]:
    """Let the mode soften or sharpen the plain outcome where there is noise."""
    noise = result.uncertainty
    settled = noise is not None and noise.settled
    more = _MORE[result.noise_from]
    if plain.outcome == "fail":
        if policy.mode == "confirmed" and p_adjusted is not None and p_adjusted > policy.alpha:
            told = f"not confirmed: Holm-adjusted p {p_adjusted:.3f} > alpha {policy.alpha:g}"
            warning = f"{name}: the drop is over the threshold, but {told}"
            return _Opinion("pass", f"{plain.reason}; {told}"), [warning]
        if not settled:
            return plain, [f"{name}: fails, not settled: noise over trials can explain it; {more}"]
        return plain, []
    if plain.outcome != "pass" or (settled and not result.paired.imputed):
        return plain, []
    if policy.mode == "strict":
        why = "scores are missing" if settled else "a drop over the threshold is not excluded"
        return _Opinion("inconclusive", f"{plain.reason}; {why} (strict)", more), []
    if settled:
        return plain, []
    told = "passes, not settled: a drop over the threshold is not excluded"
    return plain, [f"{name}: {told}; {more}"]


def _by_value(
    compared: MetricComparison, result: ByValue, comparison: Comparison, mode: GateMode
) -> Check:
    ruling = result.ruling
    guessed = compared.guessed_direction
    reason = _reason(compared.rule, ruling, result.baseline, result.candidate, guessed=guessed)
    opinion = _Opinion(ruling.outcome, f"{reason} (by value only)")
    if ruling.undefined:
        fix = f"add `{compared.metric.name}: {{abs_tol: VALUE}}` under `gate: metrics:`"
        opinion = _Opinion("inconclusive", f"{ruling.note}, and there is no abs_tol", fix)
    elif guessed and ruling.outcome == "fail":
        opinion = _Opinion("fail", f"{reason}; {_GUESSED}", _DIRECTION_FIX)
    elif guessed and _rose(compared.rule, result):
        reason = f"{reason}: nobody said which way is better, and it rose by the threshold or more"
        opinion = _Opinion("inconclusive", reason, _DIRECTION_FIX)
    elif mode == "strict" and comparison.noisy and ruling.outcome == "pass":
        opinion = _Opinion(
            "inconclusive",
            f"{reason}; means alone cannot exclude a drop over the threshold (strict)",
            "compare reports or baselines, which hold the trials",
        )
    return Check(
        id=compared.metric.name,
        kind="relative",
        gate=compared.rule.gate,
        outcome=opinion.outcome,
        metric=compared.metric.name,
        unit=compared.metric.unit,
        direction=None if guessed else compared.metric.direction,
        baseline=float(result.baseline),
        candidate=float(result.candidate),
        change=_float(ruling.rho),
        threshold=float(compared.rule.tau),
        threshold_unit=compared.rule.unit,
        reason=opinion.reason,
        fix=opinion.fix,
    )


_GUESSED = "nobody said which way is better, so more is taken for better"
_DIRECTION_FIX = (
    "name the metric under `scorers:` in evalgate.yaml with its `direction`, and give --suite NAME"
)


def _rose(rule: Rule, result: ByValue) -> bool:
    """Say whether a value rose so much that it would fail if less were better."""
    if result.ruling.rho is None:
        return result.candidate != result.baseline
    rise = -result.ruling.rho
    if rule.unit == "points":
        rise *= abs(result.baseline)
    return rise > 0 and rise >= rule.tau


def _not_compared(compared: MetricComparison, why: NoComparison) -> Check:
    name = compared.metric.name
    return Check(
        id=name,
        kind=why.kind,
        gate=compared.rule.gate,
        outcome="inconclusive",
        metric=name,
        unit=compared.metric.unit,
        direction=compared.metric.direction,
        reason=f"not comparable: {why.reason}" if why.kind == "comparison" else why.reason,
        fix=why.fix,
    )


def _reason(
    rule: Rule, ruling: Ruling, baseline: Fraction, candidate: Fraction, *, guessed: bool = False
) -> str:
    values = f"{float(baseline):.4g} -> {float(candidate):.4g}"
    if ruling.rho is None:
        return f"{values}: {ruling.note}"
    if rule.gate == "zero":
        threshold = "any drop fails"
    elif rule.unit == "relative":
        threshold = f"the threshold is {float(rule.tau) * 100:.4g} %"
    else:
        threshold = f"the threshold is {float(rule.tau):.4g} (points)"
    note = f"; {ruling.note}" if ruling.note else ""
    return f"{values}, {_change_text(ruling, guessed=guessed)}; {threshold}{note}"


def _change_text(ruling: Ruling, *, guessed: bool = False) -> str:
    if ruling.rho is None:
        return ruling.note
    if ruling.rho == 0:
        return "no change"
    share = abs(nearest(ruling.rho))
    shown = percent_text(share) if share < _MANIFOLD else f"{share:.2g} times"
    worse, better = ("lower", "higher") if guessed else ("worse", "better")
    return f"{shown} {worse if ruling.rho > 0 else better}"


def _interval(ends: Range) -> Interval:
    return Interval(low=None, high=None) if ends is None else Interval(low=ends[0], high=ends[1])


def _float(value: Fraction | float | None) -> float | None:
    return nearest(value) if isinstance(value, Fraction) else value
