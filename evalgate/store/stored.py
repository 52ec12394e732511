"""Finds a stored side of a comparison: a run, a report, a baseline, a file of numbers."""

from collections.abc import Mapping
from pathlib import Path

from evalgate.metrics.metric import Metric
from evalgate.stats.summary import RunSummary
from evalgate.store.baseline import load_summary
from evalgate.store.runs import find_run


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
