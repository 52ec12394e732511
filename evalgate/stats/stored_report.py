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
from evalgate.schema.score import Abstained, Score, Scored, is_countable, score_from_json
from evalgate.schema.status import TraceStatus
from evalgate.stats.rounding import round4
from evalgate.stats.summary import CaseSummary, RunSummary, summary_of_case, summary_of_report

_ABSENT: Final = Abstained("the scorer gave no score")
_STATUSES: Final = frozenset(get_args(TraceStatus))
_TRIAL: Final = frozenset(field.name for field in fields(TrialResult))
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
    case = summary_of_case(CaseResult.model_validate({**data, "trials": ()}), trusted=trusted)
    trials = sorted(map(_trial, given), key=lambda trial: trial["trial"])
    return replace(
        case,
        numbers=tuple([trial["trial"] for trial in trials]),
        statuses=tuple([trial["status"] for trial in trials]),
        columns=_columns([trial["scores"] for trial in trials], known),
        usage=tuple([_usage(trial.get("usage", {})) for trial in trials]),
        calls=tuple([_calls(trial.get("calls", ())) for trial in trials]),
        recordings=tuple([_recording(trial.get("recording")) for trial in trials]),
        model_calls=tuple([_count(trial.get("model_calls")) for trial in trials]),
    )


def _trial(data: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
    if (
        type(data) is dict
        and data.keys() <= _TRIAL
        and type(data.get("trial")) is int
        and type(data.get("case_id")) is str
        and data.get("status") in _STATUSES
        and type(data.get("scores")) is dict
    ):
        return data
    raise _UnusualError


def _columns(scores: list[dict[str, Any]], known: _Known) -> dict[str, tuple[Score, ...]]:
    names = dict.fromkeys([name for own in scores for name in own])
    rows = [
        [known[v] if type(v) is float else _score(v, known) for v in own.values()]
        if list(own) == list(names)
        else [_score(own[name], known) if name in own else _ABSENT for name in names]
        for own in scores
    ]
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _score(data: Any, known: _Known) -> Score:  # noqa: ANN401  # any JSON
    if type(data) is dict:
        if len(data) == 1:
            (said,) = data.items()
            try:
                return known[said]
            except (ValueError, TypeError) as error:
                raise _UnusualError from error
        counts = data.get("counts")
        if len(data) != 2 or type(counts) is not list or [*map(type, counts)] != [int, int]:
            raise _UnusualError
        data = data.get("value")
    if (type(data) is float or type(data) is int) and is_countable(data):
        return known[float(data)]
    raise _UnusualError


def _usage(data: Any) -> TrialUsage:  # noqa: ANN401  # any JSON
    if type(data) is not dict or not data.keys() <= _USAGE:
        raise _UnusualError
    if any(count is not None and type(count) is not int for count in data.values()):
        raise _UnusualError
    return TrialUsage(**data)


def _recording(data: Any) -> str | None:  # noqa: ANN401  # any JSON
    if data is not None and type(data) is not str:
        raise _UnusualError
    return data


def _count(data: Any) -> int | None:  # noqa: ANN401  # any JSON
    if data is not None and type(data) is not int:
        raise _UnusualError
    return data


def _calls(data: Any) -> tuple[str, ...]:  # noqa: ANN401  # any JSON
    if type(data) not in (list, tuple) or any(type(name) is not str for name in data):
        raise _UnusualError
    return tuple(data)
