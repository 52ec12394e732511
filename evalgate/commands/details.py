"""Gathers what lies beside a report: traces, golden set, the baseline's run, history, prices.

Whatever cannot be read is left out with a note: a page about a broken run is still a page.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalgate.errors import EvalgateError
from evalgate.gate.reports import combine
from evalgate.output.cases.details import Claim, OtherRun, Past, RunDetails
from evalgate.pricing import PriceBook, pricing_info
from evalgate.schema.base import Json
from evalgate.schema.config import SuiteConfig
from evalgate.schema.golden import Case
from evalgate.schema.judge import Calibration
from evalgate.schema.result import Report, ReportSet, TrialUsage
from evalgate.schema.trace import Trace
from evalgate.scorers.contexts import question_of
from evalgate.stats.summary import CaseSummary, RunSummary, summary_of_report
from evalgate.store.baseline import load_summary
from evalgate.store.config import load_config_if_any
from evalgate.store.golden_sets.golden import load_golden
from evalgate.store.labels import read_calibration
from evalgate.store.reports import StoredReport, read_reports
from evalgate.store.run_lines import iter_traces, torn_lines
from evalgate.store.runs import (
    MANIFEST,
    REPORT,
    find_run,
    is_run,
    last_runs,
    list_runs,
    read_manifest,
)
from evalgate.store.verdicts import read_verdicts, verdict_path

_Earlier = Iterable[tuple[Path, Report]]
"""Run folders and their reports, newest first."""

_RUNS = Path(".evalgate/runs")
_PAST_RUNS = 20
_PAST_BYTES = 60_000_000
"""Bytes of earlier reports that are read at most, for the sparklines and to find the baseline."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where runs, golden sets and prices are."""

    root: Path = Path()
    """The folder that paths of the configuration are relative to."""
    runs: Path = _RUNS
    """The folder of the run folders."""
    suites: Mapping[str, SuiteConfig] = field(default_factory=dict)


def find_place(config: Path) -> Place:
    """Read the configuration; where there is none and none was named, the default places hold.

    Raises:
        ConfigError: It is named and not there, or not valid.
    """
    loaded = load_config_if_any(config)
    if loaded is None:
        return Place()
    return Place(loaded.root, loaded.root / loaded.config.runs, loaded.config.suites)


def named_reports(place: Place, names: tuple[str, ...]) -> tuple[ReportSet, list[StoredReport]]:
    """Read the reports a user named: runs by id, `latest`, folders, files, or archives.

    Args:
        place: Where the runs are.
        names: What the user named; `latest`, or nothing: every suite of the newest command.

    Raises:
        DataError: One is not there or not readable.
    """
    found: list[StoredReport] = []
    for name in names or ("latest",):
        path = Path(name)
        last = last_runs(place.runs, [*place.suites]) if name == "latest" else ()
        for folder in last or (path if path.exists() else find_run(place.runs, name),):
            found += read_reports(folder)
    return combine([stored.report for stored in found]), found


def folder_of(report: Report, place: Place) -> Path | None:
    """Find the run folder that a report was just written to; None where there is none."""
    for folder in reversed(list_runs(place.runs)):
        if _suite_of(folder) == report.suite.id:
            stored = _report_of(folder)
            return folder if stored is not None and stored.cases == report.cases else None
    return None


def gather(report: Report, folder: Path | None, place: Place) -> RunDetails:
    """Gather what there is beside a report.

    Args:
        report: The report.
        folder: Its run folder; None: there is only the report.
        place: Where everything else is.
    """
    notes: list[str] = []
    config = place.suites.get(report.suite.id)
    golden = _golden(report, folder, place, notes)
    traces = _traces(folder, notes)
    baseline, source = _baseline(report, place, notes)
    earlier = [*_earlier(report, folder, place)]
    other = None
    if baseline is not None:
        before = _earlier(report, folder, place, until=baseline.created)
        other = _other_run(baseline, source, before, notes)
    prices = {} if config is None else config.prices
    if report.pricing is not None and pricing_info(prices).digest != report.pricing.digest:
        notes.append("prices have changed since the run: costs of single calls may be others")
    return RunDetails(
        manifest=None if folder is None else read_manifest(folder),
        traces=traces,
        golden=golden,
        asked={name: question_of(case) for name, case in golden.items()},
        baseline=baseline,
        other=other,
        claims={} if config is None else dict(_claims(report, config, place, notes)),
        calibration=_calibration(report, config, place, notes),
        history=_history(reversed(earlier)),
        book=PriceBook(prices),
        notes=tuple(notes),
    )


def _golden(
    report: Report, folder: Path | None, place: Place, notes: list[str]
) -> Mapping[str, Case]:
    """Read the golden set, unless it is another one by now."""
    config = place.suites.get(report.suite.id)
    path = place.root / config.golden if config is not None else _golden_of(folder, place)
    if path is None or not path.exists():
        notes.append("the golden set is not here: what cases expect is not shown")
        return {}
    try:
        golden = load_golden(path)
    except EvalgateError:
        notes.append(f"{path}: not a valid golden set; what cases expect is not shown")
        return {}
    if golden.digest != report.suite.golden_digest:
        notes.append(f"{path} has changed since the run: only its unchanged cases are shown")
    ran = {case.id for case in report.cases}
    return {case.id: case for case in golden.cases if case.id in ran}


def _golden_of(folder: Path | None, place: Place) -> Path | None:
    """Take the golden set that a manifest names, where it lies inside the project."""
    if folder is None:
        return None
    path = place.root / read_manifest(folder).golden
    return path if path.resolve().is_relative_to(place.root.resolve()) else None


