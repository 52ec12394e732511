"""The published schemas follow the models, and accept what the models accept."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from evalgate.schema.base import Json
from evalgate.schema.golden import Case
from evalgate.schema.published import PUBLISHED, schema_of, schema_text

_FOLDER = Path(__file__).resolve().parents[2] / "evalgate" / "schema" / "json"


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_file_follows_the_model(name: str) -> None:
    """Run `python scripts/publish_schemas.py` after changing a model."""
    assert schema_text(name) == (_FOLDER / f"{name}.json").read_text(encoding="utf-8")


def test_no_file_is_left_over() -> None:
    """A schema that is published no more has no file."""
    assert sorted(PUBLISHED) == sorted(path.stem for path in _FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_each_is_a_schema(name: str) -> None:
    """It holds against the meta-schema of draft 2020-12, and refuses unknown keys."""
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    assert schema.get("additionalProperties") is False


_SCHEMA = Draft202012Validator(schema_of("golden-1"))


def _one_of(*values: Json) -> st.SearchStrategy[Json]:
    return st.sampled_from(values)


_VALUES = (
    _one_of(None, True, False, 0, 1, -1, 0.5, 1.0, "", "x", "exact", "block", "draft")  # noqa: FBT003 - values
    | _one_of([], ["x"], {}, [[]], {"a": 1}, {"turns": ["x"]}, {"turns": []})
    | _one_of([{"role": "user", "content": "x"}], [{"name": "f"}], [{"name": ""}])
    | _one_of({"rule": "ignore"}, {"rule": "one_of", "values": [1]}, {"value": 1, "abs_tol": -1})
    | _one_of({"rule": "numeric", "abs_tol": 1})
)
_OUTPUT = st.dictionaries(
    st.sampled_from(["equals", "contains", "regex", "json_schema", "numeric", "ignore_case", "no"]),
    _VALUES,
    max_size=2,
)
_CALL = st.fixed_dictionaries(
    {"name": st.sampled_from(["f", "", 1])},
    optional={
        "arguments": _VALUES,
        "rules": _VALUES | st.dictionaries(st.just("a"), _VALUES, max_size=1),
        "optional": _VALUES,
        "compare_args": _VALUES,
        "requestor": st.sampled_from(["user", "assistant", "tool"]),
        "parameters": _VALUES,
    },
)
_EXPECTED = st.fixed_dictionaries(
    {},
    optional={
        "output": _OUTPUT | _VALUES,
        "tool_calls": st.lists(_CALL, max_size=2) | _VALUES,
        "tool_match": _VALUES | st.just("superset"),
        "final_state": _VALUES,
        "refusal": _VALUES,
        "guardrail": _VALUES,
        "scores": _VALUES,
    },
)
_DOCUMENTS = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "", 1, "x" * 201]), "input": _VALUES},
    optional={
        "expected": _EXPECTED | _VALUES,
        "contexts": _VALUES,
        "must_pass": _VALUES,
        "weight": _VALUES,
        "cluster": _VALUES,
        "human_minutes": _VALUES,
        "status": _VALUES,
        "metadata": _VALUES,
        "unknown": _VALUES,
    },
)


def _accepted(document: Json) -> bool:
    """Whether the model accepts a document; rules between fields, which no schema states, aside."""
    try:
        Case.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        return all(item["type"] == "value_error" for item in error.errors())
    return True


@settings(max_examples=400)
@given(document=_DOCUMENTS)
def test_schema_and_model_accept_the_same_cases(document: Json) -> None:
    """What the published schema says of a case is what evalgate does."""
    assert _accepted(document) == _SCHEMA.is_valid(document)
