"""What nobody could read is not nothing: the scores that it could change are not measured."""

from collections.abc import Callable

import pytest

from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import GuardrailStep, ToolCall, Trace, Unread, UnreadPart
from evalgate.scorers.builtin import builtin_scorers, score_trial
from evalgate.scorers.settings import Settings

_ITEM = Unread(type="hologram_call", item={"type": "hologram_call"})


def _scores(case: Case, trace: Trace) -> dict[str, Score]:
    return dict(score_trial(builtin_scorers(Settings(), [case]), case, trace).scores)


def test_no_call_seen_beside_an_unread_item_is_no_proof_that_none_was_made(
    make_case: Callable[..., Case], make_trace: Callable[..., Trace]
) -> None:
    """A case that allows no call is neither passed nor failed, and the type is named."""
    scores = _scores(make_case(tool_calls=[]), make_trace(_ITEM))
    assert isinstance(scores["task_success"], Broken)
    assert "hologram_call" in str(scores["task_success"])
    for name in ("tool_calls_match", "tool_call_accuracy", "tool_failure", "tool_invocations"):
        score = scores[name]
        assert isinstance(score, Abstained)
        assert score.unknown


def test_a_call_where_none_may_be_stays_wrong(
    make_case: Callable[..., Case], make_trace: Callable[..., Trace]
) -> None:
    """No item that could not be read makes a forbidden call right."""
    scores = _scores(make_case(tool_calls=[]), make_trace(_ITEM, ToolCall(name="refund")))
    assert Scored(0.0) == scores["task_success"]


def test_an_expectation_that_does_not_rest_on_it_still_fails(
    make_case: Callable[..., Case], make_trace: Callable[..., Trace]
) -> None:
    """An item that can only be a call does not excuse a wrong answer."""
    call = Unread(type="x", parts=("tool_calls",))
    case = make_case(output={"contains": ["Paris"]}, tool_calls=[])
    assert Scored(0.0) == _scores(case, make_trace(call))["task_success"]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("output", {"output": {"contains": ["way"]}}),
        ("output", {"refusal": False}),
        ("tool_calls", {"handoff": False}),
        ("tool_calls", {"guardrail": "pass"}),
    ],
)
def test_what_rests_on_an_unread_part_is_not_measured(
    part: UnreadPart,
    expected: dict[str, object],
    make_case: Callable[..., Case],
    make_trace: Callable[..., Trace],
) -> None:
    """An expectation that holds without the item may fail with it."""
    case = make_case(**expected)
    assert Scored(1.0) == _scores(case, make_trace())["task_success"]
    unread = make_trace(Unread(type="x", parts=(part,)))
    assert isinstance(_scores(case, unread)["task_success"], Broken)


def test_unread_usage_leaves_cost_unknown_and_success_alone(
    make_case: Callable[..., Case], busy_trace: Trace
) -> None:
    """A model call that could not be read may have cost something."""
    steps = (*busy_trace.steps, Unread(type="model", parts=("usage",)))
    trace = busy_trace.model_copy(update={"steps": steps})
    case = make_case(output={"contains": ["way"]})
    assert isinstance(_scores(case, busy_trace)["cost_usd"], Scored)
    scores = _scores(case, trace)
    assert isinstance(scores["cost_usd"], Abstained)
    assert Scored(1.0) == scores["task_success"]


def test_a_violation_that_was_seen_stays(
    make_case: Callable[..., Case], make_trace: Callable[..., Trace]
) -> None:
    """What happened is not undone by what could not be read; what did not is not proven."""
    block = GuardrailStep(decision="block")
    seen = _scores(make_case(), make_trace(_ITEM, block))["guardrail_violation"]
    assert Scored(1.0) == seen
    assert isinstance(_scores(make_case(), make_trace(_ITEM))["guardrail_violation"], Abstained)


@pytest.mark.parametrize(
    ("compared", "known"), [(((), ()), True), (((), None), False), ((None, None), False)]
)
def test_unread_arguments_matter_where_one_call_compares_them(
    compared: tuple[object, ...],
    make_case: Callable[..., Case],
    make_trace: Callable[..., Trace],
    *,
    known: bool,
) -> None:
    """Names alone are matched without them; one call that compares arguments needs them."""
    wanted = [{"name": "t", "arguments": {}, "compare_args": args} for args in compared]
    calls = [ToolCall(name="t"), ToolCall(name="t")]
    trace = make_trace(*calls, Unread(type="x", parts=("arguments",)))
    scores = _scores(make_case(tool_calls=wanted), trace)
    assert isinstance(scores["tool_selection_accuracy"], Scored)
    assert isinstance(scores["tool_call_accuracy"], Scored) == known
