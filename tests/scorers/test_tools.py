"""Tool metrics: definitions, edges and laws."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.schema.golden import Case, MatchMode
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.status import TraceStatus
from evalgate.schema.trace import LlmCall, ToolCall, Trace
from evalgate.scorers.tools import SCORES, compile_case, score_tools

_MODES: tuple[MatchMode, ...] = get_args(MatchMode)
_RATIOS = (
    "tool_call_accuracy",
    "tool_selection_accuracy",
    "tool_call_precision",
    "tool_call_recall",
    "tool_call_f1",
)
_JUDGED = (*_RATIOS, "tool_calls_match")


def _case(calls: str | None, mode: str = "any_order", **more: Any) -> Case:  # noqa: ANN401
    """Read `a1 b2?`: tool `a` with x = 1, and `b` with x = 2, which may be left out."""
    expected: dict[str, Any] = {"tool_match": mode}
    if calls is not None:
        expected["tool_calls"] = [
            {"name": word[0], "arguments": {"x": int(word[1])}, "optional": word.endswith("?")}
            for word in calls.split()
        ]
    return Case.model_validate({"id": "c", "input": "hello", "expected": expected | more})


def _trace(calls: str, status: TraceStatus = "finished", **more: Any) -> Trace:  # noqa: ANN401
    """Read `a1 b!`: tool `a` with x = 1, and `b` whose arguments could not be parsed."""
    steps = [
        {
            "kind": "tool_call",
            "name": word[0],
            "arguments": "{oops" if word.endswith("!") else {"x": int(word[1])},
        }
        for word in calls.split()
    ]
    return Trace.model_validate({"case_id": "c", "status": status, "steps": steps} | more)


def _values(scores: dict[str, Score]) -> tuple[object, ...]:
    """Return the counts of the five ratios, and whether the trajectory is right."""
    return tuple(
        (score.value if name == "tool_calls_match" else score.counts)
        if isinstance(score := scores[name], Scored)
        else score
        for name in _JUDGED
    )


@pytest.mark.parametrize(
    ("expected", "mode", "actual", "accuracy", "selection", "precision", "recall", "f1", "right"),
    [
        # Right, wrong arguments, missed, extra: each counts once in accuracy.
        ("a1 b1", "any_order", "a1 b1", (2, 2), (2, 2), (2, 2), (2, 2), (4, 4), 1),
        ("a1 b1", "any_order", "a1 b2", (1, 2), (2, 2), (1, 2), (1, 2), (2, 4), 0),
        ("a1 b1", "any_order", "a1", (1, 2), (1, 1), (1, 1), (1, 2), (2, 3), 0),
        ("a1 b1", "any_order", "a1 b1 c1", (2, 3), (2, 3), (2, 3), (2, 2), (4, 5), 0),
        ("a1 b1 c1", "any_order", "a1 b2 x1", (1, 4), (2, 3), (1, 3), (1, 3), (2, 6), 0),
        ("a1 b1", "any_order", "a!", (0, 2), (1, 1), (0, 1), (0, 2), (0, 3), 0),
        # Order.
        ("a1 b1", "any_order", "b1 a1", (2, 2), (2, 2), (2, 2), (2, 2), (4, 4), 1),
        ("a1 b1", "exact", "b1 a1", (1, 3), (1, 2), (1, 2), (1, 2), (2, 4), 0),
        ("a1 b1 c1", "exact", "x1 a1 b1 c1", (3, 4), (3, 4), (3, 4), (3, 3), (6, 7), 0),
        # The names alone allow more than the best alignment of right calls.
        ("a1 b1 c1", "exact", "c1 a2 b2", (1, 5), (2, 3), (1, 3), (1, 3), (2, 6), 0),
        ("a1 b1", "in_order", "x1 a1 y1 b1", (2, 2), (2, 2), (2, 2), (2, 2), (4, 4), 1),
        # Allowed extra calls count neither as made nor as missed.
        ("a1 b1", "superset", "x1 b1 a1 x2", (2, 2), (2, 2), (2, 2), (2, 2), (4, 4), 1),
        ("a1 b1", "superset", "x1 a1", (1, 2), (1, 1), (1, 1), (1, 2), (2, 3), 0),
        ("a1", "superset", "a1 a2", (1, 1), (1, 1), (1, 1), (1, 1), (2, 2), 1),
        # `subset` allows calls to be left out of the trajectory, not out of the accuracy.
        ("a1 b1", "subset", "a1", (1, 2), (1, 1), (1, 1), (1, 2), (2, 3), 1),
        # Optional calls.
        ("a1 b1?", "any_order", "a1", (1, 1), (1, 1), (1, 1), (1, 1), (2, 2), 1),
        ("a1 b1?", "any_order", "a1 b1", (2, 2), (2, 2), (2, 2), (2, 2), (4, 4), 1),
        ("a1 b1?", "superset", "a1 b2", (1, 1), (1, 1), (1, 1), (1, 1), (2, 2), 1),
        ("a1 b1?", "in_order", "a1 b2", (1, 1), (1, 1), (1, 1), (1, 1), (2, 2), 1),
        ("a1 b1?", "any_order", "a1 b2", (1, 2), (2, 2), (1, 2), (1, 1), (2, 3), 0),
    ],
)
def test_what_each_metric_counts(
    *,
    expected: str,
    mode: str,
    actual: str,
    accuracy: tuple[int, int],
    selection: tuple[int, int],
    precision: tuple[int, int],
    recall: tuple[int, int],
    f1: tuple[int, int],
    right: float,
) -> None:
    """Numerators and denominators are those of the definitions."""
    found = score_tools(_case(expected, mode), _trace(actual))
    assert (accuracy, selection, precision, recall, f1, right) == _values(found)
    for name in _RATIOS:
        score = found[name]
        assert isinstance(score, Scored)
        assert score.counts is not None
        assert score.counts[0] / score.counts[1] == score.value


@pytest.mark.parametrize("mode", [*_MODES, "strict", "tau2"])
def test_no_call_where_calls_were_expected_is_zero(mode: str) -> None:
    """An agent that does nothing scores 0 in everything, and nothing abstains."""
    for expected in ("a1", "a1 b1"):
        found = score_tools(_case(expected, mode), _trace(""))
        assert [0.0] * 5 == [_value(found[name]) for name in _RATIOS]
        assert float(mode == "subset") == _value(found["tool_calls_match"])


def _value(score: Score) -> float:
    assert isinstance(score, Scored)
    return score.value


@pytest.mark.parametrize("mode", [*_MODES, "strict", "tau2", "bfcl"])
def test_an_empty_expectation_forbids_calls(mode: str) -> None:
    """`[]` and none made is 1, `[]` and any made is 0, in every mode."""
    quiet = score_tools(_case("", mode), _trace(""))
    assert [1.0] * 6 == [_value(quiet[name]) for name in _JUDGED]
    busy = score_tools(_case("", mode), _trace("a1"))
    assert [0.0] * 6 == [_value(busy[name]) for name in _JUDGED]


def test_no_expectation_abstains() -> None:
    """Without `tool_calls` nothing is judged, while calls and failures are still counted."""
    found = score_tools(_case(None, output={"contains": ["hi"]}), _trace("a1 b!"))
    assert {Abstained("the case expects nothing of tool calls")} == {found[n] for n in _JUDGED}
    assert Scored(0.5, (1, 2)) == found["tool_failure"]
    assert Scored(2.0) == found["tool_invocations"]


@pytest.mark.parametrize("status", ["crashed", "timed_out", "bad_output", "limit", "unfinished"])
def test_a_failed_trial_counts_what_it_made_and_misses_the_rest(status: TraceStatus) -> None:
    """Calls made before the end count; the trajectory is never right."""
    part = _values(score_tools(_case("a1 b1"), _trace("a1", status)))
    assert ((1, 2), (1, 1), (1, 1), (1, 2), (2, 3), 0.0) == part
    whole = score_tools(_case("a1 b1"), _trace("a1 b1", status))
    assert (1.0, 0.0) == (
        _value(whole["tool_call_accuracy"]),
        _value(whole["tool_calls_match"]),
    )
    nothing = score_tools(_case(""), _trace("", status))
    assert [0.0] * 6 == [_value(nothing[name]) for name in _JUDGED]


def test_a_trial_that_was_not_measured_is_broken() -> None:
    """A failure of ours is no evidence about the agent."""
    found = score_tools(_case("a1"), _trace("a1", "not_measured", error="no recording"))
    assert dict.fromkeys(SCORES, Broken("the trial was not measured: no recording")) == found


def test_a_rule_that_cannot_be_applied_breaks_the_scores() -> None:
    """A misspelt rule is never a match and never a mismatch; counting goes on."""
    rules = [{"name": "a", "arguments": {"x": 1}, "rules": {"y": {"rule": "ignore"}}}]
    case = _case(None, tool_calls=rules)
    found = score_tools(case, _trace("a1"))
    for name in _JUDGED:
        score = found[name]
        assert isinstance(score, Broken)
        assert "case 'c': expected call 0 ('a'): a rule for argument 'y'" in score.error
    assert Scored(1.0) == found["tool_invocations"]
    with pytest.raises(ValueError, match="a rule for argument 'y'"):
        compile_case(case)


def test_only_the_agents_own_calls_count() -> None:
    """Calls of the user are neither made, nor failed, nor expected of the agent."""
    user = ToolCall(name="u", error="timeout", requestor="user")
    own = ToolCall(name="a", arguments={"x": 1})
    trace = Trace(case_id="c", steps=(user, LlmCall(), own, user))
    found = score_tools(_case("a1"), trace)
    assert (Scored(1.0, (1, 1)), Scored(0.0, (0, 1)), Scored(1.0)) == (
        found["tool_call_accuracy"],
        found["tool_failure"],
        found["tool_invocations"],
    )
    of_user = _case(None, tool_calls=[{"name": "u", "requestor": "user"}])
    assert isinstance(score_tools(of_user, trace)["tool_call_recall"], Abstained)
    by_either = _case(None, "tau2", tool_calls=[{"name": "u", "requestor": "user"}])
    assert Scored(1.0, (1, 1)) == score_tools(by_either, trace)["tool_call_recall"]


def test_failed_calls() -> None:
    """An error and arguments that cannot be parsed are failures; no call has no rate."""
    calls = (
        ToolCall(name="a", error="503"),
        ToolCall(name="a", error="", arguments="{"),
        ToolCall(name="a", arguments="{"),
        ToolCall(name="a", result={"ok": True}),
    )
    found = score_tools(_case(None), Trace(case_id="c", steps=calls))
    assert Scored(0.75, (3, 4)) == found["tool_failure"]
    none = score_tools(_case(None), Trace(case_id="c"))
    assert Abstained("no tool was called") == none["tool_failure"]
    assert Scored(0.0) == none["tool_invocations"]


def test_a_prepared_case_says_the_same() -> None:
    """A matcher that is reused over trials changes nothing."""
    case = _case("a1 b1", "exact")
    matcher = compile_case(case)
    for calls in ("a1 b1", "b1", ""):
        assert score_tools(case, _trace(calls)) == score_tools(case, _trace(calls), matcher)


_CALLS = st.lists(st.sampled_from(["a1", "a2", "b1", "c1"]), max_size=4).map(" ".join)
_WANTED = st.lists(st.sampled_from(["a1", "a2", "b1", "b1?", "a1?"]), max_size=4).map(" ".join)
_KINDS = st.sampled_from([*_MODES, "tau2"])


@given(_WANTED, _CALLS, _KINDS, st.sampled_from(["a9", "b9", "z1", "a!"]), st.integers(0, 4))
def test_a_wrong_call_never_raises_accuracy(
    wanted: str, calls: str, mode: str, wrong: str, place: int
) -> None:
    """A call that is right for nothing, put anywhere, makes no accuracy better."""
    words = calls.split()
    words.insert(place, wrong)
    case = _case(wanted, mode)
    before = score_tools(case, _trace(calls))
    after = score_tools(case, _trace(" ".join(words)))
    for name in ("tool_call_accuracy", "tool_call_precision", "tool_call_recall", "tool_call_f1"):
        assert _value(after[name]) <= _value(before[name])
    assert _value(after["tool_calls_match"]) <= _value(before["tool_calls_match"])


@given(_WANTED, _CALLS, _KINDS)
def test_breaking_off_never_helps(wanted: str, calls: str, mode: str) -> None:
    """The same calls score no better in a trial that failed."""
    case = _case(wanted, mode)
    finished = score_tools(case, _trace(calls))
    crashed = score_tools(case, _trace(calls, "crashed"))
    assert all(_value(crashed[name]) <= _value(finished[name]) for name in _JUDGED)


@given(_WANTED, _CALLS, _KINDS)
def test_full_accuracy_is_a_right_trajectory(wanted: str, calls: str, mode: str) -> None:
    """Accuracy 1 and a right trajectory are one thing, but for what `subset` lets be left out."""
    found = score_tools(_case(wanted, mode), _trace(calls))
    full = _value(found["tool_call_accuracy"]) == 1.0
    right = _value(found["tool_calls_match"]) == 1.0
    assert full <= right
    assert mode == "subset" or full == right


@given(_WANTED, _CALLS, _KINDS)
def test_every_ratio_is_a_ratio(wanted: str, calls: str, mode: str) -> None:
    """Values lie in [0, 1], every name is there, counts are whole numbers in order."""
    found = score_tools(_case(wanted, mode), _trace(calls))
    assert set(SCORES) == set(found)
    for name in _RATIOS:
        score = found[name]
        assert isinstance(score, Scored)
        assert score.counts is not None
        assert 0 <= score.counts[0] <= score.counts[1]
        assert 0.0 <= score.value <= 1.0
