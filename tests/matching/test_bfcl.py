"""Preset `bfcl`, held against the verdicts of the leaderboard's own checker."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evalgate.matching import compile_expected, match
from evalgate.schema.golden import ExpectedCall
from evalgate.schema.trace import ToolCall


def _expected(truth: list[dict[str, Any]], functions: list[dict[str, Any]]) -> list[ExpectedCall]:
    """Read a ground truth: allowed values of each parameter, `""` where it may be left out."""
    schemas = {function["name"]: function["parameters"] for function in functions}
    return [
        ExpectedCall.model_validate(
            {
                "name": name,
                "rules": {
                    key: {"rule": "one_of", "values": values, "or_absent": "" in values}
                    for key, values in parameters.items()
                },
                "parameters": schemas[name],
            }
        )
        for call in truth
        for name, parameters in call.items()
    ]


def _made(calls: list[dict[str, Any]]) -> list[ToolCall]:
    """Read calls `{name: arguments}`, the arguments as an object or as JSON text."""
    return [
        ToolCall(
            name=name,
            arguments=json.loads(arguments) if isinstance(arguments, str) else arguments,
        )
        for call in calls
        for name, arguments in call.items()
    ]


def _lines(file: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in map(json.loads, file.read_text().splitlines())}


# Valid by BFCL's own checker: the table of the data's README.
@pytest.mark.parametrize(
    ("category", "valid", "total"),
    [("simple_python", 378, 400), ("multiple", 189, 200), ("parallel", 183, 200)],
)
def test_a_real_models_answers(shared_data: Path, category: str, valid: int, total: int) -> None:
    """As many answers are valid as the leaderboard's checker finds."""
    folder = shared_data / "bfcl"
    questions = _lines(folder / f"{category}.questions.jsonl")
    answers = _lines(folder / f"{category}.answers.jsonl")
    results = _lines(folder / f"{category}.glyphh-ada-1.1.results.jsonl")
    found = [
        match(
            _expected(answers[case]["ground_truth"], questions[case]["function"]),
            _made(row["result"]),
            "bfcl",
        ).matches
        for case, row in results.items()
    ]
    assert (valid, total) == (sum(found), len(found))


def test_every_mutation_has_the_checkers_verdict(shared_data: Path) -> None:
    """All 3,606 mutated candidates are judged as the leaderboard's checker judges them."""
    differing: Counter[str] = Counter()
    rows = (shared_data / "bfcl" / "mutations.jsonl").read_text().splitlines()
    for row in map(json.loads, rows):
        expected = _expected(row["ground_truth"], row["functions"])
        if match(expected, _made(row["candidate"]), "bfcl").matches != row["valid"]:
            differing[row["mutation"]] += 1
    assert (3606, {}) == (len(rows), dict(differing))


def _right(kind: dict[str, Any], values: list[Any], given: dict[str, Any]) -> bool:
    schema = {"type": "dict", "properties": {"p": kind}, "required": []}
    expected = _expected([{"f": {"p": values}}], [{"name": "f", "parameters": schema}])
    return match(expected, _made([{"f": given}]), "bfcl").matches


_FLOATS = {"type": "array", "items": {"type": "float"}}
_OBJECTS = {"type": "array", "items": {"type": "dict"}}
_TUPLE = {"type": "tuple", "items": {"type": "float"}}


