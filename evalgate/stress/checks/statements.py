"""What a stress check is made of: rules, limits, evidence, and the statement itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from evalgate.schema.verdict import Outcome
from evalgate.stress.checks.evidence import at_least, at_most, calls_needed
from evalgate.stress.simulation.outcome import StressOutcome


@dataclass(frozen=True, slots=True)
class CheckRule:
    """A check's limit where the configuration names none."""

    limit: Fraction
    unit: Literal["ratio", "count", "s"]
    gates: bool
    """Whether it can fail the run without being configured."""
    higher: bool = False
    """Whether more is better."""


def percent(number: int) -> Fraction:
    """Return percent as an exact ratio."""
    return Fraction(number, 100)


DEFAULTS: dict[str, CheckRule] = {
    "rate_limit_error_rate": CheckRule(percent(1), "ratio", gates=True),
    "rate_limit_attempt_rate": CheckRule(percent(1), "ratio", gates=True),
    "rate_limit_share": CheckRule(percent(60), "ratio", gates=False),
    "quota_utilisation": CheckRule(percent(90), "ratio", gates=False),
    "retry_limit": CheckRule(Fraction(2), "count", gates=True),
    "retry_amplification": CheckRule(Fraction(6, 5), "ratio", gates=False),
    "retry_exhaustion_rate": CheckRule(percent(1), "ratio", gates=False),
    "llm_calls_per_turn": CheckRule(Fraction(10), "count", gates=True),
    "tool_fan_out": CheckRule(Fraction(3), "count", gates=False),
    "session_continuity_rate": CheckRule(percent(99), "ratio", gates=False, higher=True),
    "completion_inflation_p95": CheckRule(Fraction(3, 2), "ratio", gates=False),
    "goodput": CheckRule(percent(99), "ratio", gates=False, higher=True),
    "recovery_time": CheckRule(Fraction(60), "s", gates=False),
    "silent_failures": CheckRule(Fraction(0), "count", gates=True),
}
"""Limits from the field (sources in `docs/stress.md`); those that no source names are advisory."""

_NEVER_GATES = frozenset({"rate_limit_share"})
WARN_UTILISATION = percent(80)
GOOD_SHARE = percent(50)


@dataclass(frozen=True, slots=True)
class StressPolicy:
    """What the configuration says about limits."""

    limits: Mapping[str, Fraction]
    """By check; naming one makes it gate."""
    traces: bool = True
    """Whether sessions come from traces, so that loops can be looked at."""


@dataclass(frozen=True, slots=True)
class StressCheck:
    """One statement about a stress run."""

    name: str
    scope: str
    """`all`, or the tier it is about."""
    value: float | None
    """None: unknown, or beyond every bound."""
    limit: float
    outcome: Outcome
    gates: bool
    """Whether it can fail the run."""
    unit: str
    reason: str
    numerator: int | None = None
    denominator: int | None = None
    fix: str | None = None
    needed: int | None = None
    """Calls that would settle an inconclusive claim."""
    higher: bool = False
    """Whether more is better."""
    warning: bool = False
    """Whether a reader should look although it passes."""


@dataclass(frozen=True, slots=True)
class Share:
    """A ratio of counts whose numerator is known up to what was cut off."""

    bad: int
    open: int
    total: int


def _show(value: Fraction) -> str:
    return f"{float(value * 100):.4g} %"


def share_outcome(
    share: Share, limit: Fraction, *, strict: bool, sampled: bool
) -> tuple[Outcome, int | None]:
    """Judge an error rate; what was cut off counts once as good and once as bad."""
    if share.total == 0:
        return "inconclusive", None
    results = {
        _claim(bad, share.total, limit, strict=strict, sampled=sampled)
        for bad in (share.bad, share.bad + share.open)
    }
    if len(results) > 1:
        return "inconclusive", None
    result = results.pop()
    needed = calls_needed(limit, share.bad) if result == "inconclusive" else None
    return result, needed


