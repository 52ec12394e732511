"""Reading a stored report for a comparison without building a model of every trial.

A report holds some twenty scores a trial. What a comparison needs of them is read straight from
the parsed JSON, as strictly as the models would; whatever is not in the usual shape is left to
the models, which say what is wrong with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any, Final, get_args

from pydantic import ValidationError

from evalgate.schema.base import Json
from evalgate.schema.result import CaseResult, Report, TrialResult, TrialUsage
from evalgate.schema.score import Score, Scored, is_countable, score_from_json
from evalgate.schema.status import TraceStatus
from evalgate.stats.rounding import round4
from evalgate.stats.summary import (
    CaseSummary,
    RunSummary,
    TrialColumns,
    case_summary,
    summary_of_report,
)

_NONE: Final = {"abstained": "the scorer gave no score"}
_STATUSES: Final = frozenset(get_args(TraceStatus))
_TRIAL: Final = frozenset(field.name for field in fields(TrialResult))
_MAYBE_COUNT: Final = frozenset((int, type(None)))
_TEXT: Final = frozenset((str,))
_USAGE: Final = frozenset(field.name for field in fields(TrialUsage))


class _UnusualError(Exception):
    """Something is not in the usual shape."""


class _Known(dict[float | tuple[str, Any], Score]):
    """Scores by value or by what they say: trials share their few values and reasons."""

    def __missing__(self, key: float | tuple[str, Any]) -> Score:
        if isinstance(key, float):
            if not is_countable(key):
                raise _UnusualError
            score: Score = Scored(round4(key))
        else:
            score = score_from_json(dict([key]))
        self[key] = score
        return score


def summary_of_stored_report(
    head: Mapping[str, Json], cases: Iterable[Json], source: str
) -> RunSummary | None:
    """Bring a stored report into the normal form.

    Args:
        head: The parsed report; its own cases are not looked at.
        cases: Its cases, parsed.
        source: What it is called in messages.

    Returns:
        Null where anything is not in the usual shape: validate the report to learn what.
    """
    known = _Known()
    try:
        report = Report.model_validate({**head, "cases": ()})
        trusted = report.suite.trust_reported
        read = [_case(case, known, trusted=trusted) for case in cases]
    except (ValidationError, _UnusualError):
        return None
    by_id = {case.id: case for case in read}
    if len(by_id) < len(read):
        return None
    return replace(summary_of_report(report, source), cases=MappingProxyType(by_id))


def _case(data: Any, known: _Known, *, trusted: bool) -> CaseSummary:  # noqa: ANN401  # any JSON
    given = data.get("trials", []) if type(data) is dict else None
    if type(given) is not list:
        raise _UnusualError
    case = CaseResult.model_validate({**data, "trials": ()})
    trials = sorted(map(_trial, given), key=lambda trial: trial["trial"])
    columns = TrialColumns(
        numbers=tuple([trial["trial"] for trial in trials]),
        statuses=tuple([trial["status"] for trial in trials]),
        columns=_columns([trial["scores"] for trial in trials], known),
        usage=tuple([_usage(trial.get("usage", {})) for trial in trials]),
        calls=tuple([_calls(trial.get("calls", ())) for trial in trials]),
        recordings=tuple([_recording(trial.get("recording")) for trial in trials]),
        model_calls=tuple([_count(trial.get("model_calls")) for trial in trials]),
    )
    return case_summary(case, columns, trusted=trusted)


def _trial(data: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
    if (
        type(data) is dict
        and data.keys() <= _TRIAL
        and type(data.get("trial")) is int
        and type(data.get("case_id")) is str
        and type(data.get("status")) is str
        and data["status"] in _STATUSES
        and type(data.get("scores")) is dict
    ):
        return data
    raise _UnusualError


def _columns(scores: list[dict[str, Any]], known: _Known) -> dict[str, tuple[Score, ...]]:
    names = [*dict.fromkeys([name for own in scores for name in own])]
    try:
        rows = [
            [
                known[v]
                if type(v) is float
                else known[next(iter(v.items()))]
                if type(v) is dict and len(v) == 1
                else _score(v, known)
                for v in (own.values() if [*own] == names else [own.get(n, _NONE) for n in names])
            ]
            for own in scores
        ]
    except (ValueError, TypeError) as error:  # what it says, or the shape of it
        raise _UnusualError from error
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _score(data: Any, known: _Known) -> Score:  # noqa: ANN401  # any JSON
    if type(data) is dict:
        counts = data.get("counts")
        if len(data) != 2 or type(counts) is not list or len(counts) != 2:
            raise _UnusualError
        if not type(counts[0]) is type(counts[1]) is int:
            raise _UnusualError
        data = data.get("value")
    if type(data) is float:
        return known[data]
    if type(data) is int and is_countable(data):
        return known[float(data)]
    raise _UnusualError


def _usage(data: Any) -> TrialUsage:  # noqa: ANN401  # any JSON
    if (
        type(data) is dict
        and data.keys() <= _USAGE
        and _MAYBE_COUNT.issuperset(map(type, data.values()))
    ):
        return TrialUsage(**data)
    raise _UnusualError


def _recording(data: Any) -> str | None:  # noqa: ANN401  # any JSON
    if data is not None and type(data) is not str:
        raise _UnusualError
    return data


def _count(data: Any) -> int | None:  # noqa: ANN401  # any JSON
    if data is not None and type(data) is not int:
        raise _UnusualError
    return data


def _calls(data: Any) -> tuple[str, ...]:  # noqa: ANN401  # any JSON
    if type(data) not in (list, tuple) or not _TEXT.issuperset(map(type, data)):
        raise _UnusualError
    return tuple(data)
