"""ATIF trajectories (Harbor and others, `schema_version: ATIF-v1.x`).

A trajectory says what happened, not how well: it has tokens and a cost, and a score only where a
producer put one under `extra` or beside it (`reward`). Several, one a line or in a list, are
cases by session.
"""

from collections.abc import Mapping
from typing import Final

from evalgate.importers.results.documents import Document, JsonDocument, LinesDocument
from evalgate.importers.results.rows import (
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
    score_of,
    text_of,
    tokens,
    unexpected,
)
from evalgate.schema.base import Json
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Score

_REWARDS: Final = ("reward", "score", "rewards", "scores")


def detect(document: Document) -> bool:
    """Say whether the document holds ATIF trajectories."""
    rows = _rows(document)
    return bool(rows) and text_of(mapping(rows[0][1]).get("schema_version")).startswith("ATIF-")


def _rows(document: Document) -> list[tuple[str, Json]]:
    match document:
        case JsonDocument(list() as rows):
            return [(f"/{i}", row) for i, row in enumerate(rows)]
        case JsonDocument(value):
            return [("/", value)]
        case LinesDocument(values):
            return [(f"line {line}", value) for line, value in values]
        case _:
            return []


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read ATIF trajectories."""
    rows = tuple(_row(row, where) for where, row in _rows(document))
    kinds = {name: ScoreKind() for row in rows for name in row.scores}
    return Results(rows, kinds)


def _row(value: Json, where: str) -> ResultRow:
    if not isinstance(value, dict) or not isinstance(value.get("steps"), list):
        raise unexpected(value, where, "a trajectory with `steps`")
    steps = [mapping(step) for step in items(value["steps"])]
    metrics = mapping(value.get("final_metrics"))
    own = [mapping(step.get("metrics")) for step in steps]
    asked = next((s.get("message") for s in steps if s.get("source") == "user"), None)
    answers = [s.get("message") for s in steps if s.get("source") == "agent"]
    extra = mapping(value.get("extra"))
    return ResultRow(
        case=case_id(
            first(extra, "task_id", "task_name", "case_id")
            or first(value, "task_id", "session_id", "trajectory_id")
        ),
        place=where,
        scores=_scores(extra) | _scores(value) or {"reward": UNSCORED},
        asks=text_of(asked),
        usage=TrialUsage(
            _total(metrics, own, "total_prompt_tokens", "prompt_tokens"),
            _total(metrics, own, "total_completion_tokens", "completion_tokens"),
            _total(metrics, own, "total_cached_tokens", "cached_tokens"),
        ),
        cost_usd=number(first(metrics, "total_cost_usd", "cost_usd")),
        output=text_of(answers[-1]) if answers else "",
    )


def _scores(data: Mapping[str, Json]) -> dict[str, Score]:
    found: dict[str, Score] = {}
    for name in _REWARDS:
        value = data.get(name)
        if isinstance(value, dict):
            found |= {key: score_of(each) for key, each in value.items()}
        elif value is not None:
            found[name] = score_of(value)
    return found


def _total(
    final: Mapping[str, Json], steps: list[dict[str, Json]], whole: str, part: str
) -> int | None:
    """Return the stated total, else the sum over the steps that state tokens."""
    stated = tokens(first(final, whole, part))
    if stated is not None:
        return stated
    counts = [tokens(step.get(part)) for step in steps if step]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None
