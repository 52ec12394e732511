"""Finds the baseline of a suite."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from evalgate.errors import BaselineMissing
from evalgate.metrics.metric import Metric
from evalgate.stats.summary import RunSummary
from evalgate.store.stored import stored_summary
from evalgate.suite.suite import Suite


def suite_baseline(suite: Suite, given: str, metrics: Mapping[str, Metric]) -> RunSummary:
    """Load the baseline a run is compared with.

    Args:
        suite: The suite.
        given: A path, or the empty text for the suite's own baseline.
        metrics: All metrics of the suite.

    Raises:
        BaselineMissing: There is none.
        DataError: It is not readable, or something else than a baseline.
    """
    trust = suite.trust
    if trust is not None and trust.proposal is not None:
        side = stored_summary(trust.proposal.path, suite.runs, metrics)
        return replace(side, source="the proposed baseline")
    path = Path(given) if given else suite.baseline
    if given and trust is not None:
        path = trust.on_base(path)
    if not path.exists() and (trust is not None or not given):
        shown = path if trust is None else trust.label(path)
        raise BaselineMissing(
            f"{shown}: there is no baseline for suite {suite.name!r}",
            fix=_first_baseline(suite),
        )
    side = stored_summary(path, suite.runs, metrics)
    return side if trust is None else replace(side, source=trust.label(path))


def _first_baseline(suite: Suite) -> str:
    """Say how to make one; without a configuration a stored report serves."""
    if suite.given is not None:
        return f'evalgate.evaluate(suite).save("{suite.baseline}")'
    if suite.source is None:
        run = f"evalgate run {suite.asked}".strip()
        return f"{run} --output base.json, then --baseline base.json"
    return f'evalgate baseline update {suite.asked} --trials 10 --reason "first"'
