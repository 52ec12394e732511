"""The policy of one metric, and the plain rule in exact arithmetic.

rho = (B - C) / |B| where higher is better, (C - B) / |B| where lower is better; the check fails
where rho >= tau, boundary included.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from pydantic import ValidationError

from evalgate.errors import ConfigError
from evalgate.metrics.metric import Metric
from evalgate.schema.config_parts.gate import GateConfig, MetricGate
from evalgate.schema.verdict import Direction, Gate, GateMode, Outcome
from evalgate.stats.rounding import exact

_ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one metric gates, resolved from its definition and the policy."""

    gate: Gate
    """`zero`, `standard` or `advisory`."""
    explicit: bool
    """Whether the configuration asks for this gate: then no evidence is inconclusive."""
    tau: Fraction
    """The drop from which on the check fails; 0 with `zero`, where any drop fails."""
    unit: Literal["relative", "points"]
    """Whether `tau` is relative to the baseline or in the metric's own unit."""
    direction: Direction
    """Which way is better."""
    abs_tol: Fraction | None
    """With a baseline of 0 and lower better: the value from which on the check fails."""
    min_abs_change: Fraction
    """Changes smaller than this never fail."""
    minimum: Fraction | None = None
    """The candidate's value may not be below."""
    maximum: Fraction | None = None
    """The candidate's value may not be above."""
    limit_gate: Gate = "standard"
    """Whether the limits gate."""


def with_options(policy: GateConfig, mode: str | None, threshold: str | None) -> GateConfig:
    """Return a policy with the mode and the threshold that the command line gives instead.

    Raises:
        ConfigError: There is no such mode or threshold.
    """
    given = {"mode": mode, "threshold": None if threshold is None else _number_or_text(threshold)}
    told = {name: value for name, value in given.items() if value is not None}
    if not told:
        return policy
    try:
        return GateConfig.model_validate({**policy.model_dump(exclude_unset=True), **told})
    except ValidationError as error:
        if error.errors()[0]["loc"][0] == "mode":
            known = ", ".join(get_args(GateMode))
            raise ConfigError(f"mode {mode!r}: expected one of {known}") from error
        raise ConfigError(
            f"threshold {threshold!r}: expected 0.05, '5%' or '5pp', above 0 and at most 1 (100%)",
            fix="--threshold 5%",
        ) from error


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def rule_of(metric: Metric, policy: GateConfig, *, gate_all: bool = False) -> Rule:
    """Resolve how a metric gates.

    A metric for which the configuration names only limits or tolerances keeps its default gate
    for the comparison; naming `gate` or `threshold` gates it.

    Args:
        metric: The definition.
        policy: The suite's policy.
        gate_all: Whether metrics that are not configured gate all the same (flat files, which
            hold only what someone put there to be compared).
    """
    given = policy.metrics.get(metric.name)
    default: Gate = "standard" if gate_all else metric.gate
    own = given or MetricGate()
    named = given is not None and bool({"gate", "threshold"} & own.model_fields_set)
    gate = own.gate if named else default
    threshold = own.threshold or policy.threshold
    is_zero = gate == "zero"
    abs_tol = metric.abs_tol if own.abs_tol is None else own.abs_tol
    tolerance = metric.min_abs_change if own.min_abs_change is None else own.min_abs_change
    return Rule(
        gate=gate,
        explicit=named and gate != "advisory",
        tau=_ZERO if is_zero else exact(threshold.value),
        unit="relative" if is_zero else threshold.unit,
        direction=metric.direction,
        abs_tol=_ZERO if is_zero else None if abs_tol is None else exact(abs_tol),
        min_abs_change=_ZERO if is_zero or tolerance is None else exact(tolerance),
        minimum=None if own.min is None else exact(own.min),
        maximum=None if own.max is None else exact(own.max),
        limit_gate=own.gate if "gate" in own.model_fields_set else "standard",
    )


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the plain rule says of two values."""

    outcome: Outcome
    """Pass, fail, or inconclusive where the rule is not defined."""
    rho: Fraction | None
    """Relative change, positive is worse; null at a baseline of 0."""
    note: str = ""
    """Why, where it is not the comparison of rho with tau."""
    undefined: bool = False
    """Whether the configuration lacks the `abs_tol` that a baseline of 0 needs."""


def apply_rule(rule: Rule, baseline: Fraction, candidate: Fraction) -> Ruling:
    """Apply the plain rule."""
    loss = baseline - candidate if rule.direction == "higher" else candidate - baseline
    if baseline == 0:
        return _from_zero(rule, candidate, loss)
    rho = loss / abs(baseline)
    change = rho if rule.unit == "relative" else loss
    worse = change > 0 if rule.gate == "zero" else change >= rule.tau
    if worse and loss < rule.min_abs_change:
        note = f"the change is below min_abs_change {float(rule.min_abs_change):g}"
        return Ruling("pass", rho, note)
    return Ruling("fail" if worse else "pass", rho)


def _from_zero(rule: Rule, candidate: Fraction, loss: Fraction) -> Ruling:
    if rule.direction == "higher":
        if rule.gate == "zero" and candidate < 0:
            return Ruling("fail", None, "below a baseline of 0")
        return Ruling("pass", None, "no headroom: the baseline is 0")
    if candidate <= 0:
        return Ruling("pass", None, "0 in the baseline and not above it now")
    if rule.unit == "points":
        failed = loss >= rule.tau and loss >= rule.min_abs_change
        return Ruling("fail" if failed else "pass", None, "the baseline is 0")
    if rule.abs_tol is None:
        return Ruling("inconclusive", None, "the baseline is 0: no relative change", undefined=True)
    failed = candidate >= rule.abs_tol
    word = "reaches" if failed else "is below"
    note = f"the baseline is 0 and the value {word} abs_tol {float(rule.abs_tol):g}"
    return Ruling("fail" if failed else "pass", None, note)


def policy_problems(policy: GateConfig, metrics: Mapping[str, Metric]) -> tuple[str, ...]:
    """List what makes a policy meaningless: unknown metrics, both halves of a complement.

    Args:
        policy: The policy.
        metrics: All metrics of the suite, those of user scorers included.
    """
    problems = [
        f"gate.metrics.{name}: no such metric" for name in policy.metrics if name not in metrics
    ]
    gated = {n for n, m in metrics.items() if rule_of(m, policy).gate != "advisory"}
    problems += [
        f"gate.metrics: {name} and {other} are complements (one is 1 minus the other) and both "
        "gate; make one of them advisory"
        for name in sorted(gated)
        if (other := metrics[name].complement) in gated and other is not None and name < other
    ]
    return tuple(problems)
