"""Checks what an agent says about one turn, and makes the trace of a trial."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from evalgate.agents.base import TrialFailed
from evalgate.schema.base import Json, Model, NonNegative
from evalgate.schema.trace import Feedback, LlmCall, RecordedScore, Step, Trace, TraceUser
from evalgate.text.strict_json import MAX_DEPTH, Parsed, parse

_SHOWN: Final = 80
_PROBLEMS: Final = 3
_HUGE: Final = re.compile(r"\d{309}")

Reported = Literal["finished", "crashed", "timed_out", "limit", "loop_limit", "unfinished"]
"""How an agent may say that a trial ended; that it was not measured is not for it to say."""


class Reply(Model):
    """What an agent returned for one turn; the fields of `evalgate.agents.output.Output`."""

    output: Json = None
    """The answer."""
    steps: tuple[Step, ...] = ()
    """What happened, times in seconds since the agent was called."""
    final_state: dict[str, Json] | None = None
    """State of the world."""
    status: Reported | None = None
    """How it ended; null: it finished."""
    error: str | None = None
    """Why it did not finish."""
    cost_usd: NonNegative | None = None
    """Cost that the agent claims."""
    scores: tuple[RecordedScore, ...] = ()
    """Scores that the agent claims."""
    feedback: Feedback | None = None
    """What a user said."""
    session_id: str | None = None
    """The session."""
    user_id: str | None = None
    """The user."""
    environment: str | None = None
    """Where it ran."""
    intent: str | None = None
    """What the user wanted."""
    channel: str | None = None
    """How the user came."""
    agent_name: str | None = None
    """The agent."""
    prompt_version: str | None = None
    """Version of the prompt."""
    tags: tuple[str, ...] = ()
    """Labels."""
    metadata: dict[str, Json] = Field(default_factory=dict)
    """Anything else."""


@dataclass(slots=True)
class Notes:
    """What has been learned of one trial so far; owned by that trial alone."""

    steps: list[Step] = field(default_factory=list)
    """Steps of the turns that are over."""
    last: Reply | None = None
    """The reply of the last turn that is over."""
    costs: list[float | None] = field(default_factory=list)
    """The cost each turn claimed."""
    scores: list[RecordedScore] = field(default_factory=list)
    """The scores all turns claimed."""
    paused: float = 0.0
    """Seconds that a simulated user took; they are none of the agent's."""
    user: TraceUser | None = None
    """The simulated user, once it was met."""


def read_reply(text: str | bytes) -> Reply:
    """Check the fields of a reply, given as JSON text.

    Raises:
        TrialFailed: `bad_output`, naming the first few problems.
    """
    if isinstance(text, str) and _is_simple(text):
        try:
            return Reply.model_validate_json(text)
        except ValidationError as error:
            raise TrialFailed("bad_output", _problems(error)) from None
    parsed = parse(text)
    if not isinstance(parsed, Parsed):
        raise TrialFailed("bad_output", f"the agent's output is no strict JSON: {parsed}")
    try:
        return Reply.model_validate(parsed.value)
    except ValidationError as error:
        raise TrialFailed("bad_output", _problems(error)) from None


def _is_simple(text: str) -> bool:
    """Tell whether text of our own encoder can be read without the strict reader's checks.

    It is finite and has no duplicate keys; depth, lone surrogates and huge integers are left.
    """
    return (
        text.count("{") + text.count("[") <= MAX_DEPTH
        and "\\ud" not in text
        and _HUGE.search(text) is None
    )


def _problems(error: ValidationError) -> str:
    """Name what is wrong with the agent's output, and where."""
    items = error.errors(include_url=False, include_context=False)
    shown = [
        f"{'.'.join(map(str, item['loc']))}: {item['msg']} (found {item['input']!r:.{_SHOWN}})"
        for item in items[:_PROBLEMS]
    ]
    more = f"; and {len(items) - _PROBLEMS} more" if len(items) > _PROBLEMS else ""
    return f"the agent's output is not valid: {'; '.join(shown)}{more}"


def make_trace(
    case_id: str, trial: int, notes: Notes, times: tuple[str, float], failed: TrialFailed | None
) -> Trace:
    """Make the trace of a trial that is over.

    Args:
        case_id: The case.
        trial: Number of the trial.
        notes: What happened.
        times: RFC 3339 time of the start, and the duration in seconds.
        failed: Why it did not finish; null: it did, unless the agent says otherwise.
    """
    reply = notes.last or Reply()
    status = failed.status if failed is not None else reply.status or "finished"
    error = failed.reason if failed is not None else reply.error
    if failed is None and status != "finished" and error is None:
        error = f"the agent says that it ended as {status!r}"
    known = [cost for cost in notes.costs if cost is not None]
    return Trace(
        case_id=case_id,
        trial=trial,
        status=status,
        error=error,
        output=None if failed is not None else reply.output,
        final_state=reply.final_state,
        steps=tuple(notes.steps),
        started_at=times[0],
        duration=times[1],
        session_id=reply.session_id,
        user_id=reply.user_id,
        environment=reply.environment,
        intent=reply.intent,
        channel=reply.channel,
        agent_name=reply.agent_name,
        prompt_version=reply.prompt_version,
        tags=reply.tags,
        cost_usd=sum(known) if known and len(known) == len(notes.costs) else None,
        scores=tuple(notes.scores),
        feedback=reply.feedback,
        user=notes.user,
        metadata=reply.metadata,
    )


def without_claims(trace: Trace) -> Trace:
    """Set aside the scores and costs an agent reports about itself.

    They stay readable under `metadata.claimed` of the trace and of the LLM calls, but no scorer
    finds them.
    """
    claimed: dict[str, Json] = {}
    if trace.scores:
        claimed["scores"] = [score.model_dump(mode="json") for score in trace.scores]
    if trace.cost_usd is not None:
        claimed["cost_usd"] = trace.cost_usd
    if trace.feedback is not None:
        claimed["feedback"] = trace.feedback.model_dump(mode="json")
    steps = _steps_without_costs(trace.steps)
    if not claimed and steps is trace.steps:
        return trace
    update: dict[str, Any] = {"steps": steps, "scores": (), "cost_usd": None, "feedback": None}
    if claimed:
        update["metadata"] = {**trace.metadata, "claimed": claimed}
    return trace.model_copy(update=update)


def _steps_without_costs(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if all(_claimed(step) is None for step in steps):
        return steps
    return tuple(_without_cost(step) for step in steps)


def _claimed(step: Step) -> float | None:
    """Return what the agent says that a call cost, in either place."""
    if not isinstance(step, LlmCall):
        return None
    billed = None if step.usage is None else step.usage.billed_usd
    return billed if step.cost_usd is None else step.cost_usd


def _without_cost(step: Step) -> Step:
    claimed = _claimed(step)
    if not isinstance(step, LlmCall) or claimed is None:
        return step
    metadata: dict[str, Json] = {**step.metadata, "claimed": {"cost_usd": claimed}}
    usage = None if step.usage is None else step.usage.model_copy(update={"billed_usd": None})
    return step.model_copy(update={"cost_usd": None, "usage": usage, "metadata": metadata})


def shifted(steps: Sequence[Step], by: float) -> list[Step]:
    """Move steps of a later turn to seconds since the start of the trial."""
    return [
        step.model_copy(
            update={
                "start": None if step.start is None else step.start + by,
                "end": None if step.end is None else step.end + by,
            }
        )
        for step in steps
    ]
