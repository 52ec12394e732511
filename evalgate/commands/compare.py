"""`evalgate compare`: two stored results in, of evalgate or another tool, a verdict out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalgate.errors import BaselineMissing, DataError, EvalgateError
from evalgate.gate.judge import GateInputs, judge
from evalgate.gate.reports import changed_lines, combine, filled, reference
from evalgate.gate.rules import with_options
from evalgate.importers.results.own import is_own
from evalgate.metrics.metric import Metric
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import MetricValue, Report, ReportSet, SuiteInfo
from evalgate.schema.verdict import Check
from evalgate.stats.summary import RunSummary, summary_of_report
from evalgate.store.stored import stored_path, stored_summary
from evalgate.suite.environment import Environment

_RUNS = Path(".evalgate/runs")
_OF_BASELINE = (
    "the candidate is a baseline, which holds scores alone: whether its run passed its own checks "
    "(stress, judges, caps, isolation) and what of it the agent claimed is not known here"
)
_SAME_CASES = "run the tool on the same cases"
_FOREIGN_FIXES = {
    "evalgate score latest": "run again what has no score, or name what gates: --score NAME",
    "evalgate score RUN": "run again what has no score, or name what gates: --score NAME",
    "under `prices:`": "run again what has no cost, or name what gates: --score NAME",
    "evalgate baseline update": "compare results that have it, or name what gates: --score NAME",
    "docs/metrics.md": "compare results that have it, or name what gates: --score NAME",
    "(why trials failed)": "see in the results why these trials failed",
    "evalgate show --failed": "run again what has no score, or name what gates: --score NAME",
}
"""What stands in a fix for runs of ours, and the way out for results of another tool."""


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
    partial: bool = False
    """Whether a selection of the cases may pass."""
    allow_removed: bool = False
    """Whether the golden set may have lost cases."""
    allow_new: bool = False
    """Of other tools: whether cases that only the candidate has are left out."""
    foreign: str | None = None
    """Format of another tool that both files have; null: found by what they hold."""
    id: str | None = None
    """Of tables: column of the case's id."""
    trial: str | None = None
    """Of tables: column of the trial's number."""
    scores: tuple[str, ...] = ()
    """Of other tools: the scores that gate, as `NAME[:lower][:0..5]`; empty: all."""


