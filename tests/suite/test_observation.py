"""The gateway's word counts: what an agent says about its own calls does not."""

from typing import Any

from evalgate.gateway.sessions import Outcome
from evalgate.schema.trace import LlmCall, ToolCall, Trace, UserMessage
from evalgate.suite.observation import seen_by_gateway


def call(*users: str, tokens: int = 10) -> LlmCall:
    """Make a call that was sent these user messages."""
    messages: Any = [{"role": "user", "content": text} for text in users]
    return LlmCall(model="m", input=messages, input_tokens=tokens, output_tokens=0)


def test_reported_calls_are_dropped() -> None:
    """Calls an agent claims are replaced by those that were seen; other steps stay."""
    steps = (LlmCall(model="claimed"), ToolCall(name="claimed"), UserMessage(content="hi"))
    trace = Trace(case_id="a", steps=steps)
    seen = seen_by_gateway(trace, Outcome(steps=(call("hi"), ToolCall(name="real"))))
    assert ["user_message", "llm_call", "tool_call"] == [step.kind for step in seen.steps]
    assert ["real"] == [step.name for step in seen.steps if isinstance(step, ToolCall)]


def test_a_difference_in_tokens_is_noted() -> None:
    """An agent that counts otherwise is shown; one that says nothing is not."""
    claimed = Trace(case_id="a", steps=(call(tokens=7),))
    noted = seen_by_gateway(claimed, Outcome(steps=(call(tokens=10),)))
    silent = seen_by_gateway(Trace(case_id="a"), Outcome(steps=(call(tokens=10),)))
    assert "the agent reports 7 tokens, the gateway saw 10" == noted.metadata["gateway"]
    assert "gateway" not in silent.metadata


def test_a_miss_is_not_measured() -> None:
    """Whatever the agent made of the error it got, the trial is no evidence."""
    outcome = Outcome(steps=(), status="not_measured", error="the request is not recorded")
    seen = seen_by_gateway(Trace(case_id="a", output="I made something up"), outcome)
    assert ("not_measured", "the request is not recorded") == (seen.status, seen.error)


def test_a_replay_has_the_recorded_times() -> None:
    """Two replays are the same: clock and duration of this machine are dropped."""
    steps = (UserMessage(content="hi", start=1.0, end=1.0),)
    trace = Trace(case_id="a", steps=steps, duration=9.0, started_at="2026-01-01T00:00:00Z")
    seen = seen_by_gateway(trace, Outcome(steps=(call("hi"),), replayed=1, duration=2.5))
    assert (True, 2.5, None) == (seen.replayed, seen.duration, seen.started_at)
    assert {None} == {step.start for step in seen.steps}


def test_a_half_recorded_trial_is_live() -> None:
    """One live response is enough: the times are of this run."""
    trace = Trace(case_id="a", duration=9.0)
    seen = seen_by_gateway(trace, Outcome(steps=(), replayed=1, live=1))
    assert (False, 9.0) == (seen.replayed, seen.duration)


def test_turns_stand_before_the_calls_they_caused() -> None:
    """A second message comes before the first call that was sent it."""
    said = (UserMessage(content="one"), UserMessage(content="two"))
    outcome = Outcome(steps=(call("one"), call("one"), call("one", "two")))
    seen = seen_by_gateway(Trace(case_id="a", steps=said), outcome)
    kinds = [getattr(step, "content", step.kind) for step in seen.steps]
    assert ["one", "llm_call", "llm_call", "two", "llm_call"] == kinds
