"""BFCL: counts of the data's README, and the verdicts of its own checker."""

from pathlib import Path
from typing import Any

import pytest

from evalgate.errors import DataError
from evalgate.importers.imported import Imported
from evalgate.importers.sources import read_source
from evalgate.importers.traces.bfcl import import_bfcl
from evalgate.matching import match
from evalgate.schema.base import Json
from evalgate.schema.golden import Message, OneOf
from evalgate.schema.trace import LlmCall, ToolCall, Trace, Unread
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
        ({"questions": None}, "/questions: is missing or null; expected a list"),
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


def _right(imported: Imported) -> list[bool]:
    expected = {case.id: case.expected.tool_calls or () for case in imported.cases}
    return [
        match(
            expected[trace.case_id],
            [step for step in trace.steps if isinstance(step, ToolCall)],
            "bfcl",
        ).matches
        for trace in imported.traces
    ]


@pytest.mark.parametrize("name", ["bfcl_prompt_mode", "bfcl_dots"])
def test_the_checker_accepts_what_was_called(name: str, shared_cases: Path) -> None:
    """Prompt mode writes Python; interfaces for calling functions allow no dots in a name."""
    path = shared_cases / "importers" / name / "q.questions.jsonl"
    assert [True] == _right(import_bfcl(read_source(path, "bfcl"), {}))


def test_prompt_mode_gives_the_verdicts_of_the_checker(shared_data: Path) -> None:
    """The same 400 answers, written as a model in prompt mode would: 378 are right."""
    files = {
        "questions": _lines(shared_data / "bfcl" / "simple_python.questions.jsonl"),
        "answers": _lines(shared_data / "bfcl" / "simple_python.answers.jsonl"),
        "results": [
            {**row, "result": f"[{', '.join(_as_python(call) for call in row['result'])}]"}
            for row in _objects(
                _lines(shared_data / "bfcl" / "simple_python.glyphh-ada-1.1.results.jsonl")
            )
        ],
    }
    assert 378 == sum(_right(import_bfcl(files, {})))


def _objects(rows: list[Json]) -> list[dict[str, Any]]:
    return [row for row in rows if isinstance(row, dict)]


def _as_python(call: dict[str, str]) -> str:
    ((name, arguments),) = call.items()
    given = loads(arguments.encode(), source="arguments")
    assert isinstance(given, dict)
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in given.items())})"


def _trace(result: Json) -> Trace:
    (trace,) = import_bfcl(_files(results=[{"id": "simple_0", "result": result}]), {}).traces
    return trace


@pytest.mark.parametrize(
    ("result", "calls"),
    [
        ("[add(a=1)]", [("add", {"a": 1})]),
        ("```python\n[add(a=-1.5, b='x')]\n```", [("add", {"a": -1.5, "b": "x"})]),
        ("add(a=[1, (2, 3)], b={'c': None})", [("add", {"a": [1, [2, 3]], "b": {"c": None}})]),
        ("[add(a=2 * 3), add(a=x)]", [("add", {"a": 6}), ("add", {"a": "x"})]),
        ("[add(a=1", [("add", "[add(a=1")]),
        ("I cannot do that.", []),
        ("[]", []),
        (["I will add.", {"add": "{}"}], [("add", {})]),
        ({"add": {"a": 1}}, [("add", {"a": 1})]),
        ("[add(a=__import__('os').system('true'))]", [("add", {"a": "__import__('os').system"})]),
    ],
)
def test_results_are_read(result: Json, calls: list[tuple[str, object]]) -> None:
    """Text, text that cannot be parsed, texts beside calls; nothing is ever run."""
    found = [(s.name, s.arguments) for s in _trace(result).steps if isinstance(s, ToolCall)]
    assert [name for name, _ in calls] == [name for name, _ in found]
    if "__import__" not in str(result):
        assert calls == found


@pytest.mark.parametrize("result", [5, None, [["x"]]])
def test_a_result_of_another_type_is_kept(result: Json) -> None:
    """It may have been a call."""
    assert any(isinstance(step, Unread) for step in _trace(result).steps)


def test_a_run_that_failed_is_a_failure() -> None:
    """The leaderboard's runner writes the error as the result."""
    assert "crashed" == _trace("Error during inference: timeout").status


@pytest.mark.parametrize("case_id", ["simple_java_3", "live_simple_javascript_1"])
def test_other_languages_are_named(case_id: str) -> None:
    """Their values are source text."""
    question: Json = {"id": case_id, "question": [[]], "function": []}
    with pytest.raises(DataError, match=f"found '{case_id}'; Java(Script)? is not supported"):
        import_bfcl(_files(questions=[question]), {})


def test_a_role_that_no_case_can_hold_is_named(shared_cases: Path) -> None:
    """With its place, and no bug of ours."""
    path = shared_cases / "importers" / "role.questions.jsonl"
    with pytest.raises(DataError, match="/questions/0: found 'function' as role"):
        import_bfcl(read_source(path, "bfcl"), {})


@pytest.mark.parametrize(
    ("category", "named"),
    [("simple_python", "simple_python_307: venue"), ("parallel", "parallel_152: mod")],
)
def test_values_of_another_type_than_declared_are_named(
    category: str, named: str, shared_data: Path
) -> None:
    """Two of the leaderboard's cases: the checker takes such values for names of variables."""
    found = _read(shared_data, category)
    note = next(note for note in found.notes if "another type" in note)
    case_id = named.partition(":")[0]
    (case,) = (case for case in found.cases if case.id == case_id)
    assert (True, True) == ("1 case allows values of" in note, f"({named})" in note)
    assert "ambiguous" in case.tags


def test_calls_that_may_be_taken_for_one_another_are_named(shared_data: Path) -> None:
    """Where the checker's first fit and the best pairing may differ."""
    note = next(note for note in _read(shared_data, "parallel").notes if "one another" in note)
    assert note.startswith("4 cases expect calls that may be taken for one another (parallel_96,")
