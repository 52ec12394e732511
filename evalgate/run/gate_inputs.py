"""Loads what a candidate is judged by, before anything is spent on it."""

from evalgate.errors import BaselineMissing
from evalgate.gate.judge import GateInputs
from evalgate.stats.summary import RunSummary
from evalgate.store.stored import stored_summary
from evalgate.suite.plan import Plan
from evalgate.suite.sources import suite_baseline
from evalgate.trust.base_verdict import supplied_before


def load_gate_inputs(
    plan: Plan,
    baseline: str | None,
    today: str,
    *,
    allow_removed: bool = False,
    allow_partial: bool = False,
) -> GateInputs:
    """Load the baseline that was asked for, and the pinned reference beside it.

    Args:
        plan: What is judged.
        baseline: A path, the empty text for the suite's own; null: no comparison.
        today: RFC 3339 time of the run.
        allow_removed: Whether the golden set may have lost cases.
        allow_partial: Whether a selection of the cases may pass.

    Raises:
        BaselineMissing: A file is not there, and the suite is judged by its own files.
        DataError: A file is not readable.
    """
    suite = plan.suite
    compared = baseline is not None and not (suite.trust is not None and suite.trust.new)
    side, missing = _found(plan, baseline) if compared and baseline is not None else (None, None)
    pinned = None
    if compared and suite.config.reference is not None:
        pinned = stored_summary(
            suite.policy_root / suite.config.reference, suite.runs, plan.metrics
        )
    return GateInputs(
        baseline=side,
        reference=pinned,
        allow_removed=allow_removed,
        allow_partial=allow_partial,
        today=today,
        missing=missing,
        supplied=supplied_before(plan),
    )


def _found(plan: Plan, baseline: str) -> tuple[RunSummary | None, str | None]:
    """Load a baseline, or say why the base of a change has none: the report shows the rest."""
    try:
        return suite_baseline(plan.suite, baseline, plan.metrics), None
    except BaselineMissing as error:
        if plan.suite.trust is None:
            raise
        return None, error.message
