"""Loads what a candidate is judged by, before anything is spent on it."""

from evalgate.errors import BaselineMissing
from evalgate.gate.facts import RunFacts
from evalgate.run.report import Judgement
from evalgate.stats.summary import Side
from evalgate.suite.plan import Plan
from evalgate.suite.sources import stored_side, suite_baseline
from evalgate.trust.base_verdict import supplied_before

__all__ = ["load_judgement"]


def load_judgement(
    plan: Plan, baseline: str | None, facts: RunFacts, *, allow_removed: bool
) -> Judgement:
    """Load the baseline that was asked for, and the pinned reference beside it.

    Args:
        plan: What is run.
        baseline: A path, the empty text for the suite's own; null: no comparison.
        facts: What the scores do not show.
        allow_removed: Whether the golden set may have lost cases.

    Raises:
        BaselineMissing: A file is not there, and the suite is judged by its own files.
        DataError: A file is not readable.
    """
    suite = plan.suite
    supplied = supplied_before(plan)
    if baseline is None or (suite.trust is not None and suite.trust.new):
        return Judgement(None, None, facts, allow_removed, supplied=supplied)
    side, missing = _found(plan, baseline)
    pinned = None
    if suite.config.reference is not None and side is not None:
        pinned = stored_side(suite.policy_root / suite.config.reference, suite.runs, plan.metrics)
    return Judgement(side, pinned, facts, allow_removed, missing=missing, supplied=supplied)


def _found(plan: Plan, baseline: str) -> tuple[Side | None, str | None]:
    """Load a baseline, or say why the base of a change has none: the report shows the rest."""
    try:
        return suite_baseline(plan.suite, baseline, plan.metrics), None
    except BaselineMissing as error:
        if plan.suite.trust is None:
            raise
        return None, error.message
