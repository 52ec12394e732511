"""What a conversation with a simulated user is worth."""

from collections.abc import Callable

import pytest

from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import LlmCall, Step, ToolCall, Trace, TraceUser, Unread, UserMessage
from evalgate.scorers.builtin import builtin_scorers, score_trial
from evalgate.scorers.dialogue import score_dialogue
from evalgate.scorers.settings import Settings

USER = {"model": "gpt-4.1-mini", "goal": "g", "max_turns": 7}
LOOK = {"name": "look", "arguments": {"id": 1}}
PAY = {"name": "pay", "arguments": {"id": 1}}


def said(text: str) -> UserMessage:
    """Make a message of the user."""
    return UserMessage(content=text)


def call(name: str, number: int = 1) -> ToolCall:
    """Make a call of a tool."""
    return ToolCall(name=name, arguments={"id": number})


def score(
    steps: tuple[Step, ...], *, calls: object = (LOOK, PAY), **trace: object
) -> dict[str, Score]:
    """Score a conversation of these steps."""
    expected = {"tool_calls": calls, "tool_match": "any_order"}
    case = Case.model_validate({"id": "c", "input": "", "user": USER, "expected": expected})
    whole = Trace.model_validate({"case_id": "c", "steps": steps, **trace})
    return score_dialogue(case, whole)


def test_a_goal_is_reached_in_some_turns_with_some_words() -> None:
    """The stop word is no word, and the message that only closes is no turn."""
    found = score((said("I want it"), said("now, please"), said("Thanks ###STOP###")))
    assert (1.0, 2.0, 6.0) == tuple(
        getattr(found[name], "value", None)
        for name in ("user_goal_reached", "user_turns_to_goal", "user_effort")
    )


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("###GIVE-UP###", {}),
        ("and then?", {}),
        ("###STOP###", {"status": "crashed"}),
        ("###STOP###", {"user": TraceUser(model="m", ending="gave_up")}),
    ],
)
def test_a_goal_that_was_not_reached_took_all_turns(text: str, fields: dict[str, object]) -> None:
    """It never looks near because somebody gave up early."""
    found = score((said("hi"), said(text)), **fields)
    assert Scored(0.0) == found["user_goal_reached"]
    assert Scored(7.0) == found["user_turns_to_goal"]
    assert isinstance(found["user_effort"], Abstained)


@pytest.mark.parametrize(
    ("steps", "counts"),
    [
        ((said("a"), call("look"), said("b"), call("pay")), (2, 2)),
        ((said("a"), call("look"), call("pay"), said("b")), (1, 1)),
        ((said("a"), call("look"), call("drop"), said("b"), call("pay")), (1, 2)),
        ((said("a"), call("look", 2), said("b"), call("pay")), (1, 2)),
        ((said("a"), call("look"), said("b")), (1, 2)),
        ((said("a"), said("b")), (0, 1)),
        (
            (
                said("a"),
                call("look"),
                ToolCall(name="toggle", requestor="user"),
                said("b"),
                call("pay"),
            ),
            (2, 2),
        ),
    ],
)
def test_tools_are_right_turn_by_turn(steps: tuple[Step, ...], counts: tuple[int, int]) -> None:
    """A turn with one wrong call is wrong; calls that are missing are one more such turn."""
    assert Scored(counts[0] / counts[1], counts) == score(steps)["turn_tool_accuracy"]


def test_without_calls_there_is_nothing_to_count() -> None:
    """None expected and none made is right, unless the trial broke off."""
    assert Scored(1.0, (0, 0)) == score((said("a"),), calls=())["turn_tool_accuracy"]
    broke_off = score((said("a"),), calls=(), status="timed_out")
    assert Scored(0.0, (0, 0)) == broke_off["turn_tool_accuracy"]
    assert isinstance(score((said("a"),), calls=None)["turn_tool_accuracy"], Abstained)


def test_what_cannot_be_known_is_not_guessed() -> None:
    """Items nobody could read, and rules that cannot be applied."""
    unread = score((said("a"), Unread(type="odd")))["turn_tool_accuracy"]
    assert isinstance(unread, Abstained)
    assert unread.unknown
    wrong = [{"name": "look", "arguments": {}, "rules": {"id": {"rule": "regex", "pattern": "("}}}]
    assert isinstance(score((said("a"),), calls=wrong)["turn_tool_accuracy"], Broken)


def test_cases_without_a_user_have_no_such_scores() -> None:
    """Their results stay as they were, to the byte; in a mixed set they abstain."""
    plain = Case(id="c", input="hi")
    talking = Case.model_validate({"id": "d", "input": "", "user": USER})
    trace = Trace(case_id="c", output="x")
    alone = score_trial(builtin_scorers(Settings(), [plain]), plain, trace)
    mixed = score_trial(builtin_scorers(Settings(), [plain, talking]), plain, trace)
    assert "user_goal_reached" not in alone.scores
    assert isinstance(mixed.scores["user_goal_reached"], Abstained)
    assert None is alone.user


def test_a_user_is_paid_apart(make_trace: Callable[..., Trace]) -> None:
    """Its tokens and its cost stand beside the agent's and never in them."""
    case = Case.model_validate({"id": "c", "input": "", "user": USER})
    own = LlmCall(provider="openai", model="gpt-4o-mini", input_tokens=1000, output_tokens=0)
    users = LlmCall(
        provider="openai", model="gpt-4.1-mini", input_tokens=1_000_000, output_tokens=0
    )
    user = TraceUser(model="gpt-4.1-mini", ending="reached", calls=(users, users))
    settings = Settings(evidence="gateway")
    result = score_trial(builtin_scorers(settings, [case]), case, make_trace(own, user=user))
    assert Scored(0.00015) == result.scores["cost_usd"]
    assert (1000, 0) == (result.usage.input_tokens, result.usage.output_tokens)
    assert result.user is not None
    assert (2, 2_000_000, 0) == (
        result.user.calls,
        result.user.input_tokens,
        result.user.output_tokens,
    )
    assert result.user.cost_usd == pytest.approx(0.8)
    unpriced = user.model_copy(update={"calls": (users.model_copy(update={"model": "new"}),)})
    unknown = score_trial(builtin_scorers(settings, [case]), case, make_trace(own, user=unpriced))
    assert unknown.user is not None
    assert None is unknown.user.cost_usd
