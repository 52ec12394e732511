"""Time, turns, hand-overs and goals."""

from collections.abc import Callable

import pytest

from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Score, Scored
from evalgate.schema.trace import (
    Handoff,
    LlmCall,
    RecordedScore,
    Step,
    ToolCall,
    Trace,
    UserMessage,
)
from evalgate.scorers.experience import SCORES, score_experience
from evalgate.scorers.settings import Evidence, Settings

MakeCase = Callable[..., Case]
MakeTrace = Callable[..., Trace]

RECORDED = Settings(evidence="recorded")
LLM, TOOL, USER = LlmCall(), ToolCall(name="t"), UserMessage()
THEIRS = ToolCall(name="t", requestor="user")


def value(score: Score) -> float | str:
    """Return the value of a score, or which kind of abstention it is."""
    if isinstance(score, Scored):
        return score.value
    return "unknown" if isinstance(score, Abstained) and score.unknown else "abstained"


def test_times(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """Duration, and the first call's time to its first token."""
    steps = (LlmCall(time_to_first_token=0.3), LlmCall(time_to_first_token=9.0))
    scores = score_experience(make_case(), make_trace(*steps, duration=2.5), RECORDED)

    assert set(SCORES) == set(scores)
    assert (2.5, 0.3) == (value(scores["completion_time"]), value(scores["ttft"]))


def test_unknown_times(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A missing time is unknown; a failed trial has none."""
    finished = score_experience(make_case(), make_trace(LLM), RECORDED)
    silent = score_experience(make_case(), make_trace(), RECORDED)
    failed = score_experience(make_case(), make_trace(LLM, duration=1, status="crashed"), RECORDED)

    for scores, expected in ((finished, "unknown"), (silent, "unknown"), (failed, "abstained")):
        assert [expected] * 2 == [value(scores["completion_time"]), value(scores["ttft"])]


@pytest.mark.parametrize(
    ("steps", "loop", "fan_out"),
    [
        ([], "unknown", "unknown"),
        ([TOOL], "unknown", "unknown"),
        ([LLM], 1.0, 0.0),
        ([LLM, TOOL, TOOL, LLM], 2.0, 2.0),
        ([LLM, TOOL, LLM, TOOL, TOOL, TOOL, LLM], 3.0, 3.0),
        ([USER, LLM, LLM, USER, LLM], 2.0, 0.0),
        ([USER, LLM, USER, LLM, TOOL, LLM, LLM], 3.0, 1.0),
        ([LLM, THEIRS, THEIRS], 1.0, 0.0),
        ([LLM] * 20, 20.0, 0.0),
    ],
)
def test_loops(
    make_case: MakeCase,
    make_trace: MakeTrace,
    steps: list[Step],
    loop: float | str,
    fan_out: float | str,
) -> None:
    """LLM calls between user messages, tool calls after one LLM call; the most, the agent's own."""
    scores = score_experience(make_case(), make_trace(*steps), RECORDED)

    assert (loop, fan_out) == (value(scores["llm_calls_per_turn"]), value(scores["tool_fan_out"]))


@pytest.mark.parametrize(
    ("expected", "steps", "status", "missed", "unneeded", "escalated"),
    [
        (None, [Handoff()], "finished", "abstained", "abstained", 1),
        (True, [Handoff()], "finished", 0, "abstained", 1),
        (True, [], "finished", 1, "abstained", 0),
        (True, [], "crashed", 1, "abstained", "unknown"),
        (False, [], "finished", "abstained", 0, 0),
        (False, [Handoff()], "finished", "abstained", 1, 1),
        (False, [], "timed_out", "abstained", 1, "unknown"),
    ],
)
def test_handoffs(
    *,
    make_case: MakeCase,
    make_trace: MakeTrace,
    expected: bool | None,
    steps: list[Step],
    status: str,
    missed: float | str,
    unneeded: float | str,
    escalated: float | str,
) -> None:
    """Against what the case expects; a failed trial meets no expectation and is not calm."""
    scores = score_experience(
        make_case(handoff=expected), make_trace(*steps, status=status), RECORDED
    )

    assert (missed, unneeded, escalated) == (
        value(scores["handoff_missed"]),
        value(scores["handoff_unneeded"]),
        value(scores["escalation"]),
    )


def test_session_continuity(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A session that was started is finished or not."""
    found = [
        value(score_experience(make_case(), make_trace(status=s), RECORDED)["session_continuity"])
        for s in ("finished", "crashed", "unfinished")
    ]
    assert [1.0, 0.0, 0.0] == found


@pytest.mark.parametrize(
    ("fields", "attained", "reached"),
    [
        ({}, "abstained", "abstained"),
        ({"feedback": {"thumbs": "up"}}, 5.0, 1.0),
        ({"feedback": {"thumbs": "down"}}, 1.0, 0.0),
        ({"feedback": {"stars": 4}}, 4.0, 1.0),
        ({"feedback": {"stars": 3.5, "thumbs": "up"}}, 3.5, 0.0),
        ({"feedback": {"comment": "meh"}}, "abstained", "abstained"),
        ({"scores": [{"name": "goal_attainment", "value": 4.5}]}, 4.5, 1.0),
        ({"scores": [{"name": "goal_attainment", "value": 0.9}]}, "unknown", "unknown"),
    ],
)
def test_goals(
    make_case: MakeCase,
    make_trace: MakeTrace,
    fields: dict[str, object],
    attained: float | str,
    reached: float | str,
) -> None:
    """Stars, else a thumb, else a recorded score from 1 to 5; reached from 4."""
    scores = score_experience(make_case(), make_trace(**fields), RECORDED)

    assert (attained, reached) == (value(scores["goal_attainment"]), value(scores["goal_success"]))


def test_goal_limit(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """From which attainment a goal counts as reached is the suite's to say."""
    trace = make_trace(feedback={"stars": 3})
    settings = Settings(goal_success=3.0)

    assert value(score_experience(make_case(), trace, settings)["goal_success"]) == 1.0


def test_claimed_goal(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A live agent's own score of its goal is a claim."""
    trace = make_trace(scores=[RecordedScore(name="goal_attainment", value=5)])

    assert value(score_experience(make_case(), trace, Settings())["goal_attainment"]) == "unknown"


@pytest.mark.parametrize(
    ("spans", "own"),
    [
        ([(0, 2)], 8.0),
        ([(1, 3), (2, 5)], 6.0),
        ([(1, 5), (2, 3)], 6.0),
        ([(4, 5), (1, 2)], 8.0),
        ([(0, 12)], 0.0),
        ([(0, 1.00001)], 9.0),
        ([(0, 1.00006)], 8.9999),
        ([(-3, 1)], 6.0),
    ],
)
def test_own_time_is_outside_every_call(
    make_case: MakeCase, make_trace: MakeTrace, spans: list[tuple[float, float]], own: float
) -> None:
    """Calls in flight at once are counted once; more than the duration leaves 0; 4 digits."""
    calls = [LlmCall(start=start, end=end) for start, end in spans]
    trace = make_trace(*calls, TOOL, duration=10)
    assert own == value(score_experience(make_case(), trace, RECORDED)["own_time"])


@pytest.mark.parametrize(
    ("calls", "fields", "expected"),
    [
        ([], {"duration": 10}, "unknown"),
        ([LLM], {"duration": 10}, "unknown"),
        ([LlmCall(start=0)], {"duration": 10}, "unknown"),
        ([LlmCall(end=1)], {"duration": 10}, "unknown"),
        ([LlmCall(start=0, end=1), LLM], {"duration": 10}, "unknown"),
        ([LlmCall(start=0, end=1)], {}, "unknown"),
        ([LLM], {"own_time": 0.25}, 0.25),
        ([LlmCall(start=0, end=1)], {"replayed": True, "duration": 10}, "unknown"),
        ([LLM], {"replayed": True, "own_time": 0.25}, 0.25),
    ],
)
def test_own_time_is_measured_or_unknown(
    make_case: MakeCase,
    make_trace: MakeTrace,
    calls: list[Step],
    fields: dict[str, object],
    expected: float | str,
) -> None:
    """What the trace says, else from the times of every call, else unknown."""
    trace = make_trace(*calls, **fields)
    assert expected == value(score_experience(make_case(), trace, RECORDED)["own_time"])


@pytest.mark.parametrize("evidence", ["gateway", "replayed"])
def test_times_of_a_replay_count_where_they_gate(
    make_case: MakeCase, make_trace: MakeTrace, evidence: Evidence
) -> None:
    """Own time now, plus the recorded time of the calls; else the duration as it was recorded."""
    gates = Settings(evidence=evidence, times_gate=True)
    calls = [LlmCall(start=0, end=2), LlmCall(start=3, end=4.00006), LLM, LlmCall(start=1)]
    trace = make_trace(*calls, duration=9, replayed=True, own_time=0.5)
    scores = score_experience(make_case(), trace, gates)
    assert (0.5, 3.5001) == (value(scores["own_time"]), value(scores["completion_time"]))
    shown = score_experience(make_case(), trace, Settings(evidence=evidence))
    assert ("abstained", 9.0) == (value(shown["own_time"]), value(shown["completion_time"]))
    bare = make_trace(duration=9, replayed=True)
    scores = score_experience(make_case(), bare, gates)
    assert ("unknown", "unknown") == (value(scores["own_time"]), value(scores["completion_time"]))
    live = make_trace(duration=9, own_time=0.5)
    assert 9.0 == value(score_experience(make_case(), live, gates)["completion_time"])


@pytest.mark.parametrize(
    ("given", "attained"), [(1, 1.0), (5, 5.0), (0.99, "unknown"), (5.01, "unknown")]
)
def test_the_ends_of_goal_attainment(
    make_case: MakeCase, make_trace: MakeTrace, given: float, attained: float | str
) -> None:
    """1 and 5 are grades."""
    trace = make_trace(scores=[RecordedScore(name="goal_attainment", value=given)])
    assert attained == value(score_experience(make_case(), trace, RECORDED)["goal_attainment"])


def test_goal_attainment_by_another_name(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A mapped score is asked for by its name; without it, it is unknown and not absent."""
    settings = Settings(evidence="recorded", recorded={"goal_attainment": "csat"})
    found = make_trace(scores=[RecordedScore(name="csat", value=2)])
    assert 2.0 == value(score_experience(make_case(), found, settings)["goal_attainment"])
    other = make_trace(scores=[RecordedScore(name="goal_attainment", value=2)])
    assert "unknown" == value(score_experience(make_case(), other, settings)["goal_attainment"])
