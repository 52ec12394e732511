"""`evalgate history`: adds runs, reports and production traces, and shows what they say."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from evalgate.commands.operations.place import Place, opened
from evalgate.errors import ConfigError, DataError
from evalgate.history.reads import (
    case_points,
    export_rows,
    known_metrics,
    known_suites,
    metric_points,
)
from evalgate.history.records import (
    Interaction,
    Origin,
    RunRecord,
    epoch,
    interaction_of,
    record_of,
)
from evalgate.history.series import Flake, Noise, Week, flakes, noise_floor, weekly
from evalgate.history.store import Database, add_interactions, add_run
from evalgate.metrics.registry import METRICS
from evalgate.schema.canonical import digest
from evalgate.schema.golden import Case, Expected
from evalgate.schema.result import Subject
from evalgate.schema.score import Score
from evalgate.schema.trace import LlmCall, Trace, UserMessage
from evalgate.scorers.builtin import builtin_scorers, score_trial
from evalgate.scorers.settings import Settings
from evalgate.store.git import git
from evalgate.store.reports import StoredReport, read_reports
from evalgate.store.runs import find_run, read_manifest
from evalgate.store.traces import iter_traces
from evalgate.stress.checks.rootcause import FailedCall, classify
from evalgate.suite.environment import Environment
from evalgate.text.counts import number_of
from evalgate.text.redact import Redactor
from evalgate.text.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says of reports that do not say it themselves."""

    at: str | None = None
    """RFC 3339 time of the run."""
    branch: str | None = None
    commit: str | None = None


def add_results(
    names: Sequence[str], given: Given, place: Place, environment: Environment
) -> list[str]:
    """Add run folders and reports, and say what became of each.

    Raises:
        EvalgateError: One cannot be read: then none is added.
    """
    records = [r for name in names for r in _records(name, given, place, environment)]
    said = []
    with opened(place, writes=True) as database:
        for record in records:
            done = add_run(database, record)
            words = {
                "added": "added",
                "known": "is there already",
                "differs": "is there already with another report, which stays",
            }[done]
            run = record.run
            said.append(
                f"{run.run_id}: {words} ({number_of(len(record.metrics), 'metric')}, "
                f"{number_of(len(record.cases), 'case')})"
            )
    return said


def _records(
    name: str, given: Given, place: Place, environment: Environment
) -> Iterator[RunRecord]:
    path = Path(name)
    if not path.exists():
        path = find_run(place.runs, name)
    for stored in read_reports(path):
        yield record_of(stored.report, _origin(stored, given, place, environment))


def _origin(stored: StoredReport, given: Given, place: Place, environment: Environment) -> Origin:
    """Say when and where a report was made; never guessed from the age of a file."""
    subject = Subject(git_commit=given.commit, dirty=None if given.commit is None else False)
    if stored.folder is not None:
        manifest = read_manifest(stored.folder)
        at = epoch(manifest.created, str(stored.folder))
        if given.commit is None:
            subject = manifest.subject
        branch = given.branch or _branch(place.root, subject, environment.environ)
        found = _agent_digest(place, stored.report.suite.id, subject)
        return Origin(manifest.run_id, at, branch, subject, found)
    if given.at is None:
        raise DataError(
            f"{stored.source}: the report does not say when it was made",
            fix="--at 2026-01-31T12:00:00Z (and --branch, --commit where they are known)",
        )
    at = epoch(given.at, "--at")
    content = digest(stored.report.model_dump(mode="json", by_alias=True))
    run_id = f"report-{sha256(f'{content} {at}'.encode()).hexdigest()[:16]}"
    found = _agent_digest(place, stored.report.suite.id, subject)
    return Origin(run_id, at, given.branch, subject, found)


_BRANCHES = (
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "CI_COMMIT_BRANCH",
)


