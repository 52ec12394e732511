"""Finds the sides of a comparison: a suite's baseline, a stored run, a file."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from evalgate.errors import BaselineMissing
from evalgate.metrics.metric import Metric
from evalgate.stats.summary import RunSummary
from evalgate.store.baseline import load_summary
from evalgate.store.runs import find_run
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
    if suite.source is None:
        run = f"evalgate run {suite.asked}".strip()
        return f"{run} --output base.json, then --baseline base.json"
    return f'evalgate baseline update --suite {suite.name} --trials 10 --reason "first"'


def stored_summary(path: Path, runs: Path, metrics: Mapping[str, Metric]) -> RunSummary:
    """Load a baseline, a report, a run folder, the id of a run, or a flat file of numbers.

    Args:
        path: Where it is; `latest`, alone or in a folder of runs, is the newest run.
        runs: Folder of the run folders.
        metrics: All metrics of the suite.

    Raises:
        BaselineMissing: There is no such file.
        DataError: It is none of these.
    """
    return load_summary(stored_path(path, runs), metrics)


def stored_path(path: Path, runs: Path) -> Path:
    """Return where a stored result is: `latest` and ids of runs name folders.

    Raises:
        DataError: There is no run.
    """
    if path.exists():
        return path
    if path.name == "latest":
        return find_run(runs if path.parent == Path() else path.parent, "latest")
    return runs / path if (runs / path).is_dir() else path
