"""Goldens of DeepEval."""

from pathlib import Path

import pytest
from support.suites import convert

from evalgate.schema.golden import Script


@pytest.mark.parametrize(("name", "tools"), [("goldens.json", False), ("goldens.csv", True)])
def test_goldens(shared_data: Path, name: str, tools: bool) -> None:  # noqa: FBT001  # parameter
    """15 in both; only the table has tools, as JSON in a cell, and lists joined with a bar."""
    made = convert("deepeval", shared_data / "foreign" / "deepeval" / name)
    first = made.cases[0]
    assert (15, 15, ("Geography", "Mountains")) == (
        len(made.cases),
        len(made.traces),
        first.contexts,
    )
    calls = first.expected.tool_calls or ()
    expected = [("mountain_lookup", {"query": "tallest mountain"})] if tools else []
    assert expected == [(call.name, call.arguments) for call in calls]


def test_conversations(shared_data: Path) -> None:
    """15 scripts of user turns; a judge asks about outcomes; what simulates a user is listed."""
    made = convert("deepeval", shared_data / "foreign" / "deepeval" / "convo_goldens.json")
    assert 15 == sum(isinstance(case.input, Script) for case in made.cases)
    assert any("user_description" in line for line in made.left_out)
    assert all(len(case.expected.criteria) == 1 for case in made.cases)
    judge = made.suite["judges"]["outcome"]  # type: ignore[call-overload, index]
    assert ("rubric", "conversation") == (judge["kind"], judge["shows"])


def test_a_run_of_tests(shared_data: Path) -> None:
    """Its test cases come in with their answers."""
    folder = shared_data / "foreign" / "deepeval"
    for name in ("latest_test_run.json", "test_run_sample.json"):
        made = convert("deepeval", folder / name)
        assert (1, 1) == (len(made.cases), len(made.traces)), name