def _claim(bad: int, total: int, limit: Fraction, *, strict: bool, sampled: bool) -> Outcome:
    rate = Fraction(bad, total)
    over = rate >= limit if strict else rate > limit
    if not sampled or not 0 < limit < 1:
        return "fail" if over else "pass"
    if over:
        return "fail" if at_least(bad, total, float(limit)) <= 0.05 else "inconclusive"
    return "pass" if at_most(bad, total, float(limit)) <= 0.05 else "inconclusive"


class Maker:
    """Makes the checks of one run; holds only what it was given."""

    def __init__(self, outcome: StressOutcome, policy: StressPolicy, *, tiered: bool) -> None:
        """Hold what is judged.

        Args:
            outcome: What the run produced.
            policy: Configured limits.
            tiered: Whether a tier is named, so that its error limit gates.
        """
        self.outcome = outcome
        self.total = outcome.total
        self.policy = policy
        self.tiered = tiered

    def limit(self, name: str) -> Fraction:
        """Return the configured limit of a check, else its default."""
        return self.policy.limits.get(name, DEFAULTS[name].limit)

    def gates(self, name: str) -> bool:
        """Say whether a check can fail the run."""
        if name in _NEVER_GATES:
            return False
        if name in self.policy.limits:
            return True
        by_tier = self.tiered and name.startswith("rate_limit_")
        return DEFAULTS[name].gates and not by_tier

    def make(  # noqa: PLR0913  the fields of a check
        self,
        name: str,
        value: float | None,
        outcome: Outcome,
        reason: str,
        *,
        share: Share | None = None,
        fix: str | None = None,
        needed: int | None = None,
        warning: bool = False,
    ) -> StressCheck:
        """State a check about all sessions."""
        rule = DEFAULTS[name]
        return StressCheck(
            name=name,
            scope="all",
            value=value,
            limit=float(self.limit(name)),
            outcome=outcome,
            gates=self.gates(name),
            unit=rule.unit,
            reason=reason,
            numerator=None if share is None else share.bad,
            denominator=None if share is None else share.total,
            fix=fix if outcome != "pass" else None,
            needed=needed,
            higher=rule.higher,
            warning=warning,
        )

    def rate(self, name: str, share: Share, what: str, fix: str) -> StressCheck:
        """Judge a share of errors against its limit, as exactly as the evidence allows."""
        limit = self.limit(name)
        result, needed = share_outcome(share, limit, strict=False, sampled=self.outcome.sampled)
        return self.make(
            name,
            share.bad / share.total if share.total else None,
            result,
            rate_reason(share, what, limit, needed, self.outcome),
            share=share,
            fix=evidence_fix(needed) if needed else fix,
            needed=needed,
        )

    def bound(
        self, name: str, value: Fraction | float | None, reason: str, fix: str
    ) -> StressCheck:
        """Judge a figure against its limit; an unknown one settles nothing."""
        limit = self.limit(name)
        if value is None:
            return self.make(name, None, "inconclusive", reason, fix=fix)
        # Counts compare exactly; a measured float compares with the limit as a float.
        edge = limit if isinstance(value, Fraction) else float(limit)
        bad = value < edge if DEFAULTS[name].higher else value > edge
        return self.make(name, float(value), "fail" if bad else "pass", reason, fix=fix)


def rate_reason(
    share: Share, what: str, limit: Fraction, needed: int | None, outcome: StressOutcome
) -> str:
    """Say a share of errors in words, with what it takes to settle it."""
    if share.total == 0:
        return f"{what}: nothing was offered"
    text = f"{what}: {share.bad} of {share.total} ({_show(Fraction(share.bad, share.total))})"
    if share.open:
        text += f", {share.open} more were cut off"
    text += f", limit {_show(limit)}"
    if needed:
        seeds = f" over {outcome.seeds} seeds" if outcome.seeds > 1 else ""
        text += f"; to settle it takes {needed:,} calls{seeds}"
    return text


def evidence_fix(needed: int) -> str:
    """Say how to get the evidence that is wanting."""
    return f"add seeds or sessions until {needed:,} calls are made"