def _branch(root: Path, subject: Subject, environ: Mapping[str, str]) -> str | None:
    """Name the branch of the tree that is checked out, where it still is what was run."""
    named = next((environ[name] for name in _BRANCHES if environ.get(name)), None)
    head = git(root, "rev-parse", "HEAD")
    if head is None or subject.git_commit is None or head.strip() != subject.git_commit:
        return None
    if named is not None:
        return named
    found = (git(root, "rev-parse", "--abbrev-ref", "HEAD") or "").strip()
    return found if found not in ("", "HEAD") else None


def _agent_digest(place: Place, suite: str, subject: Subject) -> str | None:
    """Fingerprint the agent's files at a commit; null where they cannot be known.

    With `agent.paths` these files alone count; else every file of the commit does.
    """
    if subject.git_commit is None or subject.dirty is not False:
        return None
    config = None if place.loaded is None else place.loaded.suites.get(suite)
    paths = () if config is None else config.agent.paths
    if not paths:
        return subject.git_commit
    listed = git(place.root, "ls-tree", "-r", "--full-tree", subject.git_commit)
    prefix = git(place.root, "rev-parse", "--show-prefix")
    if listed is None or prefix is None:
        return None
    own = []
    for line in listed.splitlines():
        kind, _, name = line.partition("\t")
        inside = name.removeprefix(prefix.strip()) if name.startswith(prefix.strip()) else None
        if inside is not None and any(fnmatchcase(inside, pattern) for pattern in paths):
            own.append(f"{kind} {inside}")
    return digest([*sorted(own)]) if own else None


@dataclass(frozen=True, slots=True)
class Line:
    """The trend of a metric of one suite."""

    suite: str
    unit: str
    weeks: tuple[Week, ...]
    noise: Noise | None
    left_out: int
    """Runs of a selection of the cases: they say nothing of the whole."""


def show_metric(
    database: Database, metric: str, suite: str | None, branches: Sequence[str] | None
) -> list[Line]:
    """Return the trend of a metric, suite by suite.

    Raises:
        ConfigError: No run has such a metric, or none of these branches.
    """
    found = metric_points(database, metric, suite=suite, branches=branches)
    if not found:
        raise _nothing(database, metric, suite, branches)
    lines = []
    for name, points in found.items():
        whole = [point for point in points if not point.partial]
        lines.append(
            Line(
                name,
                points[0].unit,
                weekly(whole),
                noise_floor(whole),
                len(points) - len(whole),
            )
        )
    return lines


def _nothing(
    database: Database, metric: str, suite: str | None, branches: Sequence[str] | None
) -> ConfigError:
    suites, metrics = known_suites(database), known_metrics(database)
    if not suites:
        return ConfigError("the history holds no run", fix="evalgate history add latest")
    if suite is not None and suite not in suites:
        return ConfigError(f"the history has no suite {suite!r}{did_you_mean(suite, suites)}")
    if metric not in metrics:
        known = did_you_mean(metric, [*metrics, *METRICS])
        return ConfigError(f"no run of the history has a metric {metric!r}{known}")
    return ConfigError(
        f"no run of {', '.join(branches or ())} has {metric!r}",
        fix="--branch NAME names another branch, --branch all takes every run",
    )


def show_flakes(database: Database, suite: str | None, last: int) -> dict[str, tuple[Flake, ...]]:
    """Return the flake record of each suite over its last runs.

    Raises:
        ConfigError: There is no such suite.
    """
    suites = known_suites(database)
    if suite is not None and suite not in suites:
        raise ConfigError(f"the history has no suite {suite!r}{did_you_mean(suite, suites)}")
    chosen = suites if suite is None else [suite]
    return {name: flakes(case_points(database, name, last)) for name in chosen}


def exported(database: Database) -> Iterator[str]:
    """Write the history as lines of JSON."""
    for row in export_rows(database):
        yield json.dumps(row, ensure_ascii=False)


