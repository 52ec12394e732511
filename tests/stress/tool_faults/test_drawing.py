"""Which calls go wrong: a matter of seed, case, draw and number alone."""

import pytest

from evalgate.gateway.tool_faults import Injected
from evalgate.schema.golden import Case
from evalgate.schema.stress import StressConfig
from evalgate.schema.tool_faults import StressFaults
from evalgate.schema.trace import Trace
from evalgate.stress.settings import settings_version, with_options
from evalgate.stress.simulation.faults import FAULTS
from evalgate.stress.tool_faults.drawing import (
    Planned,
    draw_model,
    draw_tools,
    faulted_tools,
    kept,
)

TOOLS = {"tools": {"find": "error"}}


def planned(draw: int = 0, seed: int = 0, case: str = "a") -> Planned:
    """Plan a session."""
    return Planned(Case(id=case, input="hi"), Trace(case_id=case), draw, seed)


def kinds(faults: StressFaults, session: Planned, tool: str, calls: int) -> list[str | None]:
    """Return what goes wrong with the first calls of a tool."""
    due = draw_tools(faults, session)
    drawn = [due(tool, number) for number in range(1, calls + 1)]
    return [None if fault is None else fault.kind for fault in drawn]


def test_faults_come_by_number_and_in_order() -> None:
    """A text is a kind; of several faults the first that comes up holds; a server has its tools."""
    tools = {"find": "error", "shop": [{"kind": "slow", "calls": [2]}, "empty"]}
    faults = StressFaults.model_validate({"tools": tools})
    assert ["error", "error"] == kinds(faults, planned(), "find", 2)
    assert ["empty", "slow", "empty"] == kinds(faults, planned(), "shop/stock", 3)
    assert [None] == kinds(faults, planned(), "other", 1)
    assert ["shop"] == faulted_tools(faults, ["shop/stock", "other"])


def test_a_rate_is_met_and_fixed_by_the_seed() -> None:
    """Every tenth call of 5,000, give or take; another draw, case or seed is another sequence."""
    faults = StressFaults.model_validate({"tools": {"find": {"kind": "error", "rate": 0.1}}})
    first, second = (kinds(faults, planned(), "find", 5000) for _ in range(2))
    assert first == second
    assert 5000 - first.count(None) == pytest.approx(500, abs=85)  # four standard deviations
    others = (planned(draw=1), planned(seed=1), planned(case="b"))
    assert all(first != kinds(faults, other, "find", 5000) for other in others)


def test_only_faults_that_are_named_stay() -> None:
    """Of tools and of the model."""
    faults = StressFaults.model_validate({"tools": {"find": "error"}})
    session = planned()
    model = draw_model(FAULTS["overload"], session)
    number = next(n for n in range(1, 200) if model(n) == "overloaded")
    only = frozenset({Injected("find", 2, "error"), Injected("model", number, "overloaded")})
    tools, errors = kept(only, draw_tools(faults, session), model)
    assert [False, True] == [tools("find", n) is not None for n in (1, 2)]
    assert [number] == [n for n in range(1, number + 50) if errors(n)]


def test_a_text_stays_a_text() -> None:
    """A block that names only the model's faults has the digest it always had."""
    text = StressConfig.model_validate({"faults": "overload"})
    assert {"faults": "overload"} == text.model_dump(mode="json", exclude_defaults=True)
    assert "overload" == text.model_faults
    tools = with_options(StressConfig.model_validate({"faults": TOOLS}), {"faults": "overload"})
    assert ("overload", ["find"]) == (tools.model_faults, [*tools.faults.tools])
    assert settings_version(text) == settings_version(tools)
