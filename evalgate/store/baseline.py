"""Reading and writing baseline files, and whatever else can stand on a side of a comparison."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from evalgate.errors import BaselineMissing, DataError
from evalgate.gate.baseline import column_problems, mean_mismatches, summary_of_baseline
from evalgate.gate.baseline_text import baseline_text, case_lines, header_lines
from evalgate.metrics.metric import Metric
from evalgate.metrics.registry import METRICS
from evalgate.schema.base import Json
from evalgate.schema.baseline import Baseline
from evalgate.schema.result import Report
from evalgate.stats.stored_report import summary_of_stored_report
from evalgate.stats.summary import RunSummary, summary_of_flat, summary_of_report
from evalgate.store.atomic import write_text
from evalgate.store.plain import read_plain
from evalgate.store.problems import Problem, problems_of
from evalgate.store.report_lines import cases_apart
from evalgate.text.strict_json import loads

_SCHEMA: Final = "evalgate.baseline/1"
_REPORT: Final = "evalgate.report/1"
_REPORTS: Final = "evalgate.reports/1"
_RESTORE: Final = (
    "restore it (git checkout), or make a new one with `evalgate baseline update --reason WHY`"
)
_AGAIN: Final = "run the suite again, or take another report"
_SHOWN: Final = 5
_WAYS: Final = (
    "name the baseline (`--baseline baselines/SUITE.json`), or give `--baseline` without a path "
    "for the suite's own"
)


def save_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline whole or not at all.

    Raises:
        InputError: The file cannot be written; the old one is untouched.
    """
    write_text(path, baseline_text(baseline))


def load_baseline(path: Path, metrics: Mapping[str, Metric] = METRICS) -> Baseline:
    """Read a baseline and check that it is whole and unedited.

    Args:
        path: The file.
        metrics: All metrics of the suite, to compute the means again.

    Raises:
        BaselineMissing: There is no such file.
        DataError: It is no baseline, of a newer version, half written, or edited.
    """
    raw = _read(path)
    return _parse(path, raw, loads(raw, source=str(path)), metrics)[0]


def load_summary(path: Path, metrics: Mapping[str, Metric] = METRICS) -> RunSummary:
    """Read one side of a comparison.

    Args:
        path: A baseline, a `report.json`, a run folder that holds one, or a flat file of numbers
            by metric.
        metrics: All metrics of the suite.

    Raises:
        BaselineMissing: There is no such file.
        DataError: It is none of these, or not usable.
    """
    file = path / "report.json" if path.is_dir() else path
    raw = _read(file)
    quick = _by_lines(raw, str(path))
    if quick is not None:
        return _whole(quick, file)
    data = loads(raw, source=str(file))
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema is None:
        _refuse_neighbours(file, data)
        return summary_of_flat(data, str(path))
    if isinstance(data, dict) and schema == _REPORT:
        return _whole(_report_side(path, file, raw, data), file)
    return _parse(file, raw, data, metrics)[1]


def _by_lines(raw: bytes, source: str) -> RunSummary | None:
    """Read a report that stands as evalgate writes it; null: read it whole."""
    apart = cases_apart(raw)
    if apart is None or apart.head.get("schema") != _REPORT:
        return None
    return summary_of_stored_report(apart.head, apart.cases, source)


def _report_side(path: Path, file: Path, raw: bytes, data: dict[str, Json]) -> RunSummary:
    cases = data.get("cases", [])
    if isinstance(cases, list):
        side = summary_of_stored_report(data, cases, str(path))
        if side is not None:
            return side
    try:
        side = summary_of_report(Report.model_validate(data), str(path))
    except ValidationError as error:
        raise _invalid(file, raw, problems_of(error, Report, data)) from error
    if isinstance(cases, list) and len(side.cases) < len(cases):
        raise DataError(f"{file}: a case stands in it twice", fix=_AGAIN)
    return side


def _whole(side: RunSummary, file: Path) -> RunSummary:
    for case in side.cases.values():
        if len(set(case.numbers)) < len(case.numbers):
            raise DataError(f"{file}: case {case.id!r} has a trial twice", fix=_AGAIN)
    return side


