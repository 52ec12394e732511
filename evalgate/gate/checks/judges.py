"""Whether a judge may gate: it must agree with people, or its calibration be waived, out loud."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalgate.gate.rules import rule_of
from evalgate.metrics.metric import Metric
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.judge import JudgeCalibration
from evalgate.schema.verdict import Check, Outcome
from evalgate.text.counts import number_of


@dataclass(frozen=True, slots=True)
class JudgeUse:
    """A judge and the metrics it gives to a suite."""

    suite: str
    """The suite's name."""
    name: str
    model: str
    prompt_digest: str
    config_digest: str
    """Digest of model, prompts and sampling."""
    metrics: Mapping[str, str]
    """Metrics it gives, each with the score that people label for it."""
    min_kappa: float
    """Kappa from which on they may gate."""
    min_labels: int
    """Labelled answers that are needed."""
    waived: str | None = None
    """Why no calibration is needed; null: one is."""


def trust_checks(
    judges: Sequence[JudgeUse],
    calibrations: Mapping[str, Mapping[str, JudgeCalibration]],
    policy: GateConfig,
    metrics: Mapping[str, Metric],
) -> tuple[Check, ...]:
    """State of every judged metric that gates whether its judge is trusted.

    A judge is trusted where it was calibrated as it is now (model, prompts, sampling), on enough
    labels, with a kappa of at least `min_kappa`. A kappa that cannot be computed is none.

    Args:
        judges: The judges of a suite.
        calibrations: By judge, then by the score that was labelled.
        policy: Decides which metrics gate.
        metrics: Definitions of the suite's metrics.

    Returns:
        One check a gated metric: `pass`, or `inconclusive` with the command that gets on.
    """
    return tuple(
        _check(judge, metric, calibrations.get(judge.name, {}).get(labelled), policy)
        for judge in judges
        for metric, labelled in judge.metrics.items()
        if metric in metrics and _gates(metrics[metric], policy)
    )


def _gates(metric: Metric, policy: GateConfig) -> bool:
    rule = rule_of(metric, policy)
    limited = rule.minimum is not None or rule.maximum is not None
    return rule.gate != "advisory" or (limited and rule.limit_gate != "advisory")


def _check(
    judge: JudgeUse, metric: str, calibration: JudgeCalibration | None, policy: GateConfig
) -> Check:
    problem = distrust(judge, calibration)
    kappa = None if calibration is None else calibration.kappa
    outcome: Outcome = "pass"
    if problem is None:
        labelled = judge.metrics[metric]
        reason = f"judge {judge.name} agrees with people on {labelled}: {_said(calibration)}"
    elif judge.waived is not None:
        reason = f"judge {judge.name} {problem}; its calibration is waived: {judge.waived}"
    else:
        outcome = "inconclusive"
        reason = f"judge {judge.name} {problem}, so its {metric} cannot gate"
    fix = None
    if outcome == "inconclusive":
        fix = (
            f"evalgate judge calibrate LABELS --suite {judge.suite} --judge {judge.name}"
            f"  (LABELS: evalgate judge sample, then evalgate judge label)"
        )
    given = policy.metrics.get(metric)
    return Check(
        id=f"{metric}.judge",
        kind="evidence",
        gate="standard" if given is None or given.gate == "advisory" else given.gate,
        outcome=outcome,
        metric=metric,
        candidate=kappa,
        threshold=judge.min_kappa,
        threshold_unit="absolute",
        n_cases=None if calibration is None else calibration.n,
        reason=reason,
        fix=fix,
    )


def distrust(judge: JudgeUse, calibration: JudgeCalibration | None) -> str | None:
    """Say why a judge may not gate by a calibration; null where it may."""
    if calibration is None:
        return "is not calibrated"
    if calibration.config_digest != judge.config_digest:
        return (
            f"was calibrated as {calibration.model} with other prompts or sampling than now"
            if calibration.model == judge.model
            else f"was calibrated as {calibration.model} and is {judge.model} now"
        )
    if calibration.n < judge.min_labels:
        return (
            f"was calibrated on {number_of(calibration.n, 'label')}, fewer than {judge.min_labels}"
        )
    if calibration.kappa is None:
        return "has no kappa: labels and verdicts are all of one class"
    if calibration.kappa < judge.min_kappa:
        return f"agrees too little with people: {_said(calibration)}, below {judge.min_kappa:g}"
    return None


def _said(calibration: JudgeCalibration | None) -> str:
    if calibration is None or calibration.kappa is None:
        return "kappa unknown"
    low, high = calibration.kappa_low, calibration.kappa_high
    interval = "" if low is None or high is None else f" (95 %: {low:.2f} to {high:.2f})"
    return f"kappa {calibration.kappa:.2f}{interval} on {number_of(calibration.n, 'label')}"
