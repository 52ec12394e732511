"""LangSmith experiments: rows of `evaluate()`, examples with runs, runs with feedback, and tables.

A case is an example of the dataset (`example_id`, `reference_example_id`, `row_id`); a second run
of it is a trial (`num_repetitions`). Feedback on a scale of LangSmith's own is taken as it stands.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from evalgate.importers.results.documents import (
    Document,
    JsonDocument,
    LinesDocument,
    TableDocument,
)
from evalgate.importers.results.rows import (
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
    score_of,
    text_of,
    tokens,
    unexpected,
)
from evalgate.schema.base import Json
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Score

_FEEDBACK: Final = "feedback."
_EXAMPLE: Final = ("reference_example_id", "example_id", "row_id")
_TIME: Final = ("execution_time", "latency", "latency_seconds")


def detect(document: Document) -> bool:
    """Say whether the document holds results of LangSmith."""
    match document:
        case TableDocument(header):
            return any(name.startswith(_FEEDBACK) for name in header) or (
                "reference_example_id" in header
            )
        case JsonDocument() | LinesDocument():
            found = _found(document)
            return bool(found) and all(_is_result(mapping(row)) for _, row in found[:3])
        case _:
            return False


def _is_result(row: Mapping[str, Json]) -> bool:
    return (
        {"run", "example"} <= row.keys()
        or ("runs" in row and "inputs" in row)
        or "evaluation_scores" in row
        or (first(row, "reference_example_id") is not None and "inputs" in row)
        or any(name.startswith(_FEEDBACK) for name in row)
    )


def _found(document: JsonDocument | LinesDocument) -> list[tuple[str, Json]]:
    if isinstance(document, LinesDocument):
        return [(f"line {line}", value) for line, value in document.values]
    value = document.value
    if isinstance(value, dict):
        inner = first(value, "results", "examples_with_runs", "runs", "examples")
        value = inner if isinstance(inner, list) else None
    return [(f"/{i}", row) for i, row in enumerate(items(value))]


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read results of LangSmith."""
    match document:
        case TableDocument(header, lines):
            named = ((f"line {n}", dict(zip(header, cells, strict=True))) for n, cells in lines)
            rows = [
                _flat(where, {k: v or None for k, v in cells.items()}) for where, cells in named
            ]
        case JsonDocument() | LinesDocument():
            rows = [row for where, value in _found(document) for row in _read(where, value)]
        case _:
            raise unexpected(None, "", "results of LangSmith")
    kinds = {name: ScoreKind(direction=None) for row in rows for name in row.scores}
    return Results(tuple(rows), kinds, errors=True, repeats=True)


def _read(where: str, value: Json) -> Iterator[ResultRow]:
    if not isinstance(value, dict):
        raise unexpected(value, where, "an object")
    if any(name.startswith(_FEEDBACK) for name in value):
        yield _flat(where, value)
    elif isinstance(value.get("runs"), list):
        runs = list(objects(value["runs"], f"{where}/runs"))
        for place, run in runs:
            yield _row(place, run, value, _stats(run))
        if not runs:
            yield _row(where, {"error": "the example was not run"}, value, {})
    elif "evaluation_scores" in value:
        yield _row(where, value, value, _list(value.get("evaluation_scores")))
    else:
        run = mapping(value.get("run")) or value
        given = first(mapping(value.get("evaluation_results")), "results")
        scores = _list(given if given is not None else value.get("feedback")) or _stats(run)
        yield _row(where, run, mapping(value.get("example")), scores)


def _list(results: Json) -> dict[str, Score]:
    scores: dict[str, Score] = {}
    for each in map(mapping, items(results)):
        key = text_of(first(each, "key", "name"))
        failed = mapping(each.get("extra")).get("error")
        given = first(each, "score")
        if key:
            scores[key] = (
                broken(text_of(each.get("comment")) or "the evaluator failed")
                if failed
                else score_of(given if given is not None else each.get("value"))
            )
    return scores


def _stats(run: Mapping[str, Json]) -> dict[str, Score]:
    return {
        name: score_of(first(mapping(stat), "avg", "mean") if isinstance(stat, dict) else stat)
        for name, stat in mapping(run.get("feedback_stats")).items()
    }


def _row(
    where: str, run: Mapping[str, Json], example: Mapping[str, Json], scores: Mapping[str, Score]
) -> ResultRow:
    asked = first(example, "inputs") or run.get("inputs")
    failed = text_of(run.get("error"))
    named = first(run, *_EXAMPLE) or first(example, "id", *_EXAMPLE)
    given = dict(scores) or {"score": UNSCORED}
    return ResultRow(
        case=case_id(named or asked),
        place=where,
        scores={name: broken(failed) for name in given} if failed else given,
        asks=text_of(asked),
        error=failed or None,
        usage=TrialUsage(tokens(run.get("prompt_tokens")), tokens(run.get("completion_tokens"))),
        cost_usd=number(run.get("total_cost")),
        seconds=number(first(run, *_TIME)),
        output=text_of(first(run, "outputs", "actual_outputs")),
    )


def _flat(where: str, row: Mapping[str, Json]) -> ResultRow:
    """Read a row of `to_pandas()`: `inputs.X`, `outputs.X`, `feedback.X`, `error`."""
    asked = {k: v for k, v in row.items() if k == "inputs" or k.startswith(("inputs.", "input."))}
    scores = {
        name.removeprefix(_FEEDBACK): score_of(value)
        for name, value in row.items()
        if name.startswith(_FEEDBACK)
    }
    run = {
        **row,
        "outputs": {k: v for k, v in row.items() if k == "outputs" or k.startswith("outputs.")},
    }
    return _row(where, run, {"inputs": asked or None}, scores)
