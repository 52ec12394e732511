"""`evalgate compare`: two stored results in, a verdict out; nothing is run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalgate.errors import BaselineMissing, DataError
from evalgate.gate.compare import compare
from evalgate.gate.comparison import CompareOptions as Assumptions
from evalgate.gate.facts import RunFacts
from evalgate.gate.reports import changed_lines, combine, filled, reference
from evalgate.gate.verdict import decide
from evalgate.metrics.metric import Metric
from evalgate.metrics.registry import METRICS
from evalgate.schema.config import AgentConfig, SuiteConfig
from evalgate.schema.result import MetricValue, Report, ReportSet, SuiteInfo
from evalgate.stats.summary import Side
from evalgate.suite.environment import World
from evalgate.suite.policy import Overrides, suite_metrics, with_overrides
from evalgate.suite.sources import stored_side
from evalgate.suite.suite import Selection, Suite, find_suites

__all__ = ["CompareOptions", "compare_stored"]

_RUNS = Path(".evalgate/runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """What to compare, and under which policy."""

    baseline: Path
    """A baseline, a report, a run folder, or a flat file of numbers."""
    current: Path
    """The candidate: the same kinds."""
    threshold: str | None = None
    """The drop that fails."""
    mode: str | None = None
    """Gate mode."""
    suite: str | None = None
    """The suite of the configuration whose policy holds; null: the default policy."""
    config: Path = Path("evalgate.yaml")
    """The configuration."""
    partial: bool = False
    """Whether a selection of the cases may pass."""
    allow_removed: bool = False
    """Whether the golden set may have lost cases."""


def compare_stored(options: CompareOptions, world: World) -> ReportSet:
    """Compare two stored results.

    Raises:
        BaselineMissing: The baseline is not there.
        DataError: The candidate is not there, or a side is not readable.
        ConfigError: The policy is not valid.
    """
    suite = _policy_suite(options)
    metrics: dict[str, Metric] = dict(METRICS) if options.suite is None else suite_metrics(suite)
    baseline = stored_side(options.baseline, suite.runs, metrics)
    candidate = _candidate(options.current, suite.runs, metrics)
    comparison = compare(
        baseline,
        candidate,
        metrics,
        suite.config.gate,
        Assumptions(
            allow_removed=options.allow_removed,
            scorer_of={name: name for name in candidate.scorers},
        ),
    )
    facts = RunFacts(allow_partial=options.partial, today=world.timestamp())
    verdict = decide(comparison, suite.config.gate, facts)
    report = filled(_bare_report(candidate, metrics), verdict).model_copy(
        update={
            "changes": comparison.changes,
            "baseline": reference(baseline),
            "changed": changed_lines(baseline, candidate.subject),
        }
    )
    return combine([report])


def _candidate(path: Path, runs: Path, metrics: Mapping[str, Metric]) -> Side:
    """Load the candidate; one that is not there is a slip, and no missing baseline."""
    try:
        return stored_side(path, runs, metrics)
    except BaselineMissing as error:
        raise DataError(
            f"--current {str(path)!r}: there is no such file or run",
            fix="--current latest, a run folder, a report.json, or a flat {metric: number} file",
        ) from error


def _policy_suite(options: CompareOptions) -> Suite:
    """Take the policy of a suite, or the default one."""
    if options.suite is not None:
        (suite,) = find_suites(Selection(options.config, (options.suite,)))
    else:
        config = SuiteConfig(golden="", agent=AgentConfig(run="recorded:"))
        suite = Suite(name="comparison", config=config, root=Path(), runs=_RUNS)
    return with_overrides(suite, Overrides(mode=options.mode, threshold=options.threshold))


def _bare_report(candidate: Side, metrics: dict[str, Metric]) -> Report:
    """Show the candidate as it is stored: its values, without its trials."""
    return Report(
        verdict="inconclusive",
        exit_code=3,
        suite=SuiteInfo(
            id=candidate.suite or "comparison",
            golden_digest=candidate.golden_digest or "unknown",
            cases=len(candidate.cases),
            selected=len(candidate.cases),
            trials=candidate.trials,
            noise=candidate.noise,
            mode="recorded",
        ),
        subject=candidate.subject,
        scorers=dict(candidate.scorers),
        pricing=candidate.pricing,
        metrics={
            name: MetricValue(
                value=value,
                unit=metrics[name].unit,
                direction=metrics[name].direction,
                n=len(candidate.cases),
            )
            for name, value in candidate.values.items()
            if name in metrics
        },
    )
