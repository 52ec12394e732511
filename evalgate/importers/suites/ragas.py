"""Ragas: rows of questions with references and contexts, and metric annotations.

Annotations are verdicts of a metric with a person's agreement: questions become cases, answers
become traces, and the agreement is kept for calibrating a judge.
"""

from typing import TYPE_CHECKING

from evalgate.importers.results.documents import JsonDocument
from evalgate.importers.results.rows import mapping, objects
from evalgate.importers.suites import rag
from evalgate.importers.suites.converted import (
    Converted,
    ConvertOptions,
    Source,
)

if TYPE_CHECKING:
    from evalgate.schema.base import Json


def convert(source: Source, options: ConvertOptions) -> Converted:
    """Convert a data set or annotations of Ragas."""
    document = source.document
    data = mapping(document.value) if isinstance(document, JsonDocument) else {}
    rows: list[Json] = []
    metrics: list[str] = []
    for metric, listed in data.items():
        if not isinstance(listed, list):
            continue
        for _, row in objects(listed, f"/{metric}"):
            asked = mapping(row.get("metric_input"))
            if not asked:
                return rag.convert(source, options)
            label = {
                "metric": metric,
                "verdict": row.get("metric_output"),
                "accepted": row.get("is_accepted"),
            }
            rows.append({**asked, "annotation": label})
        metrics.append(metric)
    if not rows:
        return rag.convert(source, options)
    made = rag.convert(Source(JsonDocument(rows), source.beside), options)
    left = tuple(
        f"the prompt and the people's edits of metric {metric!r}: verdicts and agreement are kept "
        "in metadata; calibrate a judge with `evalgate judge calibrate LABELS`"
        for metric in metrics
    )
    return Converted(made.cases, made.suite, made.traces, (*made.left_out, *left), made.notes)
