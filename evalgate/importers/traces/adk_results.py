"""Results of `adk eval`: what the agent did in each case, and what ADK's metrics said of it."""

from collections.abc import Iterator, Mapping
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.imported import (
    Imported,
    case_id_at,
    list_at,
    number_or_none,
    object_at,
    once,
    reading,
    text_or_none,
)
from evalgate.importers.messages import conversation
from evalgate.importers.observed import unread_notes
from evalgate.importers.traces.adk_turns import Turn, between, expected_of, field, read_turn
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Script
from evalgate.schema.trace import RecordedScore, Trace

_PASSED: Final = "adk_passed"
_STATUS: Final[Mapping[float, bool]] = {1: True, 2: False}
"""ADK's `EvalStatus`: passed, failed; others are neither."""


def import_results(root: dict[str, Json]) -> Imported:
    """Read the results of an evaluation set.

    Args:
        root: The file, parsed.

    Returns:
        One case and one trace a result. The score `adk_passed` is ADK's own verdict; its metrics
        are scores under their names, whether they have a threshold or not.

    Raises:
        DataError: For anything else, with its JSON pointer.
    """
    seen: dict[str, str] = {}
    cases: list[Case] = []
    traces: list[Trace] = []
    for index, value in enumerate(list_at(field(root, "eval_case_results"), "/eval_case_results")):
        where = f"/eval_case_results/{index}"
        with reading(where):
            case, trace = _result(object_at(value, where), where)
        once(seen, case.id, f"{where}/eval_id", f"the id {case.id!r}")
        cases.append(case)
        traces.append(trace)
    return Imported(tuple(cases), tuple(traces), unread_notes(traces))


def _result(row: dict[str, Json], where: str) -> tuple[Case, Trace]:
    case_id = case_id_at(field(row, "eval_id"), f"{where}/eval_id")
    place = f"{where}/eval_metric_result_per_invocation"
    pairs = [
        object_at(value, f"{place}/{i}")
        for i, value in enumerate(list_at(field(row, "eval_metric_result_per_invocation"), place))
    ]
    actual = [object_at(field(p, "actual_invocation"), f"{place}/actual") for p in pairs]
    expected = [object_at(field(p, "expected_invocation") or {}, place) for p in pairs]
    turns = [read_turn(turn, place) for turn in expected]
    asked = tuple(read_turn(turn, place).asked for turn in actual)
    if not asked:
        raise DataError(f"{place}: found no invocation; expected at least one")
    verdict = _verdict(row)
    wanted = expected_of(turns)
    if verdict:
        wanted = wanted.model_copy(update={"scores": (_PASSED,)})
    case = Case(
        id=case_id,
        input=asked[0] if len(asked) == 1 else Script(turns=asked),
        expected=wanted,
        tags=("adk",),
        metadata={"references": [turn.reference for turn in turns]},
    )
    return case, _trace(case_id, row, actual, place)


def _verdict(row: dict[str, Json]) -> tuple[RecordedScore, ...]:
    passed = _STATUS.get(number_or_none(field(row, "final_eval_status")) or 0)
    return () if passed is None else (RecordedScore(name=_PASSED, value=passed, source="adk"),)


def _trace(case_id: str, row: dict[str, Json], actual: list[dict[str, Json]], at: str) -> Trace:
    messages = [message for turn in actual for message in _messages(turn, at)]
    talk = conversation(messages, at)
    last: Turn = read_turn(actual[-1], at)
    return Trace(
        case_id=case_id,
        output=last.reference or talk.output,
        steps=talk.steps,
        session_id=text_or_none(field(row, "session_id")),
        user_id=text_or_none(field(row, "user_id")),
        scores=(*_scores(row, at), *_verdict(row)),
    )


def _messages(turn: dict[str, Json], where: str) -> Iterator[Json]:
    """Write a turn as messages: what was asked, what lay between, the answer."""
    yield {"role": "user", "content": field(turn, "user_content")}
    data = field(turn, "intermediate_data")
    contents = [] if data is None else between(data, where)
    yield from contents
    answer = field(turn, "final_response")
    if answer is not None:
        yield {"role": "model", "content": answer}


def _scores(row: dict[str, Json], where: str) -> Iterator[RecordedScore]:
    metrics = field(row, "overall_eval_metric_results") or []
    for value in list_at(metrics, f"{where}/overall_eval_metric_results"):
        metric = object_at(value, where)
        name, score = (
            text_or_none(field(metric, "metric_name")),
            number_or_none(metric.get("score")),
        )
        if name is not None and score is not None:
            threshold = number_or_none(metric.get("threshold"))
            kept: dict[str, Json] = {} if threshold is None else {"threshold": threshold}
            yield RecordedScore(name=name, value=score, source="adk", metadata=kept)
