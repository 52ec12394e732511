"""Argument rules, and the rules that are refused because they cannot mean anything."""

from typing import Any

import pytest

from evalgate.matching import compile_expected, match
from evalgate.schema.golden import ExpectedCall, MatchMode, MatchPreset
from evalgate.schema.trace import ToolCall


def _right(call: dict[str, Any], arguments: object) -> bool:
    expected = ExpectedCall.model_validate({"name": "t", **call})
    made = ToolCall.model_validate({"name": "t", "arguments": arguments})
    return match([expected], [made], "exact").matches


_EXACT = {"arguments": {"x": 1, "y": {"z": [1, 2]}}}
_NUMERIC = {"arguments": {"x": 1}, "rules": {"x": {"rule": "numeric", "abs_tol": 0.05}}}
_RELATIVE = {"arguments": {"x": -200}, "rules": {"x": {"rule": "numeric", "rel_tol": 0.01}}}
_ONE_OF = {"rules": {"x": {"rule": "one_of", "values": ["C", 1]}}}
_OR_ABSENT = {"rules": {"x": {"rule": "one_of", "values": ["C"], "or_absent": True}}}
_REGEX = {"rules": {"x": {"rule": "regex", "pattern": "[A-Z]{2}[0-9]+"}}}
_FOLD = {"arguments": {"x": " Straße "}, "rules": {"x": {"rule": "case_insensitive"}}}
_KEYS = {"arguments": {"x": {"a": 1}}, "rules": {"x": {"rule": "keys"}}}
_IGNORE = {"arguments": {"x": None, "y": 1}, "rules": {"x": {"rule": "ignore"}}}


@pytest.mark.parametrize(
    ("call", "arguments", "right"),
    [
        (_EXACT, {"y": {"z": [1, 2.0]}, "x": 1.0}, True),
        (_EXACT, {"x": 1, "y": {"z": [2, 1]}}, False),
        (_EXACT, {"x": 1}, False),
        (_EXACT, {"x": 1, "y": {"z": [1, 2]}, "more": 0}, False),
        (_EXACT, {"x": True, "y": {"z": [1, 2]}}, False),
        (_EXACT, "{not json", False),
        ({"rules": {"x": {"rule": "one_of", "values": [1], "or_absent": True}}}, "oops", False),
        ({"compare_args": []}, {"anything": 1}, True),
        ({"compare_args": []}, "{not json", False),
        ({"arguments": {"x": 1, "y": 2}, "compare_args": ["x"]}, {"x": 1, "z": 3}, True),
        ({"arguments": {"x": 1, "y": 2}, "compare_args": ["x"]}, {"y": 2}, False),
        (_NUMERIC, {"x": 1.05}, True),
        (_NUMERIC, {"x": 0.95}, True),
        (_NUMERIC, {"x": 1.0500001}, False),
        (_NUMERIC, {"x": True}, False),
        (_NUMERIC, {"x": "1"}, False),
        (_NUMERIC, {"x": 10**400}, False),
        (_RELATIVE, {"x": -202}, True),
        (_RELATIVE, {"x": -202.01}, False),
        (_ONE_OF, {"x": "C"}, True),
        (_ONE_OF, {"x": 1.0}, True),
        (_ONE_OF, {"x": True}, False),
        (_ONE_OF, {}, False),
        (_OR_ABSENT, {}, True),
        (_OR_ABSENT, {"x": ""}, False),
        (_REGEX, {"x": "AB12"}, True),
        (_REGEX, {"x": "AB12 "}, False),
        (_REGEX, {"x": 12}, False),
        (_REGEX, {}, False),
        (_FOLD, {"x": "STRASSE"}, True),
        (_FOLD, {"x": "Strase"}, False),
        (_KEYS, {"x": {"a": 1.0, "b": 2}}, True),
        (_KEYS, {"x": {"b": 2}}, False),
        (_KEYS, {"x": [1]}, False),
        (_IGNORE, {"x": "anything", "y": 1}, True),
        (_IGNORE, {"y": 1}, True),
        (_IGNORE, {"x": 3}, False),
    ],
)
def test_rules(*, call: dict[str, Any], arguments: object, right: bool) -> None:
    """Each rule accepts what it says, and nothing where arguments could not be parsed."""
    assert right == _right(call, arguments)


