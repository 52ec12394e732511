"""LangSmith datasets: `{examples: [{inputs, outputs}]}`, JSON lines or CSV."""

from collections.abc import Mapping
from typing import Final

from evalgate.importers.results.documents import TableDocument
from evalgate.importers.results.rows import first, mapping, objects_of, text_of
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
from evalgate.schema.golden import Case

_QUESTIONS: Final = ("question", "input", "query", "messages", "user_input", "prompt")
_ANSWERS: Final = ("answer", "output", "expected", "reference", "response", "expected_output")


def convert(source: Source, options: ConvertOptions) -> Converted:
    """Convert a dataset of LangSmith."""
    rows = objects_of(source.document, "examples", "data")
    if isinstance(source.document, TableDocument):
        rows = [(where, _nested(row)) for where, row in rows]
    ids = unique(named(text_of(row.get("id")), row.get("inputs")) for _, row in rows)
    cases = []
    left: dict[str, None] = {}
    for (where, row), name in zip(rows, ids, strict=True):
        cases.append(_case(row, name, where, options, left))
    notes: list[str] = []
    return Converted(
        tuple(cases),
        answer_suite(cases, options, notes),
        left_out=tuple(left),
        notes=tuple(notes),
    )


def _nested(row: Mapping[str, Json]) -> dict[str, Json]:
    """Put columns `inputs.X`, `outputs.X` (or `input_X`, `output_X`) under their heads."""
    heads = {"inputs": ("inputs.", "input_"), "outputs": ("outputs.", "reference.", "output_")}
    nested: dict[str, Json] = {}
    for head, starts in heads.items():
        inner: dict[str, Json] = {
            name.removeprefix(start): value
            for name, value in row.items()
            for start in starts
            if name.startswith(start)
        }
        plain = first(row, head, head.removesuffix("s"))
        nested[head] = inner or plain
    if nested["inputs"] is None:
        nested["inputs"] = first(row, *_QUESTIONS)
    if nested["outputs"] is None:
        nested["outputs"] = first(row, *_ANSWERS)
    return {**nested, "id": row.get("id"), "metadata": row.get("metadata")}


def _case(
    row: Mapping[str, Json],
    name: str,
    where: str,
    options: ConvertOptions,
    left: dict[str, None],
) -> Case:
    inputs, outputs = row.get("inputs"), row.get("outputs")
    asked = first(mapping(inputs), *_QUESTIONS) if isinstance(inputs, dict) else inputs
    given = mapping(outputs)
    answer = first(given, *_ANSWERS) if given else outputs
    if answer is None and len(given) == 1:
        (answer,) = given.values()
    if given and not isinstance(answer, str):
        left.setdefault(
            f"outputs ({', '.join(given)}) that are no answer in words: kept in metadata, not "
            "expected of the agent"
        )
        answer = None
    if row.get("attachments"):
        left.setdefault("attachments of examples")
    split = first(mapping(row.get("metadata")), "dataset_split") or row.get("split")
    tags = [text_of(tag) for tag in (split if isinstance(split, list) else [split]) if tag]
    return make_case(
        where,
        id=name,
        input=input_of(asked if asked is not None else inputs, where),
        expected=expectations(expected_answer(text_of(answer), options.expect)),
        tags=tags,
        metadata={
            "inputs": inputs,
            **({"outputs": outputs} if outputs is not None else {}),
            **({"metadata": row["metadata"]} if row.get("metadata") else {}),
        },
    )
