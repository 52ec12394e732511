"""Comparing the figures of two stress checks, where there is nothing else to compare."""

from dataclasses import replace

from evalgate.gate.checks.relative import relative_checks
from evalgate.gate.compare import compare
from evalgate.gate.comparison import CompareOptions
from evalgate.metrics.stress import STRESS_METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.verdict import Check
from evalgate.stats.summary import RunSummary

STRESS_SCORER = "stress"
"""Name under which reports and baselines keep the version of the model and of its settings."""


def stress_scorer_of() -> dict[str, str]:
    """Return the scorer of every stress metric, for `CompareOptions.scorer_of`."""
    return dict.fromkeys(STRESS_METRICS, STRESS_SCORER)


def one_sided(baseline: RunSummary | None, candidate: RunSummary) -> bool:
    """Say whether only one of two sides holds stress figures, so that none can be compared."""
    return baseline is not None and _holds(baseline) != _holds(candidate)


def stress_presence(baseline: RunSummary, candidate: RunSummary) -> tuple[Check, ...]:
    """Return one inconclusive check where only one side holds stress figures."""
    if not one_sided(baseline, candidate):
        return ()
    if not _holds(baseline):
        return (_lacking(baseline),)
    return (
        Check(
            id="evidence.stress_check",
            kind="evidence",
            outcome="inconclusive",
            reason=f"{baseline.source} holds figures of a stress check, and this run made none",
            fix="put the suite's `stress:` block back, or make a new baseline with "
            "`evalgate baseline update --reason WHY`",
        ),
    )


def _holds(side: RunSummary) -> bool:
    return any(name in STRESS_METRICS for name in side.values)


def against_baseline(
    baseline: RunSummary, candidate: RunSummary, policy: GateConfig
) -> tuple[tuple[Check, ...], tuple[str, ...]]:
    """Compare stress figures under the plain rule.

    Args:
        baseline: Any side; only its stress figures and what its cases ask are looked at.
        candidate: The side under judgement.
        policy: Gates and thresholds.

    Returns:
        The checks, and what a reader should be warned of. A baseline without stress figures, or of
        other cases, is inconclusive.
    """
    old, new = _bare(baseline), _bare(candidate)
    if not (old.cases and new.cases):
        old, new = _means(old), _means(new)
    if not old.values:
        return (_lacking(baseline),), ()
    options = CompareOptions(scorer_of=stress_scorer_of())
    comparison = compare(old, new, STRESS_METRICS, policy, options)
    if comparison.blocked is not None:
        blocked = comparison.blocked
        reason = f"not comparable: {blocked.reason}"
        return (
            Check(
                id="evidence.comparison",
                kind="evidence",
                outcome="inconclusive",
                reason=reason,
                fix=blocked.fix,
            ),
        ), ()
    return relative_checks(comparison, policy)


def _means(side: RunSummary) -> RunSummary:
    """Leave out what only informs: among means without cases every value gates."""
    values = {n: value for n, value in side.values.items() if STRESS_METRICS[n].gate != "advisory"}
    return replace(side, cases={}, values=values, means_only=True)


def _bare(side: RunSummary) -> RunSummary:
    """Keep what bears on stress figures: their values, their settings, what the cases ask."""
    return RunSummary(
        source=side.source,
        cases={name: replace(case, columns={}) for name, case in side.cases.items()},
        values={name: value for name, value in side.values.items() if name in STRESS_METRICS},
        suite=side.suite,
        golden_digest=side.golden_digest,
        noise="none",
        scorers={n: version for n, version in side.scorers.items() if n == STRESS_SCORER},
        subject=side.subject,
        created=side.created,
    )


def _lacking(baseline: RunSummary) -> Check:
    return Check(
        id="evidence.stress_baseline",
        kind="evidence",
        outcome="inconclusive",
        reason=f"{baseline.source} holds no figure of a stress check",
        fix="make a new baseline with `evalgate baseline update --reason WHY`, or compare with a "
        "report that `evalgate stress --format json --output FILE` wrote",
    )
