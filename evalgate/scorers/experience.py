"""What a user meets: time, turns, hand-overs, and whether the goal was reached."""

from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Score, Scored
from evalgate.schema.trace import LlmCall, ToolCall, Trace, UserMessage
from evalgate.scorers.recorded import recorded_value
from evalgate.scorers.settings import NO, YES, Settings, binary, failed, unknown
from evalgate.scorers.signals import handed_over

VERSION = "1"
"""Changes when the definition changes."""

TIMES = ("own_time", "completion_time")
"""Scores that a replay measures where they gate."""

SCORES = (
    *TIMES,
    "ttft",
    "llm_calls_per_turn",
    "tool_fan_out",
    "handoff_missed",
    "handoff_unneeded",
    "escalation",
    "session_continuity",
    "goal_attainment",
    "goal_success",
)
"""Names of the scores of a trial."""

_UNFINISHED = Abstained("the trial did not finish")
_NO_DURATION = unknown("the trial has no duration")
_DIGITS = 4
_NOT_GATED = Abstained("measured, and kept in manifest.json; gate own_time_p95 to judge by it")
_NOT_STORED = unknown("it is measured while the agent runs: run the suite again")
_NO_CALL_TIMES = unknown("the trace does not say when its LLM calls were made")
_NO_CALLS = unknown("no LLM call was seen")
_NO_FIRST_TOKEN = unknown("the first LLM call has no time to its first token")
_NOT_JUDGED = Abstained("the case expects nothing of hand-overs")
_WANTED = Abstained("the case expects a hand-over")
_UNWANTED = Abstained("the case expects no hand-over")
_BROKE_OFF = unknown("the trial failed before a hand-over")
_NO_FEEDBACK = Abstained("the trace carries neither feedback nor a score of goal attainment")
_THUMBS = {"up": Scored(5.0), "down": Scored(1.0)}
_SMALL = tuple(Scored(float(count)) for count in range(11))
"""Small counts, shared by all trials."""


def score_experience(case: Case, trace: Trace, settings: Settings) -> dict[str, Score]:
    """Score times, loop length, fan-out, hand-overs and goal attainment of one trial."""
    handed = handed_over(trace)
    done = not failed(trace)
    goal = _goal(trace, settings)
    return {
        "own_time": _own_time(trace, settings) if done else _UNFINISHED,
        "completion_time": _completion(trace, settings) if done else _UNFINISHED,
        "ttft": _first_token(trace) if done else _UNFINISHED,
        **_loops(trace),
        **_handoffs(case, handed=handed, done=done),
        "escalation": YES if handed else NO if done else _BROKE_OFF,
        "session_continuity": binary(holds=done),
        "goal_attainment": goal,
        "goal_success": binary(holds=goal.value >= settings.goal_success)
        if isinstance(goal, Scored)
        else goal,
    }


def _completion(trace: Trace, settings: Settings) -> Score:
    """Return the duration; in a replay that gates times, what the code took now counts."""
    if trace.replayed and settings.times_gate:
        if trace.own_time is None:
            return _NOT_STORED
        return Scored(round(trace.own_time + _model_time(trace), _DIGITS))
    return _NO_DURATION if trace.duration is None else Scored(trace.duration)


def _own_time(trace: Trace, settings: Settings) -> Score:
    """Return the time outside model calls: code, tools, waiting."""
    if settings.evidence in ("gateway", "replayed") and not settings.times_gate:
        return _NOT_GATED  # a recording and its replay have the same scores
    if trace.own_time is not None:
        return Scored(trace.own_time)
    if trace.replayed:
        return _NOT_STORED
    calls = [step for step in trace.steps if isinstance(step, LlmCall)]
    if trace.duration is None:
        return _NO_DURATION
    if not calls or any(step.start is None or step.end is None for step in calls):
        return _NO_CALL_TIMES
    return Scored(round(max(0.0, trace.duration - _model_time(trace)), _DIGITS))


def _model_time(trace: Trace) -> float:
    """Return the seconds in which at least one model call was in flight."""
    spans = sorted(
        (step.start, step.end)
        for step in trace.steps
        if isinstance(step, LlmCall) and step.start is not None and step.end is not None
    )
    total, reached = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _first_token(trace: Trace) -> Score:
    """Take the time to the first token of the first call: what the user waited for."""
    first = next((step for step in trace.steps if isinstance(step, LlmCall)), None)
    if first is None:
        return _NO_CALLS
    if first.time_to_first_token is None:
        return _NO_FIRST_TOKEN
    return Scored(first.time_to_first_token)


def _loops(trace: Trace) -> dict[str, Score]:
    """Count LLM calls between two user messages, and tool calls after one LLM call; the most."""
    calls = longest = tools = widest = 0
    seen = False
    for step in trace.steps:
        if isinstance(step, LlmCall):
            seen = True
            calls += 1
            tools = 0
            longest = max(longest, calls)
        elif isinstance(step, ToolCall):
            tools += step.requestor == "assistant"
            widest = max(widest, tools)
        elif isinstance(step, UserMessage):
            calls = 0
    if not seen:
        return {"llm_calls_per_turn": _NO_CALLS, "tool_fan_out": _NO_CALLS}
    return {"llm_calls_per_turn": _count(longest), "tool_fan_out": _count(widest)}


def _count(number: int) -> Scored:
    return _SMALL[number] if number < len(_SMALL) else Scored(float(number))


def _handoffs(case: Case, *, handed: bool, done: bool) -> dict[str, Score]:
    """Compare with what the case expects; a failed trial meets no expectation."""
    match case.expected.handoff:
        case None:
            return {"handoff_missed": _NOT_JUDGED, "handoff_unneeded": _NOT_JUDGED}
        case True:
            return {"handoff_missed": binary(holds=not handed), "handoff_unneeded": _WANTED}
        case False:
            return {
                "handoff_missed": _UNWANTED,
                "handoff_unneeded": binary(holds=handed or not done),
            }


def _goal(trace: Trace, settings: Settings) -> Score:
    """Read goal attainment, 1 to 5: stars, else a thumb, else a recorded score."""
    name = settings.recorded.get("goal_attainment", "goal_attainment")
    feedback = trace.feedback
    if feedback is not None and feedback.stars is not None:
        return Scored(feedback.stars)
    if feedback is not None and feedback.thumbs is not None:
        return _THUMBS[feedback.thumbs]
    if "goal_attainment" not in settings.recorded and all(s.name != name for s in trace.scores):
        return _NO_FEEDBACK
    found = recorded_value(trace, name, settings)
    if isinstance(found, Scored) and not 1 <= found.value <= 5:
        return unknown(f"the recorded goal attainment {found.value!r} is outside 1 to 5")
    return found
