"""Merges what an agent says of a trial with what the gateway saw of it."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from evalgate.schema.trace import LlmCall, Step, ToolCall, Trace, UserMessage

if TYPE_CHECKING:
    from evalgate.gateway.sessions import Outcome


_DIGITS = 4
"""Digits of a second that cassettes keep."""


def seen_by_gateway(trace: Trace, outcome: "Outcome") -> Trace:
    """Let the gateway's word count.

    LLM and tool calls that the agent reports about itself are dropped; where its tokens differ
    from the gateway's, that is noted. A trial that missed a recording is not measured, whatever
    the agent made of the error it got. A replayed trial has the recorded times and no others, so
    that two replays are the same.
    """
    claimed = [step for step in trace.steps if isinstance(step, LlmCall)]
    own = [step for step in trace.steps if not isinstance(step, LlmCall | ToolCall)]
    replayed = bool(outcome.replayed) and not outcome.live
    if outcome.user is not None:
        steps = _turn_by_turn(own, outcome.steps, outcome.user.spoken)
    else:
        if replayed:
            own = [step.model_copy(update={"start": None, "end": None}) for step in own]
        steps = tuple(_interleaved(own, outcome.steps))
    update: dict[str, object] = {
        "steps": steps,
        "replayed": replayed,
        "recording": outcome.recording,
        "model_calls": outcome.requests,
        "metadata": {**trace.metadata, **_notes(claimed, outcome)},
    }
    if trace.duration is not None:
        update["duration"] = round(trace.duration, _DIGITS)  # as it is recorded
        update["own_time"] = round(max(0.0, trace.duration - outcome.waited), _DIGITS)
    if replayed:
        update |= {"duration": outcome.duration, "started_at": None}
    if outcome.user is not None and trace.user is not None:
        update["user"] = trace.user.model_copy(update={"calls": outcome.user.calls})
    if outcome.final_state is not None:
        update["final_state"] = outcome.final_state
    if outcome.status is None and outcome.unmade is not None and trace.status == "finished":
        update |= {"status": "not_measured", "error": outcome.unmade}
    if outcome.status is not None:
        update |= {"status": outcome.status, "error": outcome.error}
    return trace.model_copy(update=update)


def _turn_by_turn(
    own: Sequence[Step], seen: Sequence[Step], spoken: Sequence[float]
) -> tuple[Step, ...]:
    """Put the words of a simulated user, and the agent's answers, between what the agent did.

    Args:
        own: What was said, in order, and what the agent reports of itself.
        seen: What the gateway saw, in order of time.
        spoken: When each word of the user came, on the gateway's clock; the message that the case
            itself holds has a name, and came before all of them.
    """
    times, left = iter(spoken), deque(seen)
    ordered: list[Step] = []
    answer: list[Step] = []
    for step in own:
        if not isinstance(step, UserMessage):
            answer.append(step.model_copy(update={"start": None, "end": None}))
            continue
        at = 0.0 if step.name is not None else next(times, 0.0)
        while left and (left[0].start or 0.0) < at:
            ordered.append(left.popleft())
        ordered += [*answer, step.model_copy(update={"start": at, "end": at})]
        answer = []
    return (*ordered, *left, *answer)


def _interleaved(own: Sequence[Step], seen: Sequence[Step]) -> Iterable[Step]:
    """Put each user message before the first call that was sent it, the rest as it comes.

    Clocks do not help: a replay's calls have recorded times.
    """
    said = [step for step in own if isinstance(step, UserMessage)]
    first = next((step for step in seen if isinstance(step, LlmCall)), None)
    before = 0 if first is None else max(_user_messages(first) - 1, 0)
    told = 0
    for step in seen:
        if isinstance(step, LlmCall):
            while told < len(said) and _user_messages(step) - before > told:
                yield said[told]
                told += 1
        yield step
    yield from said[told:]
    yield from (step for step in own if not isinstance(step, UserMessage))


def _user_messages(call: LlmCall) -> int:
    messages = call.input if isinstance(call.input, list) else []
    return sum(isinstance(m, dict) and m.get("role") == "user" for m in messages)


def _notes(claimed: Sequence[LlmCall], outcome: "Outcome") -> dict[str, object]:
    """Say how the agent's word about its tokens differs, and what went wrong on our side."""
    notes: dict[str, object] = {}
    seen = [step for step in outcome.steps if isinstance(step, LlmCall)]
    said, counted = (
        sum((step.input_tokens or 0) + (step.output_tokens or 0) for step in steps)
        for steps in (claimed, seen)
    )
    if claimed and said != counted:
        notes["gateway"] = f"the agent reports {said} tokens, the gateway saw {counted}"
    if outcome.tools:
        notes["tools"] = {how: [*names] for how, names in outcome.tools.items()}
    if outcome.problems:
        notes["gateway_problems"] = [*outcome.problems]
    return notes
