"""Tools that a framework has and a person does not: `tools: {ignore: [...]}`."""

from collections.abc import Callable
from typing import Any

import pytest

from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Scored
from evalgate.schema.trace import ToolCall, Trace
from evalgate.scorers.builtin import builtin_scorers, score_trial, scorer_versions
from evalgate.scorers.settings import Settings


@pytest.fixture
def case() -> Case:
    """Return a case that allows no call."""
    return Case.model_validate({"id": "a", "input": "x", "expected": {"tool_calls": []}})


@pytest.fixture
def score(case: Case) -> Callable[..., Any]:
    """Return a function that scores a trial with some calls under some settings."""

    def scored(*names: str, ignore: tuple[str, ...] = ()) -> TrialResult:
        settings = Settings(ignored_tools=frozenset(ignore))
        trace = Trace(case_id="a", steps=tuple(ToolCall(name=name) for name in names))
        return score_trial(builtin_scorers(settings, [case]), case, trace, settings)

    return scored


def test_an_ignored_tool_is_no_call(score: Callable[..., Any]) -> None:
    """The case holds although `final_answer` was called; a real call fails it all the same."""
    assert Scored(0.0) == score("final_answer").scores["task_success"]
    ignoring = score("final_answer", ignore=("final_answer",))
    assert (Scored(1.0), ()) == (ignoring.scores["task_success"], ignoring.calls)
    assert Scored(0.0) == score("refund", ignore=("final_answer",)).scores["task_success"]


def test_what_is_ignored_is_part_of_the_scorer(case: Case) -> None:
    """A baseline with another list is not comparable on tool calls; none changes nothing."""
    plain = scorer_versions(builtin_scorers(Settings(), [case]))
    other = scorer_versions(builtin_scorers(Settings(ignored_tools=frozenset({"x"})), [case]))
    assert plain["tool_call_accuracy"] != other["tool_call_accuracy"]
    assert plain["cost_usd"] == other["cost_usd"]
