"""Evalite results (`evalite --outputPath`): one case an eval and input.

A row whose task threw has no scores: it is errored, not 0.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from evalgate.importers.results.documents import Document, JsonDocument
from evalgate.importers.results.rows import (
    RATIO,
    UNSCORED,
    ReadOptions,
    ResultRow,
    Results,
    broken,
    case_id,
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
from evalgate.text.counts import number_of

if TYPE_CHECKING:
    from evalgate.schema.score import Score


def detect(document: Document) -> bool:
    """Say whether the document is Evalite's."""
    if not isinstance(document, JsonDocument):
        return False
    data = mapping(document.value)
    evals = items(data.get("evals"))
    return (
        isinstance(data.get("evals"), list)
        and ("run" in data or bool(evals))
        and all("results" in mapping(each) for each in evals)
    )


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read results of Evalite."""
    data = mapping(document.value) if isinstance(document, JsonDocument) else {}
    evals = list(objects(data.get("evals"), "/evals"))
    rows: list[ResultRow] = []
    errored = 0
    for where, each in evals:
        results = list(objects(each.get("results"), f"{where}/results"))
        names = tuple(
            dict.fromkeys(
                text_of(mapping(score).get("name"))
                for _, row in results
                for score in items(row.get("scores"))
            )
        )
        label = [each.get("name"), each.get("variantName")] if len(evals) > 1 else []
        for place, row in results:
            rows.append(_row(row, place, case_id(*label, row.get("input")), names))
            errored += rows[-1].error is not None
    note = (
        f"{number_of(errored, 'row whose task threw has', 'rows whose task threw have')} no "
        "scores: errored, not 0"
    )
    return Results(
        tuple(rows),
        kinds={name: RATIO for row in rows for name in row.scores},
        errors=True,
        repeats=True,
        notes=(note,) if errored else (),
    )


def _row(row: Mapping[str, Json], where: str, case: str, names: tuple[str, ...]) -> ResultRow:
    given: dict[str, Score] = {
        text_of(score.get("name")) or "score": score_of(score.get("score"))
        for _, score in objects(row.get("scores") or [], f"{where}/scores")
    }
    failed = row.get("status") != "success" and not given
    reason = text_of(mapping(row.get("output")).get("message")) or "the task threw"
    missing = broken(reason) if failed else UNSCORED
    traces = [mapping(trace) for trace in items(row.get("traces"))]
    duration = number(row.get("duration"))
    return ResultRow(
        case=case,
        place=where,
        scores={**dict.fromkeys(names or ("score",), missing), **given},
        asks=text_of(row.get("input")),
        error=reason if failed else None,
        usage=TrialUsage(_sum(traces, "inputTokens"), _sum(traces, "outputTokens")),
        seconds=None if duration is None else duration / 1000,
        output=text_of(row.get("output")),
    )


def _sum(traces: list[dict[str, Json]], key: str) -> int | None:
    counts = [tokens(trace.get(key)) for trace in traces]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None
