"""A trace: what happened in one trial, one trace a line, `evalgate.trace/1`.

Times of steps are seconds since the start of the trial (`started_at`). A field that is null is
unknown, never zero.
"""

from typing import Annotated, Literal

from pydantic import Field

from evalgate.schema.base import Json, Model, NonNegative, Ratio, Tokens
from evalgate.schema.golden import Ending, Guardrail, Requestor
from evalgate.schema.status import TraceStatus
from evalgate.schema.usage import Usage


class _StepBase(Model):
    id: str | None = None
    """Unique within the trace; null where the source had none."""
    parent_id: str | None = None
    """The step this one is part of."""
    name: str | None = None
    """A name the source gave the step."""
    start: float | None = None
    """Seconds since the start of the trial."""
    end: float | None = None
    """Seconds since the start of the trial."""
    metadata: dict[str, Json] = Field(default_factory=dict)
    """Attributes of the source that have no field of their own."""


class Attempt(Model):
    """One HTTP request of a logical LLM call."""

    status: int | None = None
    """HTTP status; null where no response came."""
    start: float | None = None
    """Seconds since the start of the trial."""
    end: float | None = None
    """Seconds since the start of the trial."""
    error: str | None = None
    """The class of the error (`throttled`, `timeout`, ...); null on success."""
    retry_after: NonNegative | None = None
    """The server's hint in seconds."""


class LlmCall(_StepBase):
    """One logical LLM call."""

    kind: Literal["llm_call"] = "llm_call"
    """Names the kind of step."""
    provider: str | None = None
    """Who serves the model, e.g. `openai`."""
    model: str | None = None
    """The model that answered, else the one that was asked for."""
    temperature: float | None = None
    """Sampling temperature."""
    input_tokens: Tokens | None = None
    """All input tokens, cached ones included."""
    output_tokens: Tokens | None = None
    """All output tokens, reasoning included."""
    cached_tokens: Tokens | None = None
    """Input tokens read from the provider's prompt cache."""
    cache_write_tokens: Tokens | None = None
    """Input tokens written to the provider's prompt cache."""
    reasoning_tokens: Tokens | None = None
    """Output tokens spent on reasoning."""
    usage: Usage | None = None
    """What the call used, as parts that do not overlap; null: the counts above are all there is."""
    max_tokens: Tokens | None = None
    """The output limit asked for."""
    cost_usd: NonNegative | None = None
    """The recorded cost in USD; a zero on a call with tokens is unknown."""
    time_to_first_token: NonNegative | None = None
    """Seconds from the request to the first token."""
    attempts: tuple[Attempt, ...] = ()
    """The HTTP requests of the call; empty: unknown."""
    finish_reason: str | None = None
    """Why the model stopped, in the provider's word."""
    cache_hit: bool | None = None
    """Whether a semantic cache answered; null: there is no such signal."""
    latency_saved: NonNegative | None = None
    """Seconds a semantic cache saved."""
    error: str | None = None
    """The error the caller saw; null on success."""
    input: Json = None
    """The messages sent."""
    output: Json = None
    """The message received."""
    prompt_digest: str | None = None
    """Fingerprint of the system prompt."""
    tools_digest: str | None = None
    """Fingerprint of the tool schemas."""
    sampling_digest: str | None = None
    """Fingerprint of the sampling parameters."""


class ToolCall(_StepBase):
    """One call of a tool."""

    kind: Literal["tool_call"] = "tool_call"
    """Names the kind of step."""
    name: str
    """The tool's name."""
    version: str | None = None
    """The tool's version."""
    arguments: dict[str, Json] | str = Field(default_factory=dict)
    """The arguments; a text where they could not be parsed."""
    result: Json = None
    """What the tool returned."""
    error: str | None = None
    """Why the call failed: `error`, `timeout`, `unparsable`, a status, or the message."""
    requestor: Requestor = "assistant"
    """Who made the call; only the agent's own are scored."""
    executor: Literal["agent", "provider"] = "agent"
    """Who ran it: the agent's code, or the model's provider on its own servers."""
    call_id: str | None = None
    """The provider's id of the call."""


class Retrieval(_StepBase):
    """Texts looked up for the answer."""

    kind: Literal["retrieval"] = "retrieval"
    """Names the kind of step."""
    query: str | None = None
    """What was looked for."""
    documents: tuple[str, ...] = ()
    """The texts found."""


class GuardrailStep(_StepBase):
    """A decision of a guardrail."""

    kind: Literal["guardrail"] = "guardrail"
    """Names the kind of step."""
    type: str | None = None
    """What it guards against, e.g. `pii`, `jailbreak`, `loop_limit`."""
    decision: Guardrail
    """What it decided."""


class Handoff(_StepBase):
    """A hand-over to a person or another agent."""

    kind: Literal["handoff"] = "handoff"
    """Names the kind of step."""
    target: str | None = None
    """To whom."""
    reason: str | None = None
    """Why."""
    confidence: Ratio | None = None
    """The agent's confidence when it handed over."""
    fallback: bool | None = None
    """Whether it was the fallback after a failure."""


