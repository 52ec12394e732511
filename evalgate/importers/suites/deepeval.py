"""DeepEval goldens, single- and multi-turn, as JSON, JSON lines or CSV; test cases of a run too."""

import json
from collections.abc import Mapping

from evalgate.importers.results.documents import JsonDocument
from evalgate.importers.results.rows import first, items, mapping, objects_of, text_of
from evalgate.importers.suites.converted import (
    JUDGE_MODEL,
    Converted,
    ConvertOptions,
    Source,
    answer_suite,
    expected_answer,
    input_of,
    make_case,
    named,
    texts,
    unique,
)
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Expected, ExpectedCall, Script
from evalgate.schema.trace import Trace
from evalgate.text.strict_json import Parsed, parse


def convert(source: Source, options: ConvertOptions) -> Converted:
    """Convert goldens, or the test cases of a run; actual outputs become traces."""
    document = source.document
    if isinstance(document, JsonDocument) and (run := mapping(document.value).get("testRunData")):
        document = JsonDocument(run)
    rows = objects_of(document, "goldens", "data", "conversational_goldens", "testCases")
    ids = unique(
        named(text_of(row.get("name")), first(row, "input", "scenario")) for _, row in rows
    )
    cases, traces = [], []
    left: dict[str, None] = {}
    for (where, row), name in zip(rows, ids, strict=True):
        talk = first(row, "scenario") is not None and row.get("input") is None
        make = _conversation if talk else _single
        cases.append(make(row, name, where, options, left))
        answer = text_of(first(row, "actual_output", "actualOutput"))
        if answer.strip():
            traces.append(Trace(case_id=name, status="finished", output=answer))
    notes: list[str] = []
    suite = answer_suite(cases, options, notes)
    if any(case.expected.criteria for case in cases):
        _ask_for_outcomes(suite)
    return Converted(tuple(cases), suite, tuple(traces), tuple(left), tuple(notes))


def _single(
    row: Mapping[str, Json],
    name: str,
    where: str,
    options: ConvertOptions,
    left: dict[str, None],
) -> Case:
    if first(row, "tools_called", "toolsCalled"):
        left.setdefault(
            "tools that were called: the agent's own calls are judged, not recorded ones"
        )
    answer = text_of(first(row, "expected_output", "expectedOutput"))
    tools = _cell(first(row, "expected_tools", "expectedTools"))
    calls = tuple(_call(mapping(tool)) for tool in items(tools)) or None
    return make_case(
        where,
        id=name,
        input=input_of(row.get("input"), where),
        expected=Expected(
            output=expected_answer(answer, options.expect),
            tool_calls=calls,
        ),
        # `context` is the truth; `retrieval_context` is what a retriever once found.
        contexts=texts(row.get("context"))
        or texts(first(row, "retrieval_context", "retrievalContext")),
        metadata=_metadata(row),
    )


def _conversation(
    row: Mapping[str, Json],
    name: str,
    where: str,
    options: ConvertOptions,  # noqa: ARG001  # one contract
    left: dict[str, None],
) -> Case:
    turns = [mapping(turn) for turn in items(_cell(row.get("turns")))]
    said = tuple(
        text
        for turn in turns
        if turn.get("role") == "user" and (text := text_of(turn.get("content")))
    )
    left.setdefault(
        "`scenario` and `user_description` of conversations: kept in metadata; a case's `user` "
        "lets a model play them"
    )
    outcome = text_of(row.get("expected_outcome")).strip()
    if any(turn.get("role") == "assistant" for turn in turns):
        left.setdefault("recorded answers of the assistant between the user's turns")
    return make_case(
        where,
        id=name,
        input=Script(turns=said) if said else input_of(row.get("scenario"), where),
        expected=Expected(criteria=(outcome,)) if outcome else Expected(),
        contexts=texts(row.get("context")),
        metadata=_metadata(row),
    )


def _metadata(row: Mapping[str, Json]) -> dict[str, Json]:
    kept = ("comments", "source_file", "additional_metadata", "scenario", "user_description")
    return {key: row[key] for key in kept if row.get(key)}


def _ask_for_outcomes(suite: dict[str, Json]) -> None:
    """Add a judge of whole conversations; the outcome of each is its criterion."""
    judge: Json = {
        "kind": "rubric",
        "model": JUDGE_MODEL,
        "shows": "conversation",
        "metrics": ["outcome_reached"],
    }
    suite["judges"] = {**mapping(suite.get("judges")), "outcome": judge}
    gates = mapping(mapping(suite.get("gate")).get("metrics"))
    suite["gate"] = {"metrics": {**gates, "outcome_reached": "standard"}}


def _cell(value: Json) -> Json:
    """Read JSON that stands in a cell of a table as a text."""
    if not isinstance(value, str):
        return value
    found = parse(value) if value.strip() else None
    return found.value if isinstance(found, Parsed) else None


def _call(tool: Mapping[str, Json]) -> ExpectedCall:
    """Expect a call: by name, and by its arguments where the golden has some."""
    arguments = mapping(first(tool, "input_parameters", "inputParameters"))
    plain = json.loads(json.dumps(arguments))
    return ExpectedCall(
        name=text_of(tool.get("name")) or "tool",
        arguments=plain,
        compare_args=None if plain else (),
    )
