"""`evalgate stress`: recorded load against rate limits, judged like everything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalgate.errors import ConfigError, ExitCode
from evalgate.gate.reports import combine
from evalgate.metrics.stress import STRESS_METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import Report, ReportSet, SuiteInfo
from evalgate.schema.stress import StressConfig, StressQuota
from evalgate.stats.summary import RunSummary
from evalgate.store.stored import stored_summary
from evalgate.stress.check import stress_of_sessions
from evalgate.stress.checks.stress import stress
from evalgate.stress.load.arrivals import Arrivals
from evalgate.stress.load.workload import from_arrivals
from evalgate.stress.recorded_sessions import load_tagged, run_behind
from evalgate.stress.report import claimed_check, conclude_alone, part_of
from evalgate.stress.settings import (
    arrivals_digest,
    policy_of,
    read_arrivals,
    scenario_of,
    settings_version,
    with_options,
)
from evalgate.stress.tool_faults.how import REPLAYED, FaultPlay
from evalgate.suite.environment import Environment
from evalgate.suite.events import Listener
from evalgate.suite.suite import Selection, Suite, find_suites
from evalgate.text.counts import number_of

__all__ = ["StressOptions", "stress_check"]

_RUNS = Path(".evalgate/runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class StressOptions:
    """What to stress, and how."""

    selection: Selection = field(default_factory=Selection)
    """Suites of a configuration."""
    traces: Path | None = None
    """A file of traces or a run folder, in place of suites."""
    arrivals: Path | None = None
    """A recorded arrival trace, in place of suites."""
    fields: Mapping[str, object] = field(default_factory=dict)
    """Fields of the `stress:` block that the command line names."""
    baseline: str | None = None
    """What to compare with: a path, the empty text for a suite's own; null: no comparison."""
    faults: FaultPlay = REPLAYED
    """How sessions with faults of tools are played."""


def stress_check(options: StressOptions, environment: Environment, listen: Listener) -> ReportSet:
    """Make a stress check of an arrival trace, of traces, or of suites.

    Raises:
        ConfigError: Options contradict each other, or a setting is not usable.
        DataError: A file is not readable.
        BaselineMissing: The baseline is not there.
    """
    named = [bool(options.selection.names), options.traces is not None, bool(options.arrivals)]
    if sum(named) > 1:
        raise ConfigError("--suite, --traces and --arrivals exclude each other", fix="give one")
    if options.arrivals is not None:
        return combine([_of_arrivals(options, options.arrivals)])
    if options.traces is not None:
        return combine([_of_traces(options, options.traces)])
    from evalgate.stress.organisation import (  # noqa: PLC0415  heavy
        joint_report,
        shares_limits,
        sharing_suites,
    )
    from evalgate.stress.suite import stress_suite, suite_share  # noqa: PLC0415

    suites = _stressed_suites(options)
    sharing = [suite for suite in suites if shares_limits(suite)]
    if len(sharing) == 1:
        sharing = []
    reports = [
        stress_suite(suite, options.baseline, environment, listen, options.faults)
        for suite in suites
        if suite not in sharing
    ]
    reports += [
        stress_suite(_without_limits(suite), None, environment, listen, options.faults)
        for suite in sharing
        if suite.config.stress is not None and suite.config.stress.faults.tools
    ]
    if sharing:
        shares = [suite_share(suite, environment, listen) for suite in sharing]
        reports.append(joint_report(shares, sharing_suites(suites)))
    return combine(reports)


def _stressed_suites(options: StressOptions) -> list[Suite]:
    """Choose suites: those that are named, else those with a `stress:` block, else the only one.

    Raises:
        ConfigError: None of several suites has one.
    """
    suites = find_suites(options.selection)
    chosen = [s for s in suites if options.selection.names or s.config.stress is not None]
    if not chosen and len(suites) == 1:
        chosen = list(suites)
    if not chosen:
        raise ConfigError(
            f"{options.selection.config}: no suite has a `stress:` block",
            fix=f"--suite {suites[0].name} --rpm 300, or add `stress:` to a suite",
        )
    return [_with_stress(suite, options.fields) for suite in chosen]