def observe(path: Path, success: str, place: Place, environment: Environment) -> list[str]:
    """Add the interactions of a file of traces, all or none.

    Args:
        path: Traces, one a line.
        success: The recorded score that stands for task success.
        place: The history.
        environment: The clock and the environment.

    Raises:
        DataError: A trace cannot be read.
    """
    redactor = Redactor.build(environment.environ)
    now = int(environment.clock.wall())
    rows: dict[str, Interaction] = {}
    repeated = undated = ahead = negative = 0
    for number, trace in iter_traces(path):
        one = interaction_from(trace, success, redactor, f"{path}:{number}")
        undated += one.at is None
        ahead += one.at is not None and one.at > now + _SKEW_S
        negative += any((s.end or 0) < (s.start or 0) for s in trace.steps if s.end is not None)
        repeated += one.id in rows
        rows[one.id] = one
    with opened(place, writes=True) as database:
        new, replaced = add_interactions(database, list(rows.values()))
    added = number_of(new, "interaction")
    said = [f"{added} added, {replaced} replaced, {len(rows) - new - replaced} known"]
    for count, words in (
        (repeated, "have the id and the start of an earlier one; the last one counts"),
        (undated, "have no time: they are kept and are in no window"),
        (ahead, "start in the future: a clock is wrong, and they count once that time comes"),
        (negative, "have a step that ends before it starts: its length is unknown"),
    ):
        if count:
            said.append(f"{count} {words}")
    return said


_SKEW_S = 300


def interaction_from(
    trace: Trace,
    success: str,
    redactor: Redactor,
    where: str,
    scored: Mapping[str, Score] | None = None,
) -> Interaction:
    """Score a trace of production with the gate's own scorers.

    Args:
        trace: The trace.
        success: The recorded score that stands for task success.
        redactor: Takes secrets out.
        where: Its place, for messages.
        scored: What a run has scored already, with its cases and judges; wins.
    """
    expected = Expected(scores=(success,)) if _has(trace, success) else Expected()
    case = Case(id=_ID, input=_asked(trace), expected=expected)
    settings = Settings(evidence="recorded")
    anonymous = trace.model_copy(update={"case_id": _ID})  # ids of elsewhere are of any length
    scores = score_trial(builtin_scorers(settings, [case]), case, anonymous, settings).scores
    named = {"agent_name", "prompt_version", "environment"}
    clean = {name: redactor.redact(v) for name in named if (v := getattr(trace, name))}
    try:
        known = {**scores, **(scored or {})}
        return interaction_of(trace.model_copy(update=clean), known, _causes(trace))
    except DataError as error:
        raise DataError(f"{where}: {error.message}", fix=error.fix) from error


_ID = "interaction"


def _asked(trace: Trace) -> str:
    """Return what the agent was given: what stands there is no leak of its answer."""
    said = [step.content for step in trace.steps if isinstance(step, UserMessage)]
    sent = [step.input for step in trace.steps if isinstance(step, LlmCall) and step.input]
    return "\n".join((*said, *(json.dumps(one, ensure_ascii=False) for one in sent)))


def _has(trace: Trace, name: str) -> bool:
    return any(score.name == name for score in trace.scores)


def _causes(trace: Trace) -> dict[str, int]:
    """Count the model calls that met a failure, each by the root cause of its last one."""
    counts: dict[str, int] = {}
    for call in trace.steps:
        failed = _last_failure(call) if isinstance(call, LlmCall) else None
        if failed is not None:
            cause = classify(failed).cause
            counts[cause] = counts.get(cause, 0) + 1
    return counts


def _last_failure(call: LlmCall) -> FailedCall | None:
    for attempt in reversed(call.attempts):
        if attempt.error or (attempt.status or 0) >= _FIRST_ERROR:
            said = attempt.error or call.error or ""
            return FailedCall(attempt.status, said, {}, attempt.error, "llm_call")
    return FailedCall(None, call.error, {}, None, "llm_call") if call.error else None


_FIRST_ERROR = 400
