"""Braintrust datasets: rows of `{input, expected, metadata, tags}`.

A data set that tests a scorer holds an answer inside `input` and a grade as `expected`: then the
question is the case, the answer a trace, and the grade stays in the metadata.
"""

from typing import TYPE_CHECKING

from evalgate.importers.results.rows import mapping, objects_of, text_of
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
    texts,
    unique,
)

if TYPE_CHECKING:
    from evalgate.schema.base import Json
from evalgate.schema.trace import Trace


def convert(source: Source, options: ConvertOptions) -> Converted:
    """Convert a dataset of Braintrust."""
    rows = objects_of(source.document, "events", "data", "rows")
    ids = unique(named(text_of(row.get("id")), row.get("input")) for _, row in rows)
    cases, traces = [], []
    numbers = 0
    for (where, row), name in zip(rows, ids, strict=True):
        expected = row.get("expected")
        # A number is a label for a scorer, no answer of an agent.
        is_label = isinstance(expected, int | float)
        numbers += is_label
        asked, wanted = row.get("input"), None if is_label else expected
        if is_label and {"input", "output"} <= mapping(asked).keys():
            graded = mapping(asked)
            asked, wanted = graded["input"], graded.get("expected")
            traces.append(Trace(case_id=name, status="finished", output=text_of(graded["output"])))
        output = expected_answer(text_of(wanted), options.expect)
        metadata: dict[str, Json] = {"input": row.get("input"), "expected": expected}
        metadata |= {"metadata": mapping(row.get("metadata"))} if row.get("metadata") else {}
        cases.append(
            make_case(
                where,
                id=name,
                input=input_of(asked, where),
                expected=expectations(output),
                tags=texts(row.get("tags")),
                metadata=metadata,
            )
        )
    left = (
        (f"{numbers} `expected` that are numbers: labels for a scorer, kept in metadata",)
        if numbers
        else ()
    )
    notes: list[str] = []
    suite = answer_suite(cases, options, notes)
    return Converted(tuple(cases), suite, tuple(traces), left, tuple(notes))
