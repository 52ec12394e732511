"""JSON equality: numbers by value, truth values apart, order of keys free."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.matching.equality import equals, json_equal
from evalgate.schema.base import Json

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 0.5, 2.0, "", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (False, 0, False),
        (True, True, True),
        (0, -0.0, True),
        ([1, [True]], [1.0, [True]], True),
        ([1, [True]], [1, [1]], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": None}, {}, False),
        ({"a": {"b": 1}}, {"a": {"b": True}}, False),
        ([1, 2], [2, 1], False),
        ((1, 2), [1, 2], True),
        ({"a": (1,)}, {"a": [1]}, True),
        ("1", 1, False),
        (None, False, False),
        (2**53 + 1, float(2**53), False),
        ([], {}, False),
    ],
)
def test_json_equality_both_ways(*, left: Json, right: Json, same: bool) -> None:
    """Equality is symmetric, and a prepared test says the same."""
    assert (same, same) == (json_equal(left, right), json_equal(right, left))
    assert (same, same) == (equals(left)(right), equals(right)(left))


@given(_JSON, _JSON)
def test_a_prepared_test_is_plain_equality(left: Json, right: Json) -> None:
    """The fast answer of `equals` never differs from `json_equal`."""
    assert json_equal(left, right) == equals(left)(right)


@given(_JSON)
def test_a_value_equals_what_json_makes_of_it(value: object) -> None:
    """Writing and reading a value back leaves it equal."""
    assert json_equal(value, json.loads(json.dumps(value)))