def _traces(folder: Path | None, notes: list[str]) -> dict[tuple[str, int], Trace]:
    if folder is None:
        notes.append("there is only the report: a run folder holds the trajectories")
        return {}
    notes += torn_lines(folder)
    found: dict[tuple[str, int], Trace] = {}
    try:
        for trace in iter_traces(folder):
            found[trace.case_id, trace.trial] = trace
    except EvalgateError as error:
        notes.append(f"the trajectories from here on cannot be read: {error}")
    return found


def _baseline(
    report: Report, place: Place, notes: list[str]
) -> tuple[RunSummary | None, Path | None]:
    """Read what the report was compared with, and say where it is."""
    ref = report.baseline
    if ref is None:
        return None, None
    for path in (Path(ref.source), place.root / ref.source, place.runs / ref.source):
        if path.exists():
            try:
                return load_summary(path), path
            except EvalgateError as error:
                notes.append(f"the baseline cannot be shown: {error}")
                return None, None
    notes.append(f"the baseline {ref.source} is not here: only its totals are shown")
    return None, None


def _other_run(
    baseline: RunSummary, source: Path | None, earlier: _Earlier, notes: list[str]
) -> OtherRun | None:
    """Find the stored run of a baseline: itself, or the newest one with the same trials."""
    own = None if source is None else source if source.is_dir() else source.parent
    if own is not None and is_run(own):
        stored = _report_of(own)
        if stored is not None:
            return _other(own, stored, notes)
    for folder, stored in earlier:
        if _same_trials(baseline, stored):
            return _other(folder, stored, notes)
    notes.append(
        "no earlier run here has the baseline's trials: its trajectories are not shown "
        "(`evalgate baseline update --reason WHY` keeps its run; CI keeps run folders as artifacts)"
    )
    return None


def _other(folder: Path, stored: Report, notes: list[str]) -> OtherRun:
    trials = {case.id: case.trials for case in stored.cases}
    return OtherRun(folder.name, trials, _traces(folder, notes))


def _same_trials(baseline: RunSummary, stored: Report) -> bool:
    """Tell whether a run did what a baseline says: statuses, calls and tokens, trial by trial."""
    run = summary_of_report(stored).cases
    return bool(baseline.cases) and all(
        name in run and _done(case) == _done(run[name]) for name, case in baseline.cases.items()
    )


def _done(case: CaseSummary) -> tuple[object, ...]:
    calls = case.calls or ((),) * len(case.numbers)
    usage = case.usage or (TrialUsage(),) * len(case.numbers)
    return case.digest, case.statuses, calls, usage


def _claims(
    report: Report, config: SuiteConfig, place: Place, notes: list[str]
) -> Iterator[tuple[tuple[str, str], tuple[Claim, ...]]]:
    """Read the claims that judges found in the answers of this run."""
    folder = place.root / (config.verdicts or f"cassettes/{report.suite.id}/verdicts")
    for case in report.cases:
        path = verdict_path(folder, case.id)
        if not path.is_file():
            continue
        try:
            verdicts = read_verdicts(path)
        except EvalgateError:
            notes.append(f"{path}: not readable; its claims are not shown")
            continue
        for verdict in verdicts:
            claims = tuple(_claims_of(verdict.entry.reply))
            if claims and isinstance(answer := verdict.inputs.get("answer"), str):
                yield (case.id, answer), claims


def _claims_of(reply: Mapping[str, Json]) -> Iterator[Claim]:
    listed = reply.get("claims")
    for item in listed if isinstance(listed, list) else ():
        match item:
            case {"claim": str() as text, "supported": bool() as supported, **more}:
                quote = more.get("quote")
                yield Claim(text, supported, quote if isinstance(quote, str) else "")
            case _:
                pass


def _calibration(
    report: Report, config: SuiteConfig | None, place: Place, notes: list[str]
) -> Calibration | None:
    name = report.suite.id
    baseline = (config.baseline if config else None) or f"baselines/{name}.json"
    try:
        return read_calibration((place.root / baseline).with_name(f"{name}.calibration.json"))
    except EvalgateError as error:
        notes.append(f"the calibration of the judges cannot be shown: {error}")
        return None


def _history(earlier: _Earlier) -> tuple[Past, ...]:
    """Take the metrics of the runs of this suite that came before."""
    return tuple(
        Past(
            read_manifest(folder).created,
            {name: metric.value for name, metric in stored.metrics.items()},
        )
        for folder, stored in earlier
    )


def _earlier(
    report: Report, folder: Path | None, place: Place, until: str | None = None
) -> Iterator[tuple[Path, Report]]:
    """Read the runs of a suite before this one, newest first, as far as they are worth reading."""
    count = size = 0
    for past in reversed(list_runs(place.runs)):
        later = folder is not None and past.name >= folder.name
        if later or _suite_of(past) != report.suite.id:
            continue
        if until is not None and read_manifest(past).created > until:
            continue
        file = past / REPORT
        size += file.stat().st_size if file.is_file() else 0
        if count == _PAST_RUNS or size > _PAST_BYTES:
            break
        stored = _report_of(past)
        if stored is not None:
            count += 1
            yield past, stored


def _suite_of(folder: Path) -> str | None:
    try:
        return read_manifest(folder).suite
    except EvalgateError:
        return None


def _report_of(folder: Path) -> Report | None:
    try:
        (stored,) = read_reports(folder) if (folder / MANIFEST).is_file() else ()
    except (EvalgateError, ValueError):
        return None
    return stored.report