@dataclass(frozen=True, slots=True)
class _Policy:
    """Under which a comparison is judged."""

    gate: GateConfig
    metrics: Mapping[str, Metric]
    runs: Path = _RUNS
    """Folder of the run folders."""
    reference: Path | None = None
    """The pinned reference; null: there is none."""


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is compared, and the report that is filled."""

    baseline: RunSummary
    candidate: RunSummary
    metrics: Mapping[str, Metric]
    report: Report


def compare_stored(options: CompareOptions, environment: Environment) -> ReportSet:
    """Compare two stored results.

    Raises:
        BaselineMissing: The baseline is not there.
        DataError: The candidate is not there, or a side is not readable.
        ConfigError: The policy is not valid.
    """
    policy = _policy(options)
    foreign = is_foreign(options)
    sides = _foreign_sides(options, policy, environment) if foreign else _own_sides(options, policy)
    baseline, candidate = sides.baseline, sides.candidate
    inputs = GateInputs(
        baseline=baseline,
        reference=_reference(policy, sides.metrics),
        allow_removed=options.allow_removed,
        allow_partial=options.partial,
        today=environment.timestamp(),
    )
    judged = judge(candidate, inputs, policy.gate, sides.metrics)
    report = filled(sides.report, judged.verdict).model_copy(
        update={
            "changes": judged.comparison.changes,
            "baseline": reference(baseline),
            "changed": changed_lines(baseline, candidate.subject),
        }
    )
    return combine([_with_foreign_fixes(report) if foreign else report])


def with_cases(reports: ReportSet, options: CompareOptions) -> tuple[ReportSet, Path | None]:
    """Put the candidate's cases into a comparison, which say why they failed.

    Returns:
        The reports, and the candidate's run folder, which holds its trajectories; null: there is
        only a report. A baseline or a flat file has no cases to show.

    Raises:
        ConfigError: The configuration is not valid.
    """
    from evalgate.store.reports import read_reports  # noqa: PLC0415  # heavy
    from evalgate.store.runs import is_run  # noqa: PLC0415

    (report,) = reports.suites
    path = stored_path(options.current, _policy(options).runs)
    try:
        (stored,) = read_reports(path)
    except (EvalgateError, ValueError):
        return reports, None
    if stored.report.suite.id != report.suite.id:
        return reports, None
    beside = path.parent if is_run(path.parent) else None
    shown = report.model_copy(update={"cases": stored.report.cases})
    return combine([shown]), stored.folder or beside


def _with_foreign_fixes(report: Report) -> Report:
    """Name ways out that exist for somebody who runs another tool."""
    checks = tuple(
        check
        if (fix := _foreign_fix(check)) == check.fix
        else check.model_copy(update={"fix": fix})
        for check in report.checks
    )
    return report.model_copy(update={"checks": checks})


def _foreign_fix(check: Check) -> str | None:
    fix = check.fix
    if fix is None:
        return None
    if check.id == "comparison":
        return _SAME_CASES + (", or pass --allow-removed" if "--allow-removed" in fix else "")
    return next((ours for words, ours in _FOREIGN_FIXES.items() if words in fix), fix)


def _own_sides(options: CompareOptions, policy: _Policy) -> _Sides:
    """Load two files of evalgate."""
    metrics = policy.metrics
    baseline = stored_summary(options.baseline, policy.runs, metrics)
    candidate = _candidate(options.current, policy.runs, metrics)
    report = _bare_report(candidate, metrics)
    if candidate.report is None and not candidate.means_only:
        report = report.model_copy(update={"warnings": (_OF_BASELINE,)})
    return _Sides(baseline, candidate, metrics, report)


def is_foreign(options: CompareOptions) -> bool:
    """Say whether the files are another tool's.

    Raises:
        BaselineMissing: The other is not there.
        DataError: One is, and the other is evalgate's.
    """
    own = [is_own(path) for path in (options.baseline, options.current)]
    if options.foreign is not None or not any(own):
        return True
    if all(own):
        return False
    if not options.baseline.exists():
        raise _no_baseline(options.baseline)
    if not options.current.exists():
        raise DataError(f"--current {str(options.current)!r}: there is no such file")
    ours, theirs = (
        (options.baseline, options.current) if own[0] else (options.current, options.baseline)
    )
    raise DataError(
        f"{theirs} is no file of evalgate (results of another tool, a golden set or traces), and "
        f"{ours} is one: there are no cases to pair",
        fix="compare two reports or baselines, or two results of one tool",
    )


def _foreign_sides(options: CompareOptions, policy: _Policy, environment: Environment) -> _Sides:
    """Load two files of another tool; what was assumed becomes warnings of the report."""
    from evalgate.importers.results.join import join, parse_chosen  # noqa: PLC0415  # heavy
    from evalgate.importers.results.read import read_results, without_secrets  # noqa: PLC0415
    from evalgate.importers.results.rows import ReadOptions  # noqa: PLC0415
    from evalgate.text.redact import Redactor  # noqa: PLC0415

    if not options.baseline.exists():
        raise _no_baseline(options.baseline)
    chosen = tuple(map(parse_chosen, options.scores))
    names = tuple(one.name for one in chosen)
    columns = ReadOptions(id=options.id, trial=options.trial, scores=names)
    redactor = Redactor.build(environment.environ)
    baseline, candidate = (
        without_secrets(read_results(path, columns, options.foreign), redactor)
        for path in (options.baseline, options.current)
    )
    joined = join(baseline, candidate, chosen, allow_new=options.allow_new)
    named = {n: m for n, m in METRICS.items() if n in policy.gate.metrics}
    return _Sides(
        summary_of_report(joined.baseline, str(options.baseline)),
        summary_of_report(joined.candidate, str(options.current)),
        {**named, **joined.metrics},
        joined.candidate.model_copy(update={"warnings": joined.notes}),
    )


def _no_baseline(path: Path) -> BaselineMissing:
    return BaselineMissing(
        f"--baseline {str(path)!r}: there is no such file",
        fix="keep the results of the main branch, e.g. as an artifact of CI",
    )


def _reference(policy: _Policy, metrics: Mapping[str, Metric]) -> RunSummary | None:
    """Load the pinned reference of the suite whose policy holds."""
    pinned = policy.reference
    return None if pinned is None else stored_summary(pinned, policy.runs, metrics)


def _candidate(path: Path, runs: Path, metrics: Mapping[str, Metric]) -> RunSummary:
    """Load the candidate; one that is not there is a slip, and no missing baseline."""
    try:
        return stored_summary(path, runs, metrics)
    except BaselineMissing as error:
        raise DataError(
            f"--current {str(path)!r}: there is no such file or run",
            fix="--current latest, a run folder, a report.json, or a flat {metric: number} file",
        ) from error


def _policy(options: CompareOptions) -> _Policy:
    """Take the policy of a suite, or the default one."""
    if options.suite is None:
        gate = with_options(GateConfig(), options.mode, options.threshold)
        return _Policy(gate, METRICS)
    from evalgate.suite.policy import suite_metrics  # noqa: PLC0415  # heavy
    from evalgate.suite.suite import Selection, find_suites  # noqa: PLC0415

    (suite,) = find_suites(Selection(options.config, (options.suite,)))
    pinned = suite.config.reference
    return _Policy(
        gate=with_options(suite.config.gate, options.mode, options.threshold),
        metrics=suite_metrics(suite),
        runs=suite.runs,
        reference=None if pinned is None else suite.policy_root / pinned,
    )


def _bare_report(candidate: RunSummary, metrics: Mapping[str, Metric]) -> Report:
    """Show the candidate as it is stored: its values, without its trials."""
    stored = candidate.report
    if stored is not None:
        return Report(
            verdict="inconclusive",
            exit_code=3,
            suite=stored.suite,
            subject=stored.subject,
            judge=stored.judge,
            scorers=stored.scorers,
            pricing=stored.pricing,
            metrics=stored.metrics,
            rests_on=stored.rests_on,
        )
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
