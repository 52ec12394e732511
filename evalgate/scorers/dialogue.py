"""What became of a conversation with a simulated user."""

from evalgate.schema.golden import Case, SimulatedUser
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import ToolCall, Trace, UserMessage
from evalgate.scorers.settings import binary, failed, unknown
from evalgate.scorers.tools import compile_case
from evalgate.scorers.unread import unread_parts
from evalgate.users.ending import ending_of_trace, stops_of, user_messages

VERSION = "1"
"""Changes when a definition below changes."""

SCORES = ("user_goal_reached", "user_turns_to_goal", "user_effort", "turn_tool_accuracy")
"""Names of the scores of a trial."""

_NO_USER = Abstained("the case has no simulated user")
_NOT_REACHED = Abstained("the user did not reach its goal")
_NO_CALLS_ASKED = Abstained("the case expects nothing of tool calls")


def score_dialogue(case: Case, trace: Trace) -> dict[str, Score]:
    """Score one conversation: goal, turns, effort, and tools turn by turn.

    Args:
        case: The case.
        trace: Its trial; recorded conversations are read by the stop words of the case.
    """
    if case.user is None:
        return dict.fromkeys(SCORES, _NO_USER)
    reached = not failed(trace) and ending_of_trace(case, trace) == "reached"
    said = user_messages(trace)
    # A goal that was not reached must not look near: it took all the turns there are.
    turns = len(said) - 1 if reached else case.user.max_turns
    return {
        "user_goal_reached": binary(holds=reached),
        "user_turns_to_goal": Scored(float(turns)),
        "user_effort": Scored(float(_words(case.user, said))) if reached else _NOT_REACHED,
        "turn_tool_accuracy": _by_turn(case, trace),
    }


def _words(user: SimulatedUser, said: tuple[str, ...]) -> int:
    """Count the words a user had to say, its stop words aside."""
    text = " ".join(said)
    for stop in stops_of(user):
        text = text.replace(stop, " ")
    return len(text.split())


def _by_turn(case: Case, trace: Trace) -> Score:
    """Count the turns whose tool calls are all right, over those with calls.

    Calls that are missing altogether belong to no turn, and count as one more that is wrong.
    """
    try:
        matcher = compile_case(case)
    except ValueError as error:
        return Broken(f"case {case.id!r}: {error}")
    if matcher is None or not (matcher.calls or matcher.forbids_all):
        return _NO_CALLS_ASKED
    unread = unread_parts(trace)
    for part in ("tool_calls", "arguments"):
        if part in unread:
            return unknown(unread[part])
    turns = _turns_of_calls(trace)
    result = matcher.match([call for call, _ in turns])
    right = {at for _, at in result.pairs} | (set(result.extra) if result.extra_allowed else set())
    own = {at: turn for at, (call, turn) in enumerate(turns) if call.requestor == "assistant"}
    wrong = {turn for at, turn in own.items() if at not in right}
    count = len(set(own.values())) + bool(result.missed)
    good = len(set(own.values()) - wrong)
    nothing = float(not failed(trace))
    return Scored(good / count if count else nothing, (good, count))


def _turns_of_calls(trace: Trace) -> list[tuple[ToolCall, int]]:
    """Return every tool call with the number of messages the user had said before it."""
    turn = 0
    found: list[tuple[ToolCall, int]] = []
    for step in trace.steps:
        if isinstance(step, UserMessage):
            turn += 1
        elif isinstance(step, ToolCall):
            found.append((step, turn))
    return found
