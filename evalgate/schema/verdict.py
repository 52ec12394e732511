"""A verdict: the checks of one report and what they add up to."""

from typing import Literal

from evalgate.schema.base import Model, NonNegative

Outcome = Literal["pass", "fail", "inconclusive"]
"""What a check, or a verdict, says."""

Gate = Literal["zero", "standard", "advisory"]
"""`zero`: any regression fails; `standard`: the 5 % rule; `advisory`: shown, never fails."""

GateMode = Literal["plain", "confirmed", "strict"]
"""How statistics bear on the rule: see `docs/verdict.md`."""

Direction = Literal["higher", "lower"]
"""Which way is better."""

CheckKind = Literal["relative", "limit", "must_pass", "evidence", "comparison", "stress"]
"""What a check states: a change against the baseline, a `min`/`max` limit, a `must_pass` case,
that there is evidence, that the two sides can be compared, or a stress limit."""

CaseOutcome = Literal["regressed", "improved", "unchanged", "new", "missing", "errored"]
"""What became of a case between baseline and candidate."""


class Interval(Model):
    """An interval of the relative change; a null end is unbounded."""

    low: float | None
    """Lower end; positive is worse."""
    high: float | None
    """Upper end; positive is worse."""


class GateQuality(Model):
    """How well this check can tell, for this baseline; null is unknown, never 0 or 1."""

    false_alarm_rate: float | None = None
    """Chance that an unchanged agent fails the check."""
    detects_10_percent: float | None = None
    """Chance that an agent that is 10 % worse fails the check."""
    trials_for_5_percent: int | None = None
    """Trials a case, on both sides, that bring false alarms to 5 %."""


class Check(Model):
    """One gated statement."""

    id: str
    """Unique in the report, e.g. `task_success_rate`, `cost_per_interaction.max`."""
    kind: CheckKind
    """What it states."""
    gate: Gate = "standard"
    """Whether it can fail the verdict."""
    outcome: Outcome
    """What it says."""
    metric: str | None = None
    """The metric it is about."""
    unit: str | None = None
    """Unit of the two values."""
    direction: Direction | None = None
    """Which way is better."""
    baseline: float | None = None
    """The baseline's value over the common cases."""
    candidate: float | None = None
    """The candidate's value over the common cases."""
    change: float | None = None
    """Relative change, positive is worse; null where undefined."""
    threshold: float | None = None
    """The change, or the limit, from which on the check fails."""
    threshold_unit: Literal["relative", "points", "absolute"] | None = None
    """How `threshold` is read."""
    interval_90: Interval | None = None
    """90 % interval of `change`."""
    interval_80: Interval | None = None
    """80 % interval of `change`; the check is settled when `threshold` lies outside."""
    p_value: float | None = None
    """One-sided p of a drop."""
    p_adjusted: float | None = None
    """Holm-adjusted p over the gated metrics, in `confirmed` mode."""
    settled: bool | None = None
    """Whether noise over trials can be excluded; null where there is no noise or no comparison."""
    n_cases: int | None = None
    """Cases compared."""
    trials_baseline: int | None = None
    """Trials a case in the baseline (the smallest)."""
    trials_candidate: int | None = None
    """Trials a case in the candidate (the smallest)."""
    quality: GateQuality | None = None
    """How well the check can tell."""
    reason: str
    """One sentence for a person."""
    fix: str | None = None
    """The command or the line of configuration that gets on from here."""
    accepted: str | None = None
    """The waiver that accepts this failure, in words; an accepted failure does not count."""


class CaseChange(Model):
    """What became of one case."""

    id: str
    """The case."""
    outcome: CaseOutcome
    """What became of it."""
    metrics: tuple[str, ...] = ()
    """Names of the scores that moved."""
    baseline: float | None = None
    """Mean of `task_success` over the baseline's trials."""
    candidate: float | None = None
    """Mean of `task_success` over the candidate's trials."""
    what: tuple[str, ...] = ()
    """What changed, line by line: first diverging tool call, output, tokens, cost, error."""
    reproduce: str | None = None
    """The command that runs this case alone."""


class Verdict(Model):
    """What all checks of a report add up to."""

    outcome: Outcome
    """Fail before inconclusive before pass, over the checks that gate."""
    exit_code: int
    """The exit code this verdict stands for."""
    checks: tuple[Check, ...] = ()
    """All checks, worst first."""
    warnings: tuple[str, ...] = ()
    """What a reader should know, and what does not change the verdict."""
    partial: bool = False
    """Whether only a selection of the cases was judged."""
    false_alarm_rate: NonNegative | None = None
    """Chance that some gated check fails for an unchanged agent; null is unknown."""
