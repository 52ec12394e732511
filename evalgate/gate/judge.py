"""Judges one candidate: every verdict of evalgate about a suite comes from here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evalgate.gate.checks.claims import unbelieved
from evalgate.gate.checks.presence import nothing_gates
from evalgate.gate.checks.stress import one_sided, stress_presence, stress_scorer_of
from evalgate.gate.compare import compare
from evalgate.gate.comparison import CompareOptions, Comparison
from evalgate.gate.facts import RunFacts
from evalgate.gate.verdict import decide, verdict_of, with_reference
from evalgate.metrics.metric import Metric
from evalgate.metrics.stress import STRESS_METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.verdict import Verdict
from evalgate.stats.summary import RunSummary

__all__ = ["GateInputs", "Judged", "judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateInputs:
    """What a candidate is judged by; loaded before anything is spent on it."""

    baseline: RunSummary | None = None
    """What it is compared with; null: no comparison."""
    reference: RunSummary | None = None
    """A second, pinned baseline."""
    allow_removed: bool = False
    """Whether the golden set may have lost cases."""
    allow_partial: bool = False
    """Whether a selection of the cases may pass."""
    today: str | None = None
    """RFC 3339 time of the run, to tell a stale baseline."""
    missing: str | None = None
    """Why there is no baseline, where one was asked for and the base has none."""
    supplied: tuple[str, ...] = ()
    """Recordings that the change supplies, as they were before anything ran."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and what it came from."""

    candidate: RunSummary
    """The side under judgement."""
    inputs: GateInputs
    """What it was judged by."""
    facts: RunFacts
    """What its scores do not show."""
    options: CompareOptions
    """What the comparison assumed."""
    comparison: Comparison
    """The candidate and its baseline."""
    verdict: Verdict
    """What the checks add up to."""


def judge(
    candidate: RunSummary,
    inputs: GateInputs,
    policy: GateConfig,
    metrics: Mapping[str, Metric],
    *,
    facts: RunFacts | None = None,
    options: CompareOptions | None = None,
) -> Judged:
    """Compare a candidate and decide about it.

    Args:
        candidate: The side under judgement, with the checks that were made of it alone.
        inputs: What it is judged by.
        policy: The suite's policy.
        metrics: Definitions of the suite's metrics.
        facts: What its scores do not show; null: nothing is known beside them.
        options: What the comparison may assume; null: the candidate is all there is.
    """
    facts = facts or RunFacts(allow_partial=inputs.allow_partial, today=inputs.today)
    scorer_of = {name: name for name in candidate.scorers} | stress_scorer_of()
    options = options or CompareOptions(allow_removed=inputs.allow_removed)
    options = replace(options, scorer_of=scorer_of)

    def against(side: RunSummary | None) -> tuple[Comparison, Verdict]:
        # Stress figures that only one side has are named once, not figure by figure.
        left_out = STRESS_METRICS if one_sided(side, candidate) else {}
        chosen = {name: metric for name, metric in metrics.items() if name not in left_out}
        comparison = compare(side, candidate, chosen, policy, options)
        verdict = decide(comparison, policy, facts)
        checks = tuple(unbelieved(verdict.checks, candidate, metrics, policy))
        return comparison, verdict_of(checks, warnings=verdict.warnings, partial=verdict.partial)

    comparison, verdict = against(inputs.baseline)
    if inputs.reference is not None:
        verdict = with_reference(verdict, against(inputs.reference)[1])
    added = list(candidate.checks)
    if inputs.baseline is not None and not verdict.partial:
        said = {check.id for check in added}
        presence = stress_presence(inputs.baseline, candidate)
        added += [check for check in presence if check.id not in said]
    if not facts.shard:
        compared = inputs.baseline is not None or inputs.reference is not None
        added += nothing_gates((*verdict.checks, *added), compared=compared)
    if added:
        checks = (*verdict.checks, *added)
        verdict = verdict_of(checks, warnings=verdict.warnings, partial=verdict.partial)
    return Judged(candidate, inputs, facts, options, comparison, verdict)