class UserMessage(_StepBase):
    """Something the user said; it starts a new turn."""

    kind: Literal["user_message"] = "user_message"
    """Names the kind of step."""
    content: str = ""
    """The text."""


class Span(_StepBase):
    """A step of no other kind (an agent run, a chain); never counted."""

    kind: Literal["span"] = "span"
    """Names the kind of step."""
    input: Json = None
    """What went in."""
    output: Json = None
    """What came out."""


UnreadPart = Literal["tool_calls", "arguments", "output", "usage"]
"""What an item that nobody could read may have been part of.

`tool_calls`: calls, hand-overs and decisions of guardrails. `arguments`: those of calls whose names
are known. `output`: the answer. `usage`: calls
of models, their tokens and their cost.
"""


class Unread(_StepBase):
    """An item of the source that is not understood, as it came.

    The scores that it could change are not measured.
    """

    kind: Literal["unread"] = "unread"
    """Names the kind of step."""
    type: str
    """What the source calls it: the type of the item, else where it stood."""
    item: Json = None
    """The item."""
    parts: tuple[UnreadPart, ...] = ("tool_calls", "output")
    """What it could change."""


Step = Annotated[
    LlmCall | ToolCall | Retrieval | GuardrailStep | Handoff | UserMessage | Span | Unread,
    Field(discriminator="kind"),
]
"""One step of a trace, in order of time."""


class RecordedScore(Model):
    """A score that came with the trace."""

    name: str
    """Its name at the source."""
    value: float | bool | str
    """Its value: a number, a truth value or a label."""
    comment: str | None = None
    """The source's reason."""
    source: str | None = None
    """Who gave it, e.g. `ANNOTATION`, `EVAL`."""
    metadata: dict[str, Json] = Field(default_factory=dict)
    """Attributes of the source that have no field of their own."""


class Feedback(Model):
    """What a user said about the answer."""

    thumbs: Literal["up", "down"] | None = None
    """A thumb."""
    stars: Annotated[float, Field(ge=1, le=5)] | None = None
    """One to five stars."""
    comment: str | None = None
    """A remark."""


class TraceUser(Model):
    """The simulated user of a trial; nothing of it is the agent's."""

    model: str
    """The model that was asked to play it."""
    ending: Ending | None = None
    """Why it ended the conversation; null: it did not."""
    broken: str | None = None
    """Where it left its script; null: nowhere that anybody saw."""
    calls: tuple[LlmCall, ...] = ()
    """The calls of its model, without the messages sent."""


class Trace(Model):
    """What happened in one trial."""

    schema_: Literal["evalgate.trace/1"] = Field(default="evalgate.trace/1", alias="schema")
    """The format's version."""
    case_id: str
    """The case."""
    trial: Annotated[int, Field(ge=0)] = 0
    """Number of the trial, from 0."""
    status: TraceStatus = "finished"
    """How the trial ended."""
    error: str | None = None
    """Why it did not finish."""
    output: Json = None
    """The final answer: text or JSON."""
    final_state: dict[str, Json] | None = None
    """State of the world after the trial."""
    steps: tuple[Step, ...] = ()
    """What happened, in order."""
    started_at: str | None = None
    """RFC 3339 time of the start."""
    duration: NonNegative | None = None
    """Seconds from start to end of the trial."""
    replayed: bool = False
    """Whether times are those of a recording."""
    own_time: NonNegative | None = None
    """Seconds outside model calls, measured now; null: unknown. Not kept of a replayed trial, so
    that two replays write the same traces."""
    model_calls: Annotated[int, Field(ge=0)] | None = None
    """Requests that reached the gateway; null: there was none, or nobody counted."""
    recording: str | None = None
    """Digest of the recording of its model calls; null: it was not recorded, or nobody knows."""
    session_id: str | None = None
    """The session the trial belongs to."""
    user_id: str | None = None
    """The user."""
    environment: str | None = None
    """Where it ran, e.g. `production`."""
    intent: str | None = None
    """What the user wanted."""
    channel: str | None = None
    """How the user came, e.g. `web`."""
    agent_name: str | None = None
    """The agent."""
    prompt_version: str | None = None
    """Version of the prompt."""
    tags: tuple[str, ...] = ()
    """Labels, `key:value` where they have one (`agent_name`, `model`, `tool`, `guardrails`)."""
    cost_usd: NonNegative | None = None
    """Recorded cost of the whole trial in USD; wins over a sum over calls."""
    scores: tuple[RecordedScore, ...] = ()
    """Scores that came with the trace."""
    feedback: Feedback | None = None
    """What the user said about it."""
    user: TraceUser | None = None
    """The simulated user it talked to; null: there was none."""
    metadata: dict[str, Json] = Field(default_factory=dict)
    """Attributes of the source that have no field of their own."""
