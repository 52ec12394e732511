"""Modes: small examples by hand, and laws held against every possible pairing."""

from collections.abc import Callable
from copy import deepcopy
from itertools import combinations, permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.matching import MatchResult, compile_expected, first_divergence, match
from evalgate.schema.golden import ExpectedCall, MatchMode, MatchPreset
from evalgate.schema.trace import ToolCall

Want = Callable[[str], list[ExpectedCall]]
Made = Callable[[str], list[ToolCall]]

_MODES: tuple[MatchMode, ...] = get_args(MatchMode)


@pytest.mark.parametrize(
    ("expected", "actual", "right_under"),
    [
        ("a1 b1", "a1 b1", "exact in_order any_order subset superset"),
        ("a1 b1", "b1 a1", "any_order subset superset"),
        ("a1 b1", "a1 c1 b1", "in_order superset"),
        ("a1 b1", "c1 b1 a1", "superset"),
        ("a1 b1", "b1", "subset"),
        ("a1 b1", "", "subset"),
        ("a1 b1", "a1 b2", ""),
        ("a1 a2", "a2 a1", "any_order subset superset"),
        ("a1 a1", "a1", "subset"),
        ("a1", "a1 a1", "in_order superset"),
        ("a1? b1", "b1", "exact in_order any_order subset superset"),
        ("a1? b1", "a1 b1", "exact in_order any_order subset superset"),
        ("a1? b1", "b1 a1", "in_order any_order subset superset"),
        ("a1? b1? c1", "c1 a1 b1", "in_order any_order subset superset"),
        ("a1?", "a2", "in_order superset"),
        ("a1?", "", "exact in_order any_order subset superset"),
        ("", "", "exact in_order any_order subset superset"),
        ("", "a1", ""),
    ],
)
def test_which_modes_a_trajectory_satisfies(
    want: Want, made: Made, expected: str, actual: str, right_under: str
) -> None:
    """Modes are stated as actual relative to expected; `[]` allows no call in any mode."""
    right = [mode for mode in _MODES if match(want(expected), made(actual), mode).matches]
    assert sorted(right_under.split()) == sorted(right)


def test_what_a_result_holds(want: Want, made: Made) -> None:
    """Right calls, calls with wrong arguments, missed and extra ones are told apart."""
    found = match(want("a1 b1 c1 d1?"), made("c1 x1 a2"), "any_order")
    expected = MatchResult(
        pairs=((2, 0),),
        name_pairs=((0, 2),),
        missed=(1,),
        extra=(1,),
        extra_allowed=False,
        matches=False,
        names_right=2,
        wanted=3,
    )
    assert expected == found
    assert (1, 3) == (found.correct, found.made)


def test_allowed_extra_calls_are_not_made_calls(want: Want, made: Made) -> None:
    """Under `superset` and `in_order` they count neither as made nor as missed."""
    for mode in ("superset", "in_order"):
        found = match(want("a1 b1"), made("x1 a1 y1 b1"), mode)
        assert (2, ()) == (found.made, found.missed)
        assert (0, 2) == found.extra


def test_required_calls_come_before_optional_ones(want: Want, made: Made) -> None:
    """The one call stands for the required expectation, wherever that is."""
    for mode in _MODES:
        found = match(want("a1? a1"), made("a1"), mode)
        assert (((1, 0),), True) == (found.pairs, found.matches)


def test_a_greedy_match_would_fail(made: Made) -> None:
    """A call that fits two expectations is given to the one that has no other."""
    ignoring = ExpectedCall.model_validate(
        {"name": "a", "arguments": {"x": 0}, "rules": {"x": {"rule": "ignore"}}}
    )
    one = ExpectedCall(name="a", arguments={"x": 1})
    assert ((0, 1), (1, 0)) == match([ignoring, one], made("a1 a2"), "any_order").pairs


def test_only_the_agents_own_calls_are_matched() -> None:
    """Calls of the user are neither expected of the agent nor counted as its own."""
    expected = [
        ExpectedCall(name="toggle", requestor="user"),
        ExpectedCall(name="look"),
    ]
    actual = [ToolCall(name="toggle", requestor="user"), ToolCall(name="look")]
    found = match(expected, actual, "exact")
    assert (((1, 1),), True) == (found.pairs, found.matches)
    by_user = [ToolCall(name="look", requestor="user")]
    assert (1,) == match(expected, by_user, "superset").missed


