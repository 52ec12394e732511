"""A stored trace that lost a secret says nothing where the secret decides."""

import pytest

from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Scored
from evalgate.schema.trace import LlmCall, ToolCall, Trace
from evalgate.scorers.builtin import builtin_scorers, score_trial
from evalgate.scorers.redacted import without_redacted
from evalgate.scorers.settings import Settings

MARK = "[redacted:API_KEY]"
ANSWERS = {"output": {"contains": ["key"]}}
CALLS = {"tool_calls": [{"name": "pay", "arguments": {"to": "a"}}]}


def _scores(expected: object, **said: object) -> dict[str, object]:
    case = Case.model_validate({"id": "a", "input": "x", "expected": expected})
    trace = Trace.model_validate({"case_id": "a", **said})
    result = score_trial(builtin_scorers(Settings()), case, trace)
    return dict(without_redacted(result, case, trace).scores)


@pytest.mark.parametrize(
    ("expected", "said", "touched"),
    [
        (ANSWERS, {"output": f"the key is {MARK}"}, {"task_success"}),
        (CALLS, {"output": f"the key is {MARK}"}, set()),
        (
            CALLS,
            {"steps": [ToolCall(name="pay", arguments={"to": MARK}).model_dump()]},
            {"task_success", "tool_calls_match", "tool_call_accuracy"},
        ),
        (ANSWERS, {"steps": [ToolCall(name="pay", arguments={"to": MARK}).model_dump()]}, set()),
        (ANSWERS, {"steps": [LlmCall(input=MARK).model_dump()]}, set()),
        (
            {"final_state": {"key": "k"}},
            {"final_state": {"key": MARK}},
            {"task_success"},
        ),
    ],
)
def test_only_what_the_mark_decides_is_not_measured(
    expected: object, said: dict[str, object], touched: set[str]
) -> None:
    """Success and tool scores, by where the mark stands and by what the case judges."""
    scores = _scores(expected, **said)
    watched = {"task_success", "tool_calls_match", "tool_call_accuracy"}
    hidden = {
        name
        for name in watched
        if isinstance(score := scores[name], Abstained) and "secret was taken out" in score.reason
    }
    assert touched == hidden
    assert isinstance(scores["error"], Scored)
