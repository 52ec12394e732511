"""Mocks answer by arguments and state, and an agent may put anything into a pointer."""

import pytest

from evalgate.gateway.tools.mock import Mocked, answer_of
from evalgate.schema.base import Json
from evalgate.schema.config_parts.tool import ToolPolicy

_STATE: Json = {"orders": [{"paid": False}, {"paid": True}]}


def _policy(**answer: object) -> ToolPolicy:
    return ToolPolicy.model_validate({"answers": [answer]})


@pytest.mark.parametrize(("number", "fits"), [("1", True), ("0", False), ("7", False)])
def test_a_pointer_into_a_list(number: str, *, fits: bool) -> None:
    """An argument names the element."""
    policy = _policy(state={"/orders/{n}/paid": True}, result="yes")
    assert fits == isinstance(answer_of(policy, {"n": number}, _STATE), Mocked)


@pytest.mark.parametrize("number", ["\u00b2", "\u0663", "9" * 5_000, "-1", "1e1", "", " 1"])
def test_what_is_no_index_is_no_element(number: str) -> None:
    """Digits of other scripts and numbers without end: the call is answered, nothing breaks."""
    asks = _policy(state={"/orders/{n}/paid": True}, result="yes")
    assert "no declared answer fits the call" == answer_of(asks, {"n": number}, _STATE)
    puts = _policy(set={"/orders/{n}/paid": True}, result="paid")
    answer = answer_of(puts, {"n": number}, _STATE)
    assert isinstance(answer, str)
    assert "the state has no element" in answer
