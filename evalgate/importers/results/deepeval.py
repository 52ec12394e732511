"""DeepEval test runs: `.deepeval/.latest_test_run.json`, with and without `testRunData`.

Cases of one name and input are trials (`--repeat`).
A metric has no score where it was skipped or its judge failed; it then says so under `error`.
Metrics that sit on spans of a trace belong to the case and are told apart by the span's name.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from evalgate.importers.results.documents import Document, JsonDocument
from evalgate.importers.results.rows import (
    RATIO,
    SUCCESS,
    UNSCORED,
    ReadOptions,
    ResultRow,
    Results,
    ScoreKind,
    broken,
    case_id,
    first,
    items,
    mapping,
    number,
    objects,
    passed,
    score_of,
    text_of,
    tokens,
    unexpected,
)
from evalgate.schema.base import Json
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Score

_CASES: Final = ("testCases", "test_cases", "test_results", "testResults")
_TALKS: Final = ("conversationalTestCases", "conversational_test_cases")
_METRICS: Final = (
    "metricsData",
    "metrics_data",
    "metricsMetadata",
    "metrics_metadata",
)
_SPANS: Final = (
    "baseSpans",
    "agentSpans",
    "llmSpans",
    "retrieverSpans",
    "toolSpans",
)
_LOWER: Final = ("hallucination", "bias", "toxicity", "pii leakage")
"""Metrics of which less is better, unless a score and its threshold say otherwise."""


def detect(document: Document) -> bool:
    """Say whether the document is a DeepEval test run."""
    if not isinstance(document, JsonDocument):
        return False
    data = _run(document.value)
    rows = [row for name in (*_CASES, *_TALKS) for row in items(data.get(name))]
    return "testRunData" in mapping(document.value) or any(
        first(mapping(row), *_METRICS) is not None or "testCases" in mapping(row) for row in rows
    )


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read a DeepEval test run."""
    if not isinstance(document, JsonDocument):
        raise unexpected(None, "", "a JSON document")
    data = _run(document.value)
    judged: dict[str, list[Mapping[str, Json]]] = {}
    rows = [
        _row(case, where, judged)
        for name in (*_CASES, *_TALKS)
        for where, case in objects(data.get(name) or [], f"/{name}")
    ]
    said = [
        f"the file says {word} {data[key]}"
        for key, word in (("testPassed", "passed"), ("testFailed", "failed"))
        if data.get(key) is not None
    ]
    costs = [
        cost
        for seen in judged.values()
        for metric in seen
        if (cost := number(first(metric, "evaluationCost", "evaluation_cost"))) is not None
    ]
    if costs:
        said.append(f"its judges cost ${sum(costs):.4g}, which is no cost of the agent")
    return Results(
        tuple(rows),
        repeats=True,  # `deepeval test run --repeat`
        kinds={name: _kind(name, seen) for name, seen in judged.items()},
        notes=(", ".join(said),) * bool(said),
    )


def _kind(name: str, judged: Iterable[Mapping[str, Json]]) -> ScoreKind:
    """Settle the direction by the verdicts: a success below its threshold is a low score."""
    for metric in judged:
        score, threshold = number(metric.get("score")), number(metric.get("threshold"))
        success = metric.get("success")
        if score is None or threshold is None or score == threshold or success not in (True, False):
            continue
        return RATIO if (score > threshold) == success else ScoreKind("lower", (0.0, 1.0))
    return ScoreKind("lower", (0.0, 1.0)) if name.lower() in _LOWER else RATIO


def _run(value: Json) -> Mapping[str, Json]:
    data = mapping(value)
    return mapping(data.get("testRunData")) or data


def _row(
    case: Mapping[str, Json], where: str, judged: dict[str, list[Mapping[str, Json]]]
) -> ResultRow:
    asks = text_of(first(case, "input", "scenario"))
    name = text_of(case.get("name"))
    scores = {SUCCESS: passed(case.get("success"))}
    for label, metric in _metrics(case):
        free = _free(label, scores)
        scores[free] = _score(metric)
        judged.setdefault(free, []).append(metric)
    # `test_case_0` only counts the cases: after one is added, it names another.
    counted = name.startswith("test_case_") or not name
    trace = mapping(case.get("trace"))
    return ResultRow(
        case=case_id(asks) if counted and asks else case_id(name, asks or None),
        place=where,
        scores=scores,
        asks=asks,
        seconds=number(first(case, "runDuration", "run_duration")),
        cost_usd=number(first(case, "tokenCost", "token_cost")),
        usage=TrialUsage(
            tokens(first(trace, "inputTokens", "inputTokenCount")),
            tokens(first(trace, "outputTokens", "outputTokenCount")),
        ),
        output=text_of(first(case, "actualOutput", "actual_output")),
    )


def _metrics(case: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for metric in map(mapping, items(first(case, *_METRICS))):
        yield text_of(first(metric, "name", "metric")) or "metric", metric
    for kind in _SPANS:
        for span in map(mapping, items(mapping(case.get("trace")).get(kind))):
            for metric in map(mapping, items(first(span, *_METRICS))):
                name = text_of(first(metric, "name", "metric")) or "metric"
                yield f"{name} ({text_of(span.get('name')) or kind})", metric


def _score(metric: Mapping[str, Json]) -> Score:
    if metric.get("error"):
        return broken(text_of(metric["error"]))
    if metric.get("skipped") is True:
        return UNSCORED
    return score_of(metric.get("score"))


def _free(name: str, taken: Mapping[str, Score]) -> str:
    """Tell metrics of one name apart by their number."""
    count = 1
    label = name
    while label in taken:
        count += 1
        label = f"{name} {count}"
    return label