_EXPECTED = st.lists(
    st.builds(
        lambda name, value, ignore, optional: ExpectedCall.model_validate(
            {
                "name": name,
                "arguments": {"x": value},
                "rules": {"x": {"rule": "ignore"}} if ignore else {},
                "optional": optional,
            }
        ),
        st.sampled_from("ab"),
        st.integers(0, 2),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)
_ACTUAL = st.lists(
    st.builds(
        lambda name, value: ToolCall(name=name, arguments={"x": value}),
        st.sampled_from("abc"),
        st.integers(0, 2),
    ),
    max_size=4,
)
_ANY_MODE = st.sampled_from(_MODES)


def _agree(call: ExpectedCall, made: ToolCall) -> bool:
    return call.name == made.name and (bool(call.rules) or call.arguments == made.arguments)


def _pairings(
    expected: list[ExpectedCall], actual: list[ToolCall], *, ordered: bool
) -> list[list[tuple[int, int]]]:
    """Return every pairing of agreeing calls, in order or not."""
    found = []
    for size in range(min(len(expected), len(actual)) + 1):
        for left in combinations(range(len(expected)), size):
            orders = combinations if ordered else permutations
            found += [
                list(zip(left, right, strict=True)) for right in orders(range(len(actual)), size)
            ]
    return [pairs for pairs in found if all(_agree(expected[i], actual[j]) for i, j in pairs)]


@given(_EXPECTED, _ACTUAL, _ANY_MODE)
def test_no_pairing_is_better(
    expected: list[ExpectedCall], actual: list[ToolCall], mode: MatchMode
) -> None:
    """Required right calls are as many as can be, then right calls; the verdict follows."""
    ordered = mode in {"exact", "in_order"}
    required = {at for at, call in enumerate(expected) if not call.optional}
    pairings = _pairings(expected, actual, ordered=ordered)
    best = max((len(required & {i for i, _ in pairs}), len(pairs)) for pairs in pairings)
    found = match(expected, actual, mode)
    assert best == (len(required & {i for i, _ in found.pairs}), found.correct)
    whole, all_made = best[0] == len(required), best[1] == len(actual)
    right = {
        "exact": whole and all_made,
        "any_order": whole and all_made,
        "in_order": whole,
        "superset": whole,
        "subset": all_made,
    }
    assert right[mode] == found.matches


@given(_EXPECTED, _ACTUAL, _ANY_MODE)
def test_every_call_is_counted_once(
    expected: list[ExpectedCall], actual: list[ToolCall], mode: MatchMode
) -> None:
    """Each required expectation is right, wrong or missed; each call stands for one or is extra."""
    found = match(expected, actual, mode)
    paired = [*found.pairs, *found.name_pairs]
    required = {at for at, call in enumerate(expected) if not call.optional}
    assert len(paired) == len({i for i, _ in paired}) == len({j for _, j in paired})
    assert sorted([*(j for _, j in paired), *found.extra]) == list(range(len(actual)))
    assert required - {i for i, _ in paired} == set(found.missed)
    assert found.names_right <= found.made
    assert len(paired) <= found.made


@given(_EXPECTED, _ACTUAL, st.sampled_from(["any_order", "subset", "superset"]), st.randoms())
def test_order_means_nothing_where_it_is_free(
    expected: list[ExpectedCall],
    actual: list[ToolCall],
    mode: MatchMode,
    random: "object",
) -> None:
    """Shuffling either side changes no count and no verdict."""
    found = match(expected, actual, mode)
    shuffled = [*expected], [*actual]
    for side in shuffled:
        random.shuffle(side)  # type: ignore[attr-defined]
    again = match(*shuffled, mode)
    assert _counts(found) == _counts(again)


def _counts(found: MatchResult) -> tuple[object, ...]:
    return (
        found.correct,
        len(found.name_pairs),
        len(found.missed),
        len(found.extra),
        found.made,
        found.names_right,
        found.wanted,
        found.matches,
    )


@given(_EXPECTED, _ACTUAL, st.sampled_from([*_MODES, "tau2"]))
def test_nothing_is_changed_and_a_matcher_can_be_used_again(
    expected: list[ExpectedCall], actual: list[ToolCall], mode: MatchMode | MatchPreset
) -> None:
    """Neither side is mutated, and the second use of a matcher says what the first said."""
    if mode == "tau2":
        expected = [call.model_copy(update={"rules": {}}) for call in expected]
    before = deepcopy((expected, actual))
    matcher = compile_expected(expected, mode)
    first = matcher.match(actual)
    assert first == matcher.match(tuple(actual))
    assert before == (expected, actual)


@given(_EXPECTED, _ACTUAL, _ANY_MODE)
def test_a_divergence_is_named_exactly_where_there_is_one(
    expected: list[ExpectedCall], actual: list[ToolCall], mode: MatchMode
) -> None:
    """Words for every wrong trajectory, none for a right one."""
    right = match(expected, actual, mode).matches
    assert right == (first_divergence(expected, actual, mode) is None)
