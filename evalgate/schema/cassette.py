"""A cassette: the recorded model responses and tool calls of one case, `evalgate.cassette/1`.

A JSONL file: one header line, then one line a recorded call of a model or of a tool and one a
finished trial, sorted by trial, length of the conversation, key and order. The last field of every
line but the header is a digest over the bytes before it, so that an edited line is told from a
recorded one.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from evalgate.schema.base import Json, Model, NonNegative

SCHEMA: Literal["evalgate.cassette/1"] = "evalgate.cassette/1"

BodyStyle = Literal["compact", "spaced", "indented"]
"""How a JSON body was spelt: without blanks, with one after `,` and `:`, or indented by two."""

ToolVia = Literal["python", "http", "mcp"]
"""How a tool is reached: a function of the agent, an HTTP service, or an MCP server."""

CallPart = Literal["agent", "user"]
"""Whose call it is: the agent's, or that of the simulated user it talks to."""

_Seconds = NonNegative


class CassetteHeader(Model):
    """The first line of a cassette."""

    schema_: Literal["evalgate.cassette/1"] = Field(default=SCHEMA, alias="schema")
    """The format's version."""
    case_id: Annotated[str, Field(min_length=1)]
    """The case whose calls are recorded."""
    case_digest: str | None = None
    """Digest of what the case gave to the agent; null where the recorder did not know it."""
    source: str | None = None
    """What answered, e.g. `scripted` for a stand-in of the model; null: the provider."""


class RecordedResponse(Model):
    """What was sent back, byte for byte once redacted; exactly one of the four bodies is given."""

    model_config = ConfigDict(revalidate_instances="never")

    status: Annotated[int, Field(ge=100, le=599)]
    """HTTP status."""
    headers: dict[str, str] = {}
    """Headers that clients act on: content type, retry hints."""
    body: Json = None
    """A JSON body; `style` says how it was spelt."""
    style: BodyStyle | None = None
    """Spelling of `body`; null where the body is given another way."""
    text: str | None = None
    """A body that is text, or JSON spelt some other way."""
    base64: str | None = None
    """A body that is neither."""
    chunks: tuple[tuple[_Seconds, str], ...] | None = None
    """A stream: seconds since the request, and the text that came then."""
    usage: str | None = None
    """The stream's usage event that the gateway asked for and kept from the agent."""
    cut: bool = False
    """Whether the stream broke off."""

    @model_validator(mode="after")
    def _one_body(self) -> "RecordedResponse":
        given = (self.style, self.text, self.base64, self.chunks)
        if sum(part is not None for part in given) != 1:
            message = "exactly one of body with style, text, base64 and chunks must be given"
            raise ValueError(message)
        return self


class CallEntry(Model):
    """One response to one request."""

    kind: Literal["call"] = "call"
    """Names the kind of line."""
    trial: Annotated[int, Field(ge=0)]
    """Number of the trial, from 0."""
    part: CallPart = "agent"
    """Whose request it is."""
    key: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    """Digest of `request`."""
    order: Annotated[int, Field(ge=0)] = 0
    """How many equal requests of the trial came before."""
    start: _Seconds
    """Seconds from the start of the trial to the request."""
    end: _Seconds
    """Seconds from the start of the trial to the last byte of the response."""
    request: dict[str, Json]
    """The canonical request: `wire`, `model`, `messages`, `tools`, `sampling`."""
    response: RecordedResponse
    """What was answered."""


class ToolFailure(Model):
    """How a tool failed."""

    type: str
    """Class of a Python exception as `MODULE:NAME`, or the code of a JSON-RPC error."""
    message: str
    """What it said."""
    args: tuple[Json, ...] | None = None
    """Arguments of the exception; null where they are no JSON."""
    data: Json = None
    """Further data of a JSON-RPC error."""


class ToolEntry(Model):
    """One call of a tool and what came of it."""

    kind: Literal["tool"] = "tool"
    """Names the kind of line."""
    trial: Annotated[int, Field(ge=0)]
    """Number of the trial, from 0."""
    key: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    """Digest of `request`."""
    order: Annotated[int, Field(ge=0)] = 0
    """How many equal calls of the trial came before."""
    start: _Seconds
    """Seconds from the start of the trial to the call."""
    end: _Seconds
    """Seconds from the start of the trial to its end."""
    request: dict[str, Json]
    """The canonical call: `via`, `tool` and `arguments`; `method` too for an MCP server."""
    result: Json = None
    """What it returned; null where it failed, or where `response` is given."""
    error: ToolFailure | None = None
    """How it failed; null where it did not."""
    response: RecordedResponse | None = None
    """The response of an HTTP service; null for other tools."""
    events: tuple[dict[str, Json], ...] = ()
    """Notifications of an MCP server that came before the result."""
    target: str | None = None
    """Where the function of a Python tool is found, `MODULE:NAME`; null where nobody knows."""
    inside: str | None = None
    """The Python tool whose function made the call; null where the agent itself did."""

    @model_validator(mode="after")
    def _one_outcome(self) -> "ToolEntry":
        given = (self.result, self.error, self.response)
        if sum(part is not None for part in given) > 1:
            message = "at most one of result, error and response may be given"
            raise ValueError(message)
        return self


class TrialEntry(Model):
    """A trial that was recorded to its end."""

    kind: Literal["trial"] = "trial"
    """Names the kind of line."""
    trial: Annotated[int, Field(ge=0)]
    """Number of the trial, from 0."""
    duration: _Seconds
    """Seconds from its start to its end."""
