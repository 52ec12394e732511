"""lm-evaluation-harness: samples of `--log_samples`, and the table of `results.json`.

A document scored under several filters has one line for each; every metric then is one metric a
filter.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from evalgate.errors import DataError
from evalgate.importers.results.documents import Document, JsonDocument, LinesDocument
from evalgate.importers.results.rows import (
    RATIO,
    UNSCORED,
    ReadOptions,
    ResultRow,
    Results,
    ScoreKind,
    case_id,
    first,
    items,
    mapping,
    objects,
    score_of,
    text_of,
    unexpected,
)
from evalgate.schema.base import Json

if TYPE_CHECKING:
    from evalgate.schema.score import Score

_RATIOS: Final = re.compile(r"^(acc|exact_match|em\b|f1|mcc|pass@|brier|inst_level|prompt_level)")
_LOWER: Final = re.compile(r"perplexity|bits_per_byte|ter\b|brier|loss")


def detect(document: Document) -> bool:
    """Say whether the document holds samples or results of lm-evaluation-harness."""
    match document:
        case LinesDocument(((_, dict() as row), *_)):
            return "doc_id" in row and ("resps" in row or "filtered_resps" in row)
        case JsonDocument([dict() as row, *_]):
            return "doc_id" in row and ("resps" in row or "filtered_resps" in row)
        case JsonDocument(dict() as data):
            return "results" in data and ("n-shot" in data or "n-samples" in data)
        case _:
            return False


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read samples, or the table of results: then a case is a task."""
    match document:
        case LinesDocument(values):
            rows = []
            for line, value in values:
                if not isinstance(value, dict):
                    raise unexpected(value, f"line {line}", "an object, one a line")
                rows.append((f"line {line}", value))
            return _samples(rows)
        case JsonDocument(list() as listed):
            return _samples(list(objects(listed, "")))
        case JsonDocument(dict() as data):
            return _table(data)
        case _:
            raise unexpected(None, "", "samples of lm-evaluation-harness")


def _kind(name: str) -> ScoreKind:
    lower = bool(_LOWER.search(name))
    bounds = (0.0, 1.0) if _RATIOS.match(name) else None
    return ScoreKind("lower" if lower else "higher", bounds) if lower or bounds is None else RATIO


def _samples(rows: list[tuple[str, dict[str, Json]]]) -> Results:
    filters = {text_of(row.get("filter")) for _, row in rows}
    merged: dict[str, ResultRow] = {}
    seen: dict[tuple[str, str], str] = {}
    kinds: dict[str, ScoreKind] = {}
    for where, row in rows:
        case = case_id(row.get("doc_id"))
        key = (case, text_of(row.get("filter")))
        if key in seen:
            raise DataError(
                f"{where}: found document {case!r} again under filter {key[1]!r}; "
                f"{seen[key]} has it",
                fix="give the samples of one task",
            )
        seen[key] = where
        scores: dict[str, Score] = {}
        for name in map(text_of, items(row.get("metrics"))) if "metrics" in row else _guessed(row):
            label = name if len(filters) == 1 else f"{name},{key[1]}"
            # A metric over the whole set (BLEU, ...) leaves its ingredients here, no number.
            whole = isinstance(row.get(name), list)
            known = kinds.get(label)
            only = whole and (known is None or known.informational)
            kinds[label] = replace(_kind(name), informational=only)
            scores[label] = score_of(row.get(name)) if name in row else UNSCORED
        old = merged.get(case)
        merged[case] = ResultRow(
            case=case,
            place=where if old is None else old.place,
            scores=scores if old is None else {**old.scores, **scores},
            # `doc_hash` is that of the document, whatever became of the answer.
            asks=text_of(first(row, "doc_hash", "doc")),
            output=text_of(row.get("filtered_resps")),
        )
    return Results(tuple(merged.values()), kinds)


_FIELDS: Final = frozenset(
    {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
    | {"doc_hash", "prompt_hash", "target_hash"}
)


def _guessed(row: Mapping[str, Json]) -> list[str]:
    """Name the metrics of older files, which do not list them."""
    return [name for name in row if name not in _FIELDS]


def _table(data: Mapping[str, Json]) -> Results:
    rows = []
    kinds: dict[str, ScoreKind] = {}
    better = mapping(data.get("higher_is_better"))
    for task, values in mapping(data.get("results")).items():
        scores: dict[str, Score] = {}
        for name, value in mapping(values).items():
            metric, comma, _ = name.partition(",")
            if not comma or metric.endswith("_stderr"):
                continue
            higher = mapping(better.get(task)).get(metric)
            label = name.removesuffix(",none")
            kind = _kind(metric)
            direction = (
                kind.direction
                if not isinstance(higher, bool)
                else ("higher" if higher else "lower")
            )
            kinds[label] = ScoreKind(direction, kind.bounds)
            scores[label] = score_of(value)
        rows.append(ResultRow(case=case_id(task), place=f"/results/{task}", scores=scores))
    note = "a case is a whole task: give the samples (`--log_samples`) to compare by document"
    return Results(tuple(rows), kinds, notes=(note,))