def _without_limits(suite: Suite) -> Suite:
    """Leave a suite's faults of tools; its load is played jointly with others."""
    stress = suite.config.stress or StressConfig()
    alone = stress.model_copy(update={"quota": StressQuota()})
    return replace(suite, config=suite.config.model_copy(update={"stress": alone}))


def _with_stress(suite: Suite, fields: Mapping[str, object]) -> Suite:
    config = with_options(suite.config.stress or StressConfig(), fields)
    return replace(suite, config=suite.config.model_copy(update={"stress": config}))


def _of_arrivals(options: StressOptions, path: Path) -> Report:
    config = with_options(StressConfig(), options.fields)
    if config.sessions:
        raise ConfigError(
            "--sessions is for recorded sessions; an arrivals file brings its own calls",
            fix="leave --sessions out, or give --traces FILE",
        )
    if "arrivals" in options.fields:
        raise ConfigError("--arrive and --arrivals both say when calls come", fix="give one")
    if config.engine == "live":
        raise ConfigError(
            "--engine live runs a suite's agent; an arrivals file has none",
            fix="--engine simulate, or --suite NAME",
        )
    arrivals = read_arrivals(path)
    scenario = scenario_of(config, from_arrivals(arrivals))
    result = stress(
        scenario,
        policy_of(config, traces=False),
        None,
        seed=config.seed,
        most_seeds=config.most_seeds,
    )
    made_of = arrivals_digest(arrivals)
    version = settings_version(config, made_of)
    part = part_of(
        config,
        scenario,
        result,
        version,
        extra={"arrivals": path.name},
        warnings=tuple(_about(arrivals)),
    )
    report = _bare_report(path.name, made_of)
    return conclude_alone(report, part, _baseline(options.baseline), GateConfig())


def _about(arrivals: Arrivals) -> list[str]:
    """Say what of an arrivals file a reader should know."""
    found = []
    if not arrivals.was_sorted:
        found.append("the arrivals were not in order of time and were sorted")
    if arrivals.read_as_ms:
        found.append("the times are whole numbers far apart and were read as milliseconds")
    if arrivals.ties:
        found.append(
            f"{number_of(arrivals.ties, 'arrival shares', 'arrivals share')} the moment of the "
            "one before; their order is drawn"
        )
    if arrivals.missing_tokens:
        found.append(
            f"{arrivals.missing_tokens} of {len(arrivals)} arrivals lack tokens: limits on tokens "
            "cannot be passed"
        )
    return found


def _of_traces(options: StressOptions, path: Path) -> Report:
    config = with_options(StressConfig(), options.fields)
    if config.engine == "live":
        raise ConfigError(
            "--engine live runs a suite's agent; traces have none",
            fix="--engine simulate, or --suite NAME",
        )
    place = _RUNS / path if path.name == str(path) == "latest" else path
    part = stress_of_sessions(config, load_tagged(place), Path())
    report = _bare_report(path.name, "")
    of = run_behind(place)
    if of is not None:
        kept = {name: getattr(of, name) for name in ("claimed", "trust_reported", "isolation")}
        info = report.suite.model_copy(update=kept)
        report = report.model_copy(update={"suite": info, "checks": claimed_check(info)})
    return conclude_alone(report, part, _baseline(options.baseline), GateConfig())


def _bare_report(name: str, digest: str) -> Report:
    info = SuiteInfo(
        id=name, golden_digest=digest, cases=0, selected=0, trials=0, mode="recorded", noise="none"
    )
    return Report(verdict="inconclusive", exit_code=ExitCode.INCONCLUSIVE, suite=info)


def _baseline(given: str | None) -> RunSummary | None:
    if given is None:
        return None
    if not given:
        raise ConfigError(
            "--baseline without a path is a suite's own; here there is no suite",
            fix="--baseline report.json  (from an earlier `evalgate stress --format json`)",
        )
    return stored_summary(Path(given), _RUNS, STRESS_METRICS)
