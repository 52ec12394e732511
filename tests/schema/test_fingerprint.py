"""Digests change when what is asked or the policy changes, and only then."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.schema.base import Json
from evalgate.schema.fingerprint import case_digest, case_digests, golden_digest
from evalgate.schema.golden import Case

_BASE: dict[str, Json] = {
    "id": "refund",
    "input": "Refund order 7",
    "expected": {
        "output": {"contains": ["7"], "numeric": {"value": 12}},
        "tool_calls": [{"name": "refund", "arguments": {"order": 7, "all": True}}],
    },
    "must_pass": True,
}


def _case(**changes: Json) -> Case:
    return Case.model_validate(_BASE | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"input": "Refund order 8"},
        {"input": [{"role": "user", "content": "Refund order 7"}]},
        {"expected": {}},
        {"expected": {"tool_calls": []}},
        {"expected": {"tool_calls": [{"name": "refund", "arguments": {"order": 7, "all": 1}}]}},
        {"contexts": ["Refunds take a day"]},
        {"must_pass": False},
        {"zero_tolerance": True},
        {"weight": 0.5},
        {"cluster": "refunds"},
        {"status": "draft"},
    ],
)
def test_a_changed_question_or_policy_is_another_case(changes: dict[str, Json]) -> None:
    """Whatever can change a verdict changes the digest."""
    assert case_digest(_case()) != case_digest(_case(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "refund-2"},
        {"tags": ["a"]},
        {"human_minutes": 3},
        {"metadata": {"note": "x"}},
        {"weight": 1, "contexts": [], "cluster": None, "status": "reviewed"},
    ],
)
def test_a_description_is_no_part_of_the_question(changes: dict[str, Json]) -> None:
    """Neither id, labels and notes nor defaults that are spelled out change the digest."""
    assert case_digest(_case()) == case_digest(_case(**changes))


def test_numbers_count_by_value() -> None:
    """12 and 12.0 ask the same; nothing to call differs from no expectation about calls."""
    spelled = json.loads(json.dumps(_BASE).replace('"value": 12', '"value": 12.0'))
    assert case_digest(_case()) == case_digest(Case.model_validate(spelled))


@given(order=st.permutations(range(5)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    """A shuffled golden set is the same golden set."""
    rows = [(f"case-{index}", f"{index:016x}") for index in range(5)]
    assert golden_digest(dict(rows)) == golden_digest(dict(rows[index] for index in order))


def test_a_golden_set_is_its_ids_and_cases() -> None:
    """A removed, renamed or swapped case makes another set."""
    one, two = _case(id="a"), _case(id="b", input="other")
    swapped = (_case(id="b"), _case(id="a", input="other"))
    digests = {
        golden_digest(case_digests(rows)) for rows in ((one, two), (one,), (two,), swapped, ())
    }
    assert 5 == len(digests)


def test_digests_are_stable() -> None:
    """Baselines in git hold these digests: they may not change between versions."""
    case = Case(id="a", input="hello")
    assert "402397da9d5fb35c" == case_digest(case)
