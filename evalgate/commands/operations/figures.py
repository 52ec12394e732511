"""`evalgate export openmetrics|cloudwatch` and `evalgate boards`: figures for other boards."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import yaml

from evalgate.commands.operations.history import interaction_from
from evalgate.commands.operations.objectives import objectives_in
from evalgate.commands.operations.place import Place, opened
from evalgate.errors import ConfigError
from evalgate.exporters.boards import cloudwatch
from evalgate.exporters.boards.grafana import dashboards
from evalgate.exporters.boards.rules import exportable, rule_groups
from evalgate.exporters.openmetrics import Counted, counters, counters_text, gauges_text
from evalgate.sending import Message, Reply, send
from evalgate.store.atomic import write_text
from evalgate.store.reports import read_reports
from evalgate.store.run_lines import iter_traces as run_traces
from evalgate.store.run_lines import iter_trials
from evalgate.store.runs import REPORT, find_run, read_manifest
from evalgate.store.traces import iter_traces
from evalgate.suite.environment import Environment
from evalgate.text.counts import number_of
from evalgate.text.redact import Redactor

if TYPE_CHECKING:
    from evalgate.commands.operations.export import Outside
    from evalgate.history.records import Interaction
    from evalgate.history.store import Database
    from evalgate.schema.score import Score
    from evalgate.schema.trace import Trace


_FIELDS: Final = (
    *("agent", "model", "environment", "success", "error", "escalation", "guardrail"),
    *("faithfulness", "cost_usd", "input_tokens", "output_tokens"),
)


def counted(
    name: str | None, place: Place, environment: Environment
) -> list[tuple[int | None, Counted]]:
    """Return time and figures of each interaction.

    Args:
        name: A run, its id, `latest` or a file of traces; null: all that the history observed.
        place: The history and the runs.
        environment: The secrets to leave out.

    Raises:
        DataError: What is named cannot be read.
    """
    if name is None:
        with opened(place) as database:
            return list(_observed(database))
    redactor = Redactor.build(environment.environ)
    rows = (
        interaction_from(trace, "task_success", redactor, where, scored)
        for where, trace, scored in _traces(name, place)
    )
    return [(row.at, _counted(row)) for row in rows]


def _traces(name: str, place: Place) -> "Iterator[tuple[str, Trace, Mapping[str, Score]]]":
    """Yield place and trace, and what the run scored: only it knows what was expected."""
    path = Path(name)
    if path.is_file():
        yield from ((f"{path}:{number}", trace, {}) for number, trace in iter_traces(path))
        return
    folder = find_run(place.runs, name)
    scored = {(trial.case_id, trial.trial): trial.scores for trial in iter_trials(folder)}
    for trace in run_traces(folder):
        yield str(folder), trace, scored.get((trace.case_id, trace.trial), {})


def _counted(row: "Interaction") -> Counted:
    return Counted(**{name: getattr(row, name) for name in _FIELDS}, tools=row.tools)


def _observed(database: "Database") -> Iterator[tuple[int | None, Counted]]:
    from sqlalchemy import select  # noqa: PLC0415  # an extra

    tables = database.tables
    tools: dict[str, dict[str, tuple[int, int]]] = {}
    own = tables.tools.c
    for key, tool, calls, failures in database.rows(
        select(own.id, own.tool, own.calls, own.failures)
    ):
        tools.setdefault(key, {})[tool] = calls, failures
    columns = tables.interactions.c
    names = ("id", "at", *_FIELDS)
    for row in database.rows(select(*(columns[name] for name in names))):
        values = dict(zip(names, row, strict=True))
        key, at = values.pop("id"), values.pop("at")
        yield at, Counted(**values, tools=tools.get(key, {}))


def metrics_text(rows: list[tuple[int | None, Counted]]) -> str:
    """Write the counters in Prometheus' text format."""
    return counters_text(counters(row for _, row in rows))


def gauges(name: str | None, place: Place) -> str:
    """Write the metrics of a run's report; nothing where there is no report."""
    if name is None or Path(name).is_file():
        return ""
    folder = find_run(place.runs, name)
    if not (folder / REPORT).exists():
        return ""
    reports = [stored.report for stored in read_reports(folder)]
    return gauges_text(
        (report.suite.id, metric, found.unit, found.value)
        for report in reports
        for metric, found in report.metrics.items()
        if found.value is not None
    )


def push(url: str, text: str, grouping: Mapping[str, str], outside: "Outside") -> Reply:
    """Replace a group of a pushgateway.

    Args:
        url: Its base URL.
        text: Metrics.
        grouping: Labels of the group.
        outside: Sends and waits.
    """
    path = "".join(f"/{name}{_segment(value)}" for name, value in grouping.items())
    target = f"{url.rstrip('/')}/metrics/job/evalgate{path}"
    body = text.encode("utf-8", "replace")
    kind = "text/plain; version=0.0.4"
    return send(
        Message(target, body, kind, {}, method="PUT", repeatable=True),
        outside.client,
        outside.sleep,
    )


def _segment(value: str) -> str:
    """Write the value of a label in a path; what a path cannot hold goes as base64."""
    from base64 import urlsafe_b64encode  # noqa: PLC0415

    if not value:
        return "@base64/="
    if "/" not in value:
        return f"/{quote(value, safe='')}"
    return f"@base64/{urlsafe_b64encode(value.encode()).decode()}"


def emf(rows: list[tuple[int | None, Counted]], now: int) -> str:
    """Write lines of CloudWatch's embedded metric format; what has no time happened now."""
    timed = ((now if at is None else at, row) for at, row in rows)
    return "".join(f"{line}\n" for line in cloudwatch.emf_lines(timed))


def write_boards(out: Path, place: Place, region: str) -> list[str]:
    """Write dashboards, rules and alarms, and say what was written and what was left out.

    Raises:
        ConfigError: An objective is not valid.
        InputError: A file cannot be written.
    """
    has_objectives = place.loaded is not None and bool(place.loaded.slo)
    objectives = objectives_in(place) if has_objectives else ()
    fit = [one for one in objectives if exportable(one)]
    files: dict[str, Any] = {f"grafana/{name}": board for name, board in dashboards().items()}
    files["cloudwatch/dashboard.json"] = cloudwatch.dashboard(region)
    files["cloudwatch/alarms.json"] = cloudwatch.alarms(())
    said = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (out / name).parent.mkdir(exist_ok=True)
            write_text(out / name, json.dumps(data, indent=2) + "\n")
            said.append(f"{out / name}")
        rules = out / "prometheus" / "rules.yml"
        rules.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror}") from error
    if fit:
        write_text(rules, yaml.safe_dump(rule_groups(fit, {}), sort_keys=False, width=1_000))
        said.append(f"{rules}: {number_of(len(fit), 'objective')}")
    else:
        said.append(f"{rules} is not written: no objective is a rate of production (`slo:`)")
    said += [
        f"objective {one.name!r} is left out: counters hold no values, only rates of production"
        for one in objectives
        if one not in fit
    ]
    return said


def grouping_of(name: str | None, place: Place, environment: Environment) -> dict[str, str]:
    """Name the group of a push: repository, suite and branch; never the run."""
    environ = environment.environ
    repository = environ.get("GITHUB_REPOSITORY") or environ.get("CI_PROJECT_PATH") or ""
    branch = next((environ[v] for v in _BRANCHES if environ.get(v)), "")
    suite = ""
    if name is not None and not Path(name).is_file():
        suite = read_manifest(find_run(place.runs, name)).suite
    return {"repository": repository, "suite": suite, "branch": branch}


_BRANCHES: Final = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_BRANCH")