@pytest.mark.parametrize(
    ("calls", "mode", "words"),
    [
        (
            [{"arguments": {"city": "SF"}, "rules": {"cty": {"rule": "ignore"}}}],
            "any_order",
            "argument 'cty', which no expected call of this tool has (there are ['city'])",
        ),
        (
            [
                {
                    "rules": {"cty": {"rule": "one_of", "values": ["SF"]}},
                    "parameters": {"properties": {"city": {}}},
                }
            ],
            "exact",
            "argument 'cty', which no expected call",
        ),
        (
            [{"arguments": {"x": 1}, "compare_args": ["y"]}],
            "superset",
            "`compare_args` names 'y', but `arguments` has ['x']",
        ),
        (
            [
                {
                    "arguments": {"x": 1, "y": 1},
                    "compare_args": ["x"],
                    "rules": {"y": {"rule": "ignore"}},
                }
            ],
            "exact",
            "which `compare_args` ['x'] leaves out",
        ),
        (
            [{"rules": {"x": {"rule": "regex", "pattern": "["}}}],
            "exact",
            "is no regular expression",
        ),
        (
            [{"arguments": {"x": "1"}, "rules": {"x": {"rule": "numeric"}}}],
            "exact",
            'needs a number, but `arguments` has "1"',
        ),
        (
            [{"arguments": {"x": True}, "rules": {"x": {"rule": "numeric"}}}],
            "exact",
            "needs a number",
        ),
        (
            [{"arguments": {"x": 1}, "rules": {"x": {"rule": "case_insensitive"}}}],
            "exact",
            "needs a text",
        ),
        ([{"arguments": {"x": 1}, "rules": {"x": {"rule": "keys"}}}], "exact", "needs an object"),
        (
            [{"arguments": {"x": 1}, "rules": {"x": {"rule": "ignore"}}}],
            "strict",
            "`rules` contradicts",
        ),
        ([{"arguments": {}, "optional": True}], "strict", "`optional` contradicts"),
        ([{"arguments": {}, "compare_args": []}], "strict", "`compare_args` contradicts"),
        (
            [{"arguments": {"x": 1}, "rules": {"x": {"rule": "ignore"}}}],
            "tau2",
            "preset 'tau2' has no rules",
        ),
    ],
)
def test_a_rule_that_means_nothing_is_an_error(
    calls: list[dict[str, Any]],
    mode: MatchMode | MatchPreset,
    words: str,
) -> None:
    """It is neither a match nor a mismatch, and the message names what there is."""
    expected = [ExpectedCall.model_validate({"name": "t", **call}) for call in calls]
    with pytest.raises(ValueError, match=r"expected call 0|rule '") as caught:
        compile_expected(expected, mode)
    assert words in str(caught.value)


def test_another_call_of_the_tool_may_know_the_argument() -> None:
    """Ignoring an optional argument is possible once some call or the schema names it."""
    ignoring = {"name": "t", "rules": {"limit": {"rule": "ignore"}}}
    other = {"name": "t", "arguments": {"limit": 3}}
    schema = {"parameters": {"properties": {"limit": {"type": "integer"}}}}
    made = ToolCall(name="t", arguments={"limit": 9})
    by_schema = [ExpectedCall.model_validate(ignoring | schema)]
    by_other = [ExpectedCall.model_validate(ignoring), ExpectedCall.model_validate(other)]
    assert match(by_schema, [made], "exact").matches
    assert 1 == match(by_other, [made], "superset").correct
