"""Rows of question, answer, contexts and ground truth: faithfulness without an expected answer.

Contexts are the texts an answer must be faithful to; answers that the file brings along become
traces, so that they can be judged without running anything.
"""

from collections.abc import Mapping
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.results.rows import items, mapping, objects_of, text_of
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
from evalgate.schema.base import Json
from evalgate.schema.trace import Trace
from evalgate.text.counts import number_of
from evalgate.text.suggest import did_you_mean

ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "question": ("question", "user_input", "query", "input", "prompt"),
    "answer": ("answer", "response", "actual_output", "output", "prediction", "generated_answer"),
    "contexts": (
        *("contexts", "retrieved_contexts", "retrieval_context", "context", "documents"),
        *("passages", "reference_contexts", "source_documents"),
    ),
    "ground_truth": (
        *("ground_truth", "ground_truths", "reference", "expected_answer", "expected_output"),
        *("reference_answer", "gold_answer", "expected"),
    ),
    "id": ("id", "question_id", "case_id", "sample_id"),
}
"""Columns by role, as tools name them; the first that is there counts."""


def convert(source: Source, options: ConvertOptions) -> Converted:
    """Convert rows of a retrieval set."""
    rows = objects_of(source.document, "rows", "data", "samples", "examples")
    if not rows:
        raise DataError("found no row; expected questions")
    columns = _columns(dict.fromkeys(name for _, row in rows for name in row), options)
    if "question" not in columns:
        raise DataError(
            f"found the columns {[*dict.fromkeys(n for _, row in rows for n in row)]!r} and none "
            "that holds the question",
            fix="say which: --column question=NAME",
        )
    ids = unique(
        named(text_of(row.get(columns.get("id", ""))), _one_line(row.get(columns["question"])))
        for _, row in rows
    )
    cases = []
    traces = []
    for (where, row), name in zip(rows, ids, strict=True):
        truth = text_of(_single(row.get(columns.get("ground_truth", ""))))
        rest = {k: v for k, v in row.items() if k not in columns.values() and v not in (None, "")}
        cases.append(
            make_case(
                where,
                id=name,
                input=input_of(_turns(row.get(columns["question"])), where),
                expected=expectations(expected_answer(truth, options.expect)),
                contexts=texts(row.get(columns.get("contexts", ""))),
                metadata=rest,
            )
        )
        answer = text_of(row.get(columns.get("answer", "")))
        if answer.strip():
            traces.append(Trace(case_id=name, status="finished", output=answer))
    notes = [
        "columns: " + ", ".join(f"{role} {column!r}" for role, column in columns.items()),
    ]
    bare = sum(not case.contexts for case in cases)
    if bare:
        notes.append(
            f"{number_of(bare, 'case has', 'cases have')} no contexts: faithfulness needs "
            "those of the agent's trace"
        )
    suite = answer_suite(cases, options, notes)
    if bare == len(cases):
        suite["groundedness"] = "trace"
    left = (
        (f"{number_of(len(cases) - len(traces), 'row')} without an answer: no trace of them",)
        if traces and len(traces) < len(cases)
        else ()
    )
    return Converted(tuple(cases), suite, tuple(traces), left, tuple(notes))


def _columns(names: Mapping[str, None], options: ConvertOptions) -> dict[str, str]:
    for role, column in options.columns.items():
        if role not in ROLES or column not in names:
            wrong, known = (role, list(ROLES)) if role not in ROLES else (column, list(names))
            raise DataError(
                f"--column {role}={column}: {wrong!r} is not there{did_you_mean(wrong, known)}; "
                f"found {known!r}",
                fix="--column question=NAME",
            )
    lower = {name.strip().lower().replace(" ", "_"): name for name in reversed(list(names))}
    guessed = {
        role: next(lower[name] for name in known if name in lower)
        for role, known in ROLES.items()
        if any(name in lower for name in known)
    }
    return {**guessed, **options.columns}


def _single(value: Json) -> Json:
    """Take the first of several ground truths; the others are kept by nobody who compares."""
    listed = items(value)
    return listed[0] if listed else (None if isinstance(value, list) else value)


def _turns(value: Json) -> Json:
    """Return chat messages where Ragas wrote a conversation, else the text as it is."""
    if isinstance(value, str):
        return value.strip("\n")
    roles = {"human": "user", "ai": "assistant", "tool": "tool", "system": "system"}
    talk: list[Json] = []
    for row in map(mapping, items(value)):
        role = text_of(row.get("role") or row.get("type"))
        talk.append({"role": roles.get(role, role), "content": text_of(row.get("content"))})
    return talk or value


def _one_line(value: Json) -> str:
    return text_of(value).strip()
