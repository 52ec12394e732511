"""ADK results (`.adk/eval_history/*.evalset_result.json`): one case an eval id.

Status 1 is passed, 2 failed, 3 not evaluated. A metric without a threshold (counts, tokens,
seconds) is neither pass nor fail and only informs. Runs of one eval id are its trials.
"""

from collections.abc import Mapping
from typing import Final

from evalgate.importers.results.documents import Document, JsonDocument
from evalgate.importers.results.rows import (
    SUCCESS,
    UNSCORED,
    ReadOptions,
    ResultRow,
    Results,
    ScoreKind,
    case_id,
    first,
    items,
    mapping,
    number,
    objects,
    score_of,
    text_of,
    tokens,
)
from evalgate.schema.base import Json
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Score, Scored

_STATUS: Final[Mapping[str, Score]] = {
    "1": Scored(1.0),
    "2": Scored(0.0),
    "PASSED": Scored(1.0),
    "FAILED": Scored(0.0),
}


def detect(document: Document) -> bool:
    """Say whether the document is a result of `adk eval`."""
    value = _unwrapped(document)
    return "eval_case_results" in value or "evalCaseResults" in value


def _unwrapped(document: Document) -> dict[str, Json]:
    """Return the data; older versions wrote the JSON as a text inside JSON."""
    value = document.value if isinstance(document, JsonDocument) else None
    if isinstance(value, str):
        from evalgate.text.strict_json import Parsed, parse  # noqa: PLC0415  # rarely needed

        found = parse(value)
        value = found.value if isinstance(found, Parsed) else None
    return mapping(value)


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read a result of `adk eval`."""
    data = _unwrapped(document)
    kinds: dict[str, ScoreKind] = {}
    rows = tuple(
        _row(case, where, kinds)
        for where, case in objects(
            first(data, "eval_case_results", "evalCaseResults"), "/eval_case_results"
        )
    )
    return Results(rows, kinds, repeats=True)


def _row(case: Mapping[str, Json], where: str, kinds: dict[str, ScoreKind]) -> ResultRow:
    status = text_of(first(case, "final_eval_status", "finalEvalStatus"))
    scores: dict[str, Score] = {SUCCESS: _STATUS.get(status, UNSCORED)}
    details: dict[str, Json] = {}
    metrics = first(case, "overall_eval_metric_results", "overallEvalMetricResults")
    for metric in map(mapping, items(metrics)):
        name = text_of(first(metric, "metric_name", "metricName"))
        if not name:
            continue
        scores[name] = score_of(metric.get("score"))
        judged = (
            first(metric, "threshold") is not None
            or first(mapping(metric.get("criterion")), "threshold") is not None
        )
        kinds[name] = ScoreKind(informational=not judged, bounds=_bounds(name, judged=judged))
        details |= {key: value for key, value in mapping(metric.get("details")).items() if value}
    used = mapping(details.get("token_usage_details"))
    talk = items(first(case, "eval_metric_result_per_invocation", "evalMetricResultPerInvocation"))
    actual = [
        mapping(first(mapping(turn), "actual_invocation", "actualInvocation")) for turn in talk
    ]
    return ResultRow(
        case=case_id(first(case, "eval_id", "evalId")),
        place=where,
        scores=scores,
        asks="\n".join(_said(first(turn, "user_content", "userContent")) for turn in actual),
        usage=TrialUsage(
            tokens(used.get("input_tokens")),
            tokens(used.get("output_tokens")),
            tokens(used.get("cached_tokens")),
        ),
        seconds=number(mapping(details.get("duration_details")).get("total_seconds")),
        output=_said(first(actual[-1], "final_response", "finalResponse")) if actual else "",
    )


def _bounds(name: str, *, judged: bool) -> tuple[float, float] | None:
    """Return the range: 0 to 1, but for the coherence that is graded 1 to 5."""
    if not judged:
        return None
    return (1.0, 5.0) if name == "response_evaluation_score" else (0.0, 1.0)


def _said(content: Json) -> str:
    return "".join(
        text_of(mapping(part).get("text")) for part in items(mapping(content).get("parts"))
    )