def _read(path: Path) -> bytes:
    try:
        raw = read_plain(path)
    except FileNotFoundError as error:
        raise BaselineMissing(
            f"{path}: there is no such file",
            fix='make a baseline with `evalgate baseline update --reason "..."` and commit it',
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if path.suffix in (".yaml", ".yml"):
        raise DataError(f"{path} is a configuration; expected a baseline", fix=_WAYS)
    if path.suffix == ".jsonl":
        raise DataError(
            f"{path} is a golden set or a file of traces; expected a baseline", fix=_WAYS
        )
    return raw


def _refuse_neighbours(path: Path, data: Json) -> None:
    """Name a golden set or a configuration that was given by mistake."""
    if not isinstance(data, dict):
        return
    if {"suites", "version"} <= data.keys():
        raise DataError(f"{path} is a configuration; expected a baseline", fix=_WAYS)
    if {"id", "input"} <= data.keys():
        raise DataError(f"{path} is a golden set; expected a baseline", fix=_WAYS)


def _parse(
    path: Path, raw: bytes, data: Json, metrics: Mapping[str, Metric]
) -> tuple[Baseline, RunSummary]:
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != _SCHEMA:
        _refuse_neighbours(path, data)
        raise _foreign(path, schema)
    try:
        baseline = Baseline.model_validate(data)
    except ValidationError as error:
        raise _invalid(path, raw, problems_of(error, Baseline, data)) from error
    _check_cases(path, raw, baseline)
    side = summary_of_baseline(baseline, str(path))
    _check_means(path, raw, side, metrics)
    return baseline, side


def _foreign(path: Path, schema: Json) -> DataError:
    if schema == _REPORTS:
        return DataError(
            f"{path} holds the reports of several suites; expected one report or a baseline",
            fix="name the run folder of one suite, or the report.json in it",
        )
    if isinstance(schema, str) and schema.startswith("evalgate.baseline/"):
        return DataError(
            f"{path}: schema {schema!r} is newer than this version of evalgate, which reads "
            f"{_SCHEMA!r}",
            fix="upgrade: pip install --upgrade agent-evalgate",
        )
    return DataError(f"{path}: schema {schema!r}; expected {_SCHEMA!r}", fix=_WAYS)


def _invalid(path: Path, raw: bytes, problems: list[Problem]) -> DataError:
    text = raw.decode()
    cases, header = case_lines(text), header_lines(text)
    shown = []
    for problem in problems[:_SHOWN]:
        _, *parts = problem.pointer.split("/")
        in_case = len(parts) > 1 and parts[0] == "cases"
        key = parts[1] if in_case else "".join(parts[:1])
        line = (cases if in_case else header).get(key.replace("~1", "/").replace("~0", "~"))
        place = str(path) if line is None else f"{path}:{line}"
        shown.append(f"{place}: {problem.pointer or '/'}: {problem.message}")
    if len(problems) > _SHOWN:
        shown.append(f"and {len(problems) - _SHOWN} more")
    return DataError("\n".join(shown), fix=_RESTORE)


def _check_cases(path: Path, raw: bytes, baseline: Baseline) -> None:
    if len(baseline.cases) != baseline.suite.cases:
        raise DataError(
            f"{path}: it holds {len(baseline.cases)} cases and says {baseline.suite.cases}: it was "
            "cut or edited",
            fix=_RESTORE,
        )
    problems = list(column_problems(baseline))
    if problems:
        lines = case_lines(raw.decode())
        shown = [
            f"{path}:{lines.get(name, 1)}: case {name!r}: {what}"
            for name, what in problems[:_SHOWN]
        ]
        raise DataError("\n".join(shown), fix=_RESTORE)


def _check_means(path: Path, raw: bytes, side: RunSummary, metrics: Mapping[str, Metric]) -> None:
    mismatches = mean_mismatches(side, metrics)
    if not mismatches:
        return
    line = header_lines(raw.decode()).get("metrics", 1)
    shown = [
        f"{path}:{line}: {m.metric}: the mean says {m.written!r}, its scores say {m.recomputed!r}: "
        "a number was edited by hand"
        for m in mismatches[:_SHOWN]
    ]
    raise DataError("\n".join(shown), fix=_RESTORE)
