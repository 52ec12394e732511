"""The first divergence in words."""

from collections.abc import Callable

import pytest

from evalgate.matching import first_divergence
from evalgate.schema.golden import ExpectedCall, MatchMode
from evalgate.schema.trace import ToolCall

Want = Callable[[str], list[ExpectedCall]]
Made = Callable[[str], list[ToolCall]]


@pytest.mark.parametrize(
    ("expected", "actual", "mode", "words"),
    [
        ("a1 b1", "a1 b1", "exact", None),
        ("a1 b1 c1", "a1 b2 x1", "exact", "call 2, b: x is 2, wanted 1"),
        ("a1 b1", "a1", "any_order", "missed: b(x=1)"),
        ("a1 b1", "b1", "exact", "missed: a(x=1)"),
        ("a1", "a1 r9", "any_order", "call 2, r(x=9): not expected"),
        ("a1 b1", "b1 a1", "exact", "missed: a(x=1)"),
        ("b1 a1", "z1 b2", "superset", "call 2, b: x is 2, wanted 1"),
        ("a1 b1", "z1", "subset", "call 1, z(x=1): not expected"),
        ("a1 b1", "b1 z1", "subset", "call 2, z(x=1): not expected"),
        ("a1", "a", "exact", "call 1, a: x is missing, wanted 1"),
        ("a", "a1", "exact", "call 1, a: x is not expected"),
        ("", "a1", "superset", "call 1, a(x=1): not expected"),
    ],
)
def test_the_first_divergence(
    want: Want, made: Made, expected: str, actual: str, mode: MatchMode, words: str | None
) -> None:
    """The earliest wrong call, or the first one left out before it."""
    assert words == first_divergence(want(expected), made(actual), mode)


def test_arguments_that_could_not_be_parsed_are_shown() -> None:
    """The agent's text is quoted, and cut where it is long."""
    words = first_divergence(
        [ExpectedCall(name="a", arguments={"x": 1})],
        [ToolCall(name="a", arguments='{"x": ' + "9" * 500)],
        "exact",
    )
    assert words is not None
    assert words.startswith('call 1, a: arguments could not be parsed: "{\\"x\\": 999')
    assert words.endswith("... (510 characters)")


def test_presets_have_words_too() -> None:
    """`tau2` and `bfcl` name the argument that differs."""
    gold = [ExpectedCall(name="a", arguments={"x": 1, "y": 2})]
    made = [ToolCall(name="a", arguments={"x": 3, "z": 4})]
    assert "call 1, a: x is 3, wanted 1; z is not expected" == first_divergence(gold, made, "tau2")
    schema = {"properties": {"x": {"type": "integer"}}, "required": ["x"]}
    typed = ExpectedCall.model_validate(
        {
            "name": "a",
            "rules": {"x": {"rule": "one_of", "values": [1, 2]}},
            "parameters": schema,
        }
    )
    unread = first_divergence(gold, [ToolCall(name="a", arguments="{")], "tau2")
    assert 'call 1, a: arguments could not be parsed: "{"' == unread
    words = first_divergence([typed], [ToolCall(name="a", arguments={"x": 1.0})], "bfcl")
    assert "call 1, a: x is 1.0, wanted one of [1, 2]" == words
