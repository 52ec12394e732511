"""Preset `tau2`, held against every recorded verdict of six published files."""

import json
from pathlib import Path
from typing import Any

import pytest

from evalgate.matching import match
from evalgate.schema.golden import ExpectedCall, MatchMode, MatchPreset
from evalgate.schema.trace import ToolCall

# Gold actions done / gold actions as recorded, and the agent's own under one-to-one matching:
# the table of the data's README.
_FILES = [
    ("airline_gpt-4.1", (36, 61), (36, 61)),
    ("airline_gpt-4.1-finetuned", (46, 61), (46, 61)),
    ("retail_gpt-4.1", (164, 186), (160, 186)),
    ("retail_gpt-4.1-finetuned", (161, 186), (157, 186)),
    ("airline_gpt-4o-azure", (104, 148), (104, 148)),
    ("telecom_gpt-4o", (20, 27), (2, 7)),
]


def _trials(file: Path) -> list[tuple[list[ExpectedCall], list[bool], list[ToolCall]]]:
    """Return gold actions, recorded verdicts and calls of each simulation."""
    found = []
    for simulation in json.loads(file.read_text())["simulations"]:
        checks: list[dict[str, Any]] = (simulation["reward_info"] or {}).get("action_checks") or []
        gold = [
            ExpectedCall(
                name=check["action"]["name"],
                arguments=check["action"]["arguments"],
                compare_args=check["action"]["compare_args"],
                requestor=check["action"]["requestor"],
            )
            for check in checks
        ]
        calls = [
            ToolCall(name=call["name"], arguments=call["arguments"], requestor=call["requestor"])
            for message in simulation["messages"]
            for call in message.get("tool_calls") or []
        ]
        found.append((gold, [check["action_match"] for check in checks], calls))
    return found


@pytest.mark.parametrize(("name", "done", "one_to_one"), _FILES)
def test_recorded_verdicts_are_reproduced(
    shared_data: Path, name: str, done: tuple[int, int], one_to_one: tuple[int, int]
) -> None:
    """Every gold action has the recorded verdict, and the totals are as published."""
    trials = _trials(shared_data / "tau2" / f"{name}.json")
    for gold, recorded, calls in trials:
        right = {index for index, _ in match(gold, calls, "tau2").pairs}
        assert recorded == [index in right for index in range(len(gold))]
    assert done == _pooled_recall(trials, "tau2")
    assert one_to_one == _pooled_recall(trials, "superset")
    assert one_to_one == _pooled_recall(trials, "any_order")


def _pooled_recall(
    trials: list[tuple[list[ExpectedCall], list[bool], list[ToolCall]]],
    mode: MatchMode | MatchPreset,
) -> tuple[int, int]:
    results = [match(gold, calls, mode) for gold, _, calls in trials]
    return sum(r.correct for r in results), sum(r.wanted for r in results)


def _call(requestor: str = "assistant", **arguments: object) -> ToolCall:
    return ToolCall.model_validate({"name": "t", "arguments": arguments, "requestor": requestor})


def test_only_the_arguments_of_the_call_are_compared() -> None:
    """A call may leave gold arguments out, but bring none of its own."""
    gold = [ExpectedCall(name="t", arguments={"x": 1, "y": 2})]
    assert match(gold, [_call(x=1)], "tau2").matches
    assert match(gold, [_call()], "tau2").matches
    assert not match(gold, [_call(x=1, z=1)], "tau2").matches
    assert not match(gold, [_call(x=2)], "tau2").matches
    assert not match(gold, [ToolCall(name="t", arguments="{")], "tau2").matches


def test_the_name_is_enough_where_nothing_is_compared() -> None:
    """`compare_args: []` compares the name alone; a list compares what it names."""
    gold = ExpectedCall(name="t", arguments={"x": 1, "y": 2}, compare_args=())
    assert match([gold], [_call(x=9)], "tau2").matches
    some = gold.model_copy(update={"compare_args": ("y",)})
    assert match([some], [_call(x=9, y=2)], "tau2").matches
    assert not match([some], [_call(x=9)], "tau2").matches


def test_one_call_may_do_several_gold_actions_and_either_side_may_make_it() -> None:
    """Counts are in gold actions; further calls are free."""
    gold = [ExpectedCall(name="t", arguments={"x": 1})] * 2
    found = match(gold, [_call(x=5), _call("user", x=1), _call(x=7)], "tau2")
    assert (2, 2, 2, True) == (found.correct, found.made, found.wanted, found.matches)
    assert (0, 2) == found.extra


def test_a_wrong_gold_action_is_called_or_missed() -> None:
    """Wrong arguments and no call at all are told apart; no gold action forbids calls."""
    gold = [ExpectedCall(name="t", arguments={"x": 1}), ExpectedCall(name="u")]
    found = match(gold, [_call(x=5)], "tau2")
    assert (((0, 0),), (1,), False) == (found.name_pairs, found.missed, found.matches)
    assert not match([], [_call()], "tau2").matches
