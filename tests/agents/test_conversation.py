"""The agent talks to its user turn by turn, and whoever leaves the rules is named."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from evalgate.agents.agent_input import AgentCase
from evalgate.agents.base import Context
from evalgate.agents.clock import Clock
from evalgate.agents.conversation import speaking
from evalgate.agents.trial import run_trial
from evalgate.schema.golden import Case, SimulatedUser
from evalgate.schema.trace import Trace, UserMessage
from evalgate.users.prompt import Said

USER = {"model": "m", "goal": "get your money back", "facts": {"order": "A1042"}, "max_turns": 3}


class Ticking:
    """A clock that moves when somebody takes time."""

    def __init__(self) -> None:
        """Start at noon."""
        self.now = 100.0

    def clock(self) -> Clock:
        """Return it as agents know it."""
        return Clock(lambda: self.now, lambda: self.now)


class Lines:
    """A user that says its lines, whatever it hears, and takes ten seconds for each."""

    def __init__(self, lines: Sequence[str], ticking: Ticking) -> None:
        """Take the lines."""
        self.lines = list(lines)
        self.heard: list[tuple[Said, ...]] = []
        self.ticking = ticking

    async def say(self, _user: SimulatedUser, said: Sequence[Said]) -> str:
        """Say the next line."""
        self.heard.append(tuple(said))
        self.ticking.now += 10
        return self.lines.pop(0)


def talk(
    lines: Sequence[str], answers: Sequence[object], **case: object
) -> tuple[Trace, list[AgentCase], Lines]:
    """Let an agent that gives these answers talk to a user that says these lines."""
    ticking = Ticking()
    asked: list[AgentCase] = []
    user, left = Lines(lines, ticking), list(answers)

    async def ask(question: AgentCase, _left: float) -> str:
        asked.append(question)
        ticking.now += 1
        return json.dumps({"output": left.pop(0)})

    given = {"id": "a", "input": "Hello", "user": USER, **case}
    trial = run_trial(
        Case.model_validate(given),
        Context(timeout_s=5),
        ask,
        clock=ticking.clock(),
        trust_reported=False,
    )
    with speaking(user):
        trace = asyncio.run(trial)
    return trace, asked, user


def test_the_agent_is_asked_again_with_the_conversation_so_far() -> None:
    """Each turn brings all messages; the stop is for us and not for the agent."""
    trace, asked, user = talk(
        ["It is A1042.", "Thanks ###STOP###"], ["Which order?", {"done": True}]
    )
    assert [0, 1] == [question.turn for question in asked]
    assert ["Hello", "It is A1042."] == [question.text for question in asked]
    assert [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Which order?"},
        {"role": "user", "content": "It is A1042."},
    ] == asked[1].messages
    assert ("assistant", '{"done": true}') == user.heard[1][-1]
    assert ("finished", {"done": True}) == (trace.status, trace.output)
    assert trace.user is not None
    assert ("reached", None) == (trace.user.ending, trace.user.broken)
    said = [step.content for step in trace.steps if isinstance(step, UserMessage)]
    assert ["Hello", "It is A1042.", "Thanks ###STOP###"] == said


def test_the_users_time_is_none_of_the_agents() -> None:
    """Twenty seconds of the user leave two answers of one second within five."""
    trace, _, _ = talk(["It is A1042.", "###STOP###"], ["Which order?", "Done."])
    assert ("finished", 2.0) == (trace.status, trace.duration)


def test_an_empty_input_lets_the_user_open() -> None:
    """It then speaks first; after a greeting of the agent too."""
    trace, asked, user = talk(["Hi there", "###STOP###"], ["Done."], input="")
    assert ("Hi there", ()) == (asked[0].text, user.heard[0])
    greeting = [{"role": "system", "content": "s"}, {"role": "assistant", "content": "Hi!"}]
    trace, asked, user = talk(["I want it", "###STOP###"], ["Done."], input=greeting)
    assert (("assistant", "Hi!"),) == user.heard[0]
    assert ["system", "assistant", "user"] == [m["role"] for m in asked[0].messages]
    assert "finished" == trace.status


@pytest.mark.parametrize(
    ("lines", "answers", "why"),
    [
        (["It is A1043."], ["Which?"], "gave away 'A1043'; 'order' of its facts is 'A1042'"),
        (["", ""], ["Which?"], "said nothing"),
        (list("abcd"), list("wxyz"), "did not stop after 3 messages (max_turns: 3)"),
        (["Hello", "hello"], ["w", "x"], "said the same thing 3 times"),
    ],
)
def test_a_broken_script_is_not_measured(lines: list[str], answers: list[object], why: str) -> None:
    """It says nothing of the agent, good or bad; what was said is kept."""
    trace, _, _ = talk(lines, answers)
    assert "not_measured" == trace.status
    assert trace.user is not None
    assert why in str(trace.user.broken)
    assert f"the simulated user broke its script: {trace.user.broken}" == trace.error
    assert isinstance(trace.steps[-1], UserMessage)


def test_an_agent_out_of_time_has_failed() -> None:
    """Only its own seconds count, and they end."""
    user = {**USER, "max_turns": 20}
    trace, _, _ = talk(list("abcdefgh"), list("stuvwxyz"), user=user)
    assert "timed_out" == trace.status
    assert "no time was left for turn 6 (timeout_s: 5)" == trace.error


def test_nobody_to_play_the_user_is_not_measured() -> None:
    """Somewhere else, such as on a cluster, there is no gateway to ask it through."""

    async def ask(_question: AgentCase, _left: float) -> str:
        return '{"output": "never asked"}'

    case = Case.model_validate({"id": "a", "input": "Hello", "user": USER})
    trial = run_trial(case, Context(), ask, clock=Ticking().clock(), trust_reported=False)
    trace = asyncio.run(trial)
    assert "not_measured" == trace.status
    assert "nobody plays the simulated user here" in str(trace.error)
