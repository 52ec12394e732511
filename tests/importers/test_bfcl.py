"""BFCL: counts of the data's README, and the verdicts of its own checker."""

from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.importers.bfcl import import_bfcl
from evalgate.importers.imported import Imported
from evalgate.matching import match
from evalgate.schema.base import Json
from evalgate.schema.golden import Message, OneOf
from evalgate.schema.trace import LlmCall, ToolCall
from evalgate.text.strict_json import loads


def _lines(path: Path) -> list[Json]:
    return [loads(line, source=path.name) for line in path.read_bytes().splitlines()]


def _read(folder: Path, category: str) -> Imported:
    stem = folder / "bfcl"
    files: dict[str, Json] = {
        "questions": _lines(stem / f"{category}.questions.jsonl"),
        "answers": _lines(stem / f"{category}.answers.jsonl"),
        "results": _lines(stem / f"{category}.glyphh-ada-1.1.results.jsonl"),
    }
    return import_bfcl(files, {})


@pytest.mark.parametrize(
    ("category", "cases", "valid"),
    [("simple_python", 400, 378), ("multiple", 200, 189), ("parallel", 200, 183)],
)
def test_the_checkers_verdicts_come_out(
    shared_data: Path, category: str, cases: int, valid: int
) -> None:
    """As many results are right as the Berkeley checker says."""
    imported = _read(shared_data, category)
    expected = {case.id: case.expected.tool_calls or () for case in imported.cases}
    right = sum(
        match(
            expected[trace.case_id],
            [step for step in trace.steps if isinstance(step, ToolCall)],
            "bfcl",
        ).matches
        for trace in imported.traces
    )
    assert (cases, cases, valid) == (len(expected), len(imported.traces), right)


def _files(**changes: Json) -> dict[str, Json]:
    parameters: Json = {"type": "dict", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    files: dict[str, Json] = {
        "questions": [
            {
                "id": "simple_0",
                "question": [[{"role": "user", "content": "Add"}]],
                "function": [{"name": "add", "parameters": parameters}],
            }
        ],
        "answers": [{"id": "simple_0", "ground_truth": [{"add": {"a": [1, 2], "b": ["x", ""]}}]}],
        "results": [
            {
                "id": "simple_0",
                "result": [{"add": '{"a": 1}'}, {"add": '{"a": '}],
                "input_token_count": 630,
                "output_token_count": 54,
                "latency": 4.25,
            }
        ],
    }
    return files | changes


def test_an_answer_becomes_rules() -> None:
    """All allowed values, an empty one meaning that the parameter may be left out."""
    imported = import_bfcl(_files(), {"model": "m"})
    (case,), (trace,) = imported.cases, imported.traces
    (call,) = case.expected.tool_calls or ()
    assert (Message(role="user", content="Add"),) == case.input
    assert ("bfcl", "simple") == case.tags
    assert {
        "a": OneOf(rule="one_of", values=(1, 2)),
        "b": OneOf(rule="one_of", values=("x", ""), or_absent=True),
    } == call.rules
    assert call.parameters is not None
    assert "dict" == call.parameters["type"]
    model, first, broken = trace.steps
    assert isinstance(model, LlmCall)
    assert ("m", 630, 54, 4.25) == (
        model.model,
        model.input_tokens,
        model.output_tokens,
        trace.duration,
    )
    assert isinstance(first, ToolCall)
    assert {"a": 1} == first.arguments
    assert isinstance(broken, ToolCall)
    assert ('{"a": ', "unparsable") == (broken.arguments, broken.error)


def test_a_result_that_is_no_list_is_a_text_without_calls() -> None:
    """What could not be decoded as calls was said, not called."""
    results: Json = [{"id": "simple_0", "result": "I cannot do that."}]
    (trace,) = import_bfcl(_files(results=results), {}).traces
    assert ("I cannot do that.", 1) == (trace.output, len(trace.steps))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answers": []}, "/questions/0/id: found 'simple_0', to which there is no answer"),
        ({"questions": None}, "/questions: found None; expected a list"),
        ({"results": [{"id": "x"}]}, "/results/0/id: found 'x', which is no question"),
        (
            {"answers": [{"id": "simple_0", "ground_truth": [{"sub": {}}]}]},
            "/answers/0/ground_truth: found 'sub', which is no function of the case",
        ),
    ],
)
def test_files_that_do_not_fit_are_refused(changes: dict[str, Json], message: str) -> None:
    """The message points at the place."""
    with pytest.raises(DataError) as caught:
        import_bfcl(_files(**changes), {})
    assert message in caught.value.message


def test_questions_alone_are_a_golden_set() -> None:
    """Results may be missing."""
    files = _files()
    del files["results"]
    assert (1, 0) == (len(import_bfcl(files, {}).cases), len(import_bfcl(files, {}).traces))
