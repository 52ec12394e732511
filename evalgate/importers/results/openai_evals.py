"""Logs of OpenAI Evals (`oaieval --record_path`): one case a sample id.

An event of type `match` holds `correct`; `metrics` holds numbers; `sampling` holds the answer and
its tokens. A log without `final_report` was cut off.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from evalgate.importers.results.documents import Document, LinesDocument
from evalgate.importers.results.rows import (
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
    passed,
    score_of,
    text_of,
    tokens,
    unexpected,
)
from evalgate.schema.base import Json
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Score

_HEADS: Final = ("spec", "final_report", "run_config")


@dataclass(slots=True)
class _Sample:
    """What the events of one sample say."""

    place: str
    scores: dict[str, Score] = field(default_factory=dict)
    asks: str = ""
    output: str = ""
    error: str | None = None
    sent: list[int | None] = field(default_factory=list)
    made: list[int | None] = field(default_factory=list)


def detect(document: Document) -> bool:
    """Say whether the document is a log of OpenAI Evals."""
    if not isinstance(document, LinesDocument):
        return False
    rows = [mapping(row) for _, row in document.values[:20]]
    return any("spec" in row and "run_id" in mapping(row["spec"]) for row in rows) or any(
        {"sample_id", "event_id", "type", "data"} <= row.keys() for row in rows
    )


def read(document: Document, options: ReadOptions) -> Results:  # noqa: ARG001  # one contract
    """Read a log of OpenAI Evals."""
    if not isinstance(document, LinesDocument):
        raise unexpected(None, "", "JSON lines")
    samples: dict[str, _Sample] = {}
    head = ""
    report: Mapping[str, Json] | None = None
    for line, value in document.values:
        if not isinstance(value, dict):
            raise unexpected(value, f"line {line}", "an event, one a line")
        if "final_report" in value:
            report = mapping(value["final_report"])
        if "spec" in value:
            head = f"{text_of(mapping(value['spec']).get('base_eval'))}."
        if any(name in value for name in _HEADS):
            continue
        # Samples are numbered under the eval's name, which is not what a case is about.
        case = case_id(text_of(value.get("sample_id")).removeprefix(head))
        if not case:
            continue  # an event of the run, not of a sample
        _take(samples.setdefault(case, _Sample(f"line {line}")), value)
    rows = tuple(_row(case, sample) for case, sample in samples.items())
    notes = [] if report is not None else ["the log has no final_report: it was cut off"]
    if report is not None and "accuracy" in report:
        notes.append(f"the file says accuracy {text_of(report['accuracy'])}")
    kinds = {
        name: ScoreKind(direction=None) for row in rows for name in row.scores if name != SUCCESS
    }
    return Results(rows, kinds, errors=True, notes=tuple(notes))


def _take(sample: _Sample, event: Mapping[str, Json]) -> None:
    data = mapping(event.get("data"))
    match event.get("type"):
        case "match":
            found = passed(data.get("correct"))
            known = sample.scores.get(SUCCESS)
            # A second match of a sample must agree; both right is right.
            both = known is None or known == found
            sample.scores[SUCCESS] = found if both else _both(known, found)
        case "metrics":
            sample.scores |= {name: score_of(value) for name, value in data.items()}
        case "sampling":
            sample.asks = sample.asks or text_of(data.get("prompt"))
            answers = data.get("sampled")
            last = items(answers)[-1] if items(answers) else answers
            sample.output = text_of(last)
            usage = mapping(data.get("usage"))
            sample.sent.append(tokens(usage.get("prompt_tokens")))
            sample.made.append(tokens(usage.get("completion_tokens")))
        case "error":
            sample.error = text_of(first(data, "error", "message") or data) or "error"
        case _:
            pass


def _both(one: Score | None, other: Score) -> Score:
    values = [getattr(score, "value", None) for score in (one, other)]
    return UNSCORED if None in values else (other if values[1] == 0.0 else one or other)


def _row(case: str, sample: _Sample) -> ResultRow:
    scores = dict(sample.scores)
    if sample.error is not None:
        scores = {name: broken(sample.error) for name in scores or (SUCCESS,)}
    return ResultRow(
        case=case,
        place=sample.place,
        scores=scores or {SUCCESS: UNSCORED},
        asks=sample.asks,
        error=sample.error,
        usage=TrialUsage(_sum(sample.sent), _sum(sample.made)),
        output=sample.output,
    )


def _sum(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None