@pytest.mark.parametrize(
    ("kind", "values", "given", "right"),
    [
        ({"type": "float"}, [5.0], {"p": 5}, True),
        ({"type": "float"}, [5], {"p": 5.0}, True),
        ({"type": "float"}, [5], {"p": 10**400}, False),
        ({"type": "integer"}, [5], {"p": 5.0}, False),
        ({"type": "integer"}, [1], {"p": True}, False),
        ({"type": "boolean"}, [True], {"p": 1}, False),
        ({"type": "float"}, [None], {"p": None}, True),
        ({"type": "string"}, ["New York, N.Y."], {"p": "new-york ny"}, True),
        ({"type": "string"}, ["it's"], {"p": 'it"s'}, True),
        ({"type": "string"}, ["a"], {"p": "a\t"}, False),
        ({"type": "string"}, ["a", ""], {}, True),
        ({"type": "string"}, ["a"], {}, False),
        ({"type": "string"}, ["a", ""], {"p": ""}, True),
        ({"type": "integer"}, [3, ""], {"p": ""}, False),
        ({"type": "string"}, [True], {"p": True}, True),
        ({"type": "integer"}, ["my_var"], {"p": "my_var"}, True),
        ({"type": "integer"}, ["my_var"], {"p": "MY VAR"}, False),
        ({"type": "any"}, ["data"], {"p": "Data"}, True),
        (_FLOATS, [[1.0, 2.0]], {"p": [1.0, 2.0]}, True),
        (_FLOATS, [[1.0, 2.0]], {"p": [1, 2]}, False),
        (_FLOATS, [[1, 2]], {"p": [1, 2]}, True),
        (_FLOATS, [[1.0], ""], {"p": []}, True),
        (_TUPLE, [[1.0, 2.0]], {"p": [1.0, 2.0]}, True),
        (_TUPLE, [[1.0, 2.0]], {"p": [2.0, 1.0]}, False),
        ({"type": "dict"}, [{"a": [1], "b": ["x", ""]}], {"p": {"a": 1}}, True),
        ({"type": "dict"}, [{"a": [1], "b": ["x", ""]}], {"p": {"a": 1, "b": "X."}}, True),
        ({"type": "dict"}, [{"a": [1]}], {"p": {}}, False),
        ({"type": "dict"}, [{"a": [1]}], {"p": {"a": 1, "c": 1}}, False),
        ({"type": "dict"}, [{"a": [1]}], {"p": {"a": True}}, False),
        ({"type": "dict"}, [{"a": [["x y"]]}], {"p": {"a": ["x y"]}}, True),
        (_OBJECTS, [[{"a": [1]}, {"a": [2, 3]}]], {"p": [{"a": 1}, {"a": 3}]}, True),
        (_OBJECTS, [[{"a": [1]}, {"a": [2]}]], {"p": [{"a": 2}, {"a": 1}]}, False),
        (_OBJECTS, [[{"a": [1]}]], {"p": [{"a": 1}, {"a": 1}]}, False),
        (_OBJECTS, [""], {"p": []}, True),
        ({"type": "string"}, ["a"], {"p": "a", "q": 1}, False),
    ],
)
def test_the_rules_one_by_one(
    *, kind: dict[str, Any], values: list[Any], given: dict[str, Any], right: bool
) -> None:
    """Types, texts, arrays and objects compare as the preset's description says."""
    assert right == _right(kind, values, given)


def test_a_required_parameter_is_never_left_out() -> None:
    """What the schema requires must be given, even where `""` is allowed."""
    schema = {"type": "dict", "properties": {"p": {"type": "string"}}, "required": ["p"]}
    expected = _expected([{"f": {"p": ["a", ""]}}], [{"name": "f", "parameters": schema}])
    assert not match(expected, _made([{"f": {}}]), "bfcl").matches
    assert match(expected, _made([{"f": {"p": ""}}]), "bfcl").matches


def test_parallel_calls_are_assigned_optimally() -> None:
    """A call that fits two expectations does not take the place of one that fits only one."""
    schema = {"type": "dict", "properties": {"p": {"type": "integer"}}, "required": ["p"]}
    truth = [{"f": {"p": [1, 2]}}, {"f": {"p": [1]}}]
    expected = _expected(truth, [{"name": "f", "parameters": schema}])
    assert match(expected, _made([{"f": {"p": 1}}, {"f": {"p": 2}}]), "bfcl").matches


_SCHEMA = {"properties": {"p": {"type": "string"}}, "required": ["p"]}
_ONE = {"p": {"rule": "one_of", "values": ["a"]}}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"rules": _ONE}, "needs the tool's schema in `parameters`"),
        ({"rules": _ONE, "parameters": {"properties": 1}}, "needs the tool's schema"),
        ({"parameters": _SCHEMA}, "required parameter 'p' has no allowed values"),
        (
            {"arguments": {"p": "a", "q": 1}, "parameters": _SCHEMA},
            "values for 'q', but the schema has ['p']",
        ),
        (
            {"rules": {"p": {"rule": "regex", "pattern": "a"}}, "parameters": _SCHEMA},
            "knows the rules 'one_of' and 'exact', not 'regex'",
        ),
        (
            {"rules": _ONE, "parameters": {"properties": {"p": {"type": "date"}}}},
            "type 'date' of 'p' is none of",
        ),
        ({"rules": _ONE, "parameters": {"properties": {"p": {"type": "array"}}}}, "type None of"),
        ({"rules": _ONE, "parameters": _SCHEMA, "optional": True}, "knows no `optional`"),
        ({"arguments": {"p": "a"}, "parameters": _SCHEMA, "compare_args": ["p"]}, "knows no"),
    ],
)
def test_a_ground_truth_that_cannot_be_checked_is_an_error(
    call: dict[str, Any], words: str
) -> None:
    """Without schema, type or allowed values there is no verdict."""
    expected = ExpectedCall.model_validate({"name": "f", **call})
    with pytest.raises(ValueError, match=r"expected call 0 \('f'\): preset 'bfcl'") as caught:
        compile_expected([expected], "bfcl")
    assert words in str(caught.value)
