"""One call of a tool: while it runs, as it is recorded, and as a recording answers it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from pydantic_core import from_json, to_json

from evalgate.gateway.exchange import Delivered
from evalgate.gateway.recorded import delivered
from evalgate.gateway.request_key import Prepared, written
from evalgate.gateway.wire import openai_models
from evalgate.gateway.wire.base import Body, as_body
from evalgate.schema.base import Json
from evalgate.schema.cassette import RecordedResponse, ToolEntry, ToolFailure
from evalgate.text.redact import Redactor

__all__ = [
    "How",
    "ToolAnswer",
    "ToolDesk",
    "ToolRun",
    "failure_text",
    "tool_answer",
    "tool_entry",
]

How = Literal["live", "replayed", "mocked", "refused", "missed", "faulted"]
"""What became of a call."""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a recording holds of one call."""

    start: float
    """Seconds from the start of the recorded trial to the call."""
    end: float
    """Seconds from the start of the recorded trial to its end."""
    spelt: bytes
    """The canonical call as JSON."""
    result: Json
    """What it returned."""
    error: ToolFailure | None
    """How it failed."""
    response: Delivered | None
    """The response of an HTTP service."""
    events: tuple[Body, ...]
    """Notifications that came before."""
    inside: str | None = None
    """The tool whose function made the call."""

    @property
    def request(self) -> Body:
        """The canonical call."""
        value: Body = from_json(self.spelt)
        return value


@dataclass(slots=True)
class ToolRun:
    """One call of a tool."""

    prepared: Prepared
    """The call."""
    how: How
    """What became of it."""
    start: float
    """Seconds since the start of the trial."""
    end: float | None = None
    """Seconds since the start of the trial; null while it runs."""
    order: int | None = None
    """Index among the recorded answers to equal calls; null where it is not one of them."""
    result: Json = None
    """What the agent got."""
    error: ToolFailure | None = None
    """The failure it got."""
    records: bool = False
    """Whether what comes of it is recorded."""
    target: str | None = None
    """Where the function is found."""
    inside: str | None = None
    """The tool whose function made the call."""


@dataclass(slots=True)
class ToolDesk:
    """The calls of tools of one trial."""

    runs: list[ToolRun] = field(default_factory=list)
    """In order of arrival."""
    served: Counter[str] = field(default_factory=Counter)
    """Answers used up, by key."""
    state: Json = None
    """The state of the mocks."""
    has_state: bool = False
    """Whether there is one."""
    undeclared: list[str] = field(default_factory=list)
    """Calls that no mock knows, and calls that were refused, in words."""
    listed: dict[str, Json] = field(default_factory=dict)
    """Schemas of the tools of each MCP server, as the agent saw them."""


def tool_answer(entry: ToolEntry) -> ToolAnswer:
    """Make what is recorded of a call ready to be given."""
    took = round(entry.end - entry.start, 4)
    response = entry.response
    return ToolAnswer(
        entry.start,
        entry.end,
        to_json(entry.request),
        entry.result,
        entry.error,
        # The protocol only matters for reading a model's answer, which this is none.
        None if response is None else delivered(response, took, openai_models.WIRE),
        entry.events,
        entry.inside,
    )


def tool_entry(
    trial: int,
    run: ToolRun,
    redactor: Redactor,
    response: RecordedResponse | None = None,
    events: tuple[Body, ...] = (),
) -> ToolEntry:
    """Make the line of one call, without its secrets."""
    request, key = written(run.prepared, redactor)
    error = run.error
    if error is not None:
        error = ToolFailure.model_validate(redactor.redact_json(error.model_dump(mode="json")))
    return ToolEntry(
        trial=trial,
        key=key,
        order=run.order or 0,
        start=run.start,
        end=run.start if run.end is None else run.end,
        request=request,
        result=None
        if response is not None or error is not None
        else redactor.redact_json(run.result),
        error=error,
        response=response,
        events=tuple(as_body(redactor.redact_json(event)) for event in events),
        target=run.target,
        inside=run.inside,
    )


def failure_text(error: ToolFailure) -> str:
    """Say how a tool failed, as a step has it."""
    return "timeout" if "timeout" in error.type.lower() else "error"
