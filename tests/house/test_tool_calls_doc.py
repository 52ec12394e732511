"""The page about tool calls names everything there is, and its examples hold."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from evalgate.matching import compile_expected, match
from evalgate.schema.golden import ArgumentRule, Expected, ExpectedCall, MatchMode, MatchPreset
from evalgate.schema.trace import ToolCall
from evalgate.scorers.tools import SCORES

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "tool_calls.md"
_MODES: tuple[MatchMode, ...] = get_args(MatchMode)


@pytest.fixture(scope="module")
def page() -> str:
    """Return the text of the page."""
    return _PAGE.read_text(encoding="utf-8")


def test_everything_is_named(page: str) -> None:
    """Each mode, preset, rule and score stands on the page."""
    rules = [
        get_args(rule.model_fields["rule"].annotation)[0]
        for rule in get_args(get_args(ArgumentRule)[0])
    ]
    names = [*_MODES, *get_args(MatchPreset), *rules, *SCORES]
    assert [] == [name for name in names if f"`{name}`" not in page]


def test_the_example_is_valid(page: str) -> None:
    """The first example can be read and compiled."""
    blocks = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    expected = Expected.model_validate(json.loads(blocks[0]))
    assert expected.tool_calls is not None
    assert 3 == len(compile_expected(expected.tool_calls, expected.tool_match).calls)


def test_the_table_of_modes_holds(page: str) -> None:
    """Each row of the table of examples holds under the modes it names, and no others."""
    table = page.split("| expected | actual | holds under |")[1].split("\n\n", maxsplit=1)[0]
    rows = [line.strip("|").split("|") for line in table.strip().splitlines()[1:]]
    assert 6 == len(rows)
    for wanted, made, modes in rows:
        expected = [
            ExpectedCall(name=word.split()[0], optional="optional" in word)
            for word in wanted.split(",")
        ]
        actual = [ToolCall(name=word.strip()) for word in made.split(",")]
        holding = [mode for mode in _MODES if match(expected, actual, mode).matches]
        assert re.findall(r"`(\w+)`", modes) == holding
