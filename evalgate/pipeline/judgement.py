"""Loads what a candidate is judged by, before anything is spent on it."""

from evalgate.core.facts import RunFacts
from evalgate.pipeline.plan import Plan
from evalgate.pipeline.report import Judgement
from evalgate.pipeline.sources import stored_side, suite_baseline

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
        BaselineMissing: A file is not there.
        DataError: A file is not readable.
    """
    suite = plan.suite
    if baseline is None:
        return Judgement(None, None, facts, allow_removed)
    side = suite_baseline(suite, baseline, plan.metrics)
    pinned = None
    if suite.config.reference is not None:
        pinned = stored_side(suite.root / suite.config.reference, suite.runs, plan.metrics)
    return Judgement(side, pinned, facts, allow_removed)
