"""Langfuse datasets: items of `{id, input, expectedOutput, metadata, status}`."""

from typing import TypeGuard

from evalgate.importers.results.rows import first, objects_of, text_of
from evalgate.importers.suites.converted import (
    Converted,
    ConvertOptions,
    Source,
    answer_suite,
    expectations,
    expected_answer,
    input_of,
    make_case,
    named,
    unique,
)
from evalgate.schema.base import Json
from evalgate.text.counts import number_of


def convert(source: Source, options: ConvertOptions) -> Converted:
    """Convert a dataset of Langfuse; archived items are left out, and said."""
    rows = objects_of(source.document, "data", "items", "datasetItems")
    kept = [(where, row) for where, row in rows if text_of(row.get("status")) != "ARCHIVED"]
    ids = unique(named(text_of(row.get("id")), row.get("input")) for _, row in kept)
    cases = []
    for (where, row), name in zip(kept, ids, strict=True):
        expected = first(row, "expectedOutput", "expected_output")
        # An object with one text is an answer with a name.
        inner = next(iter(expected.values())) if _is_named(expected) else expected
        cases.append(
            make_case(
                where,
                id=name,
                input=input_of(row.get("input"), where),
                expected=expectations(expected_answer(text_of(inner), options.expect)),
                metadata={
                    key: row[key]
                    for key in ("input", "expectedOutput", "expected_output", "metadata")
                    if row.get(key) is not None
                },
            )
        )
    archived = len(rows) - len(kept)
    notes: list[str] = []
    suite = answer_suite(cases, options, notes)
    left = (f"{number_of(archived, 'archived item')}",) if archived else ()
    return Converted(tuple(cases), suite, left_out=left, notes=tuple(notes))


def _is_named(expected: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(expected, dict) and len(expected) == 1
