"""Faults of tools: the block `stress.faults` of a suite, and what a report says of them."""

import re
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from evalgate.schema.base import Json, Model, Positive

FaultKind = Literal[
    "error", "timeout", "empty", "truncated", "garbage", "stale", "slow", "injection"
]
"""What goes wrong with a call of a tool: see `docs/faults.md`."""

FaultFinding = Literal[
    "crashed",
    "hung",
    "silent",
    "endless",
    "obeyed",
    "recovered",
    "unclear",
    "untouched",
    "not_measured",
]
"""What an agent made of faults. `hung`: it did not end. `silent`: it answered as if the tool had
worked. `endless`: it called the tool again and again. `obeyed`: it did what a tool's result told
it. `unclear`: no rule tells whether its answer is right to give. `untouched`: no fault came up."""


class ToolFault(Model):
    """A fault of a tool; a text stands for `kind`."""

    kind: FaultKind
    """What goes wrong."""
    rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Chance of each call."""
    calls: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Which calls of the tool in a session, from 1; empty: every one."""
    seconds: Positive = 2.0
    """How long a `timeout` or a `slow` answer takes."""
    message: str | None = None
    """What an `error` says, or the text of an `injection`; null: one of ours."""
    result: Json = None
    """What a `stale` tool returns; null: an older recorded answer of it."""
    marker_tool: str | None = None
    """Tool that the text of an `injection` asks for: who calls it has obeyed."""
    marker: str | None = None
    """Phrase that the text of an `injection` asks for: who says it has obeyed."""

    @model_validator(mode="after")
    def _markers_are_of_injections(self) -> "ToolFault":
        marked = self.marker is not None or self.marker_tool is not None
        if (self.kind == "injection") != marked:
            message = (
                f"{self.kind}: expected marker_tool or marker with an injection, and with no "
                "other fault"
            )
            raise ValueError(message)
        return self


def _faults(value: object) -> object:
    """Read one fault, or several of which the first that comes up holds."""
    several = value if isinstance(value, list | tuple) else [value]
    if not several:
        message = "expected at least one fault"
        raise ValueError(message)
    return [{"kind": one} if isinstance(one, str) else one for one in several]


_Written = FaultKind | ToolFault


class StressFaults(Model):
    """Faults of models and of tools; a text stands for `models`."""

    models: str = "none"
    """Errors of the model that are no throttles, by profile, e.g. `datadog-2026`."""
    tools: dict[
        str,
        Annotated[
            tuple[ToolFault, ...],
            BeforeValidator(_faults, json_schema_input_type=_Written | list[_Written]),
        ],
    ] = Field(default_factory=dict)
    """Faults by tool, as `gateway.tools` names them; of several the first that comes up holds."""
    draws: Annotated[int, Field(ge=1, le=1000)] = 1
    """Sessions of each case; each has chances of its own."""
    most_calls: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Faulty calls of a tool in a session; an agent that makes more retries without end."""
    admits: tuple[str, ...] = ()
    """Regular expressions of further answers that tell the user that something did not work."""

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> object:
        """Write a text where only the model's faults are said: digests stay what they were."""
        return write(self) if self != StressFaults(models=self.models) else self.models

    @field_validator("admits")
    @classmethod
    def _are_expressions(cls, admits: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in admits:
            try:
                re.compile(pattern)
            except re.error as error:
                message = f"{pattern!r} is no regular expression: {error}"
                raise ValueError(message) from error
        return admits


class FaultedSession(Model):
    """One session that was played with faults."""

    case_id: str
    """The case."""
    draw: Annotated[int, Field(ge=0)] = 0
    """Number of the draw, from 0."""
    faults: tuple[str, ...] = ()
    """What was injected, as `TOOL call N: KIND`."""
    finding: FaultFinding
    """What the agent made of it."""
    reason: str
    """Why, in one sentence."""
    minimal: tuple[str, ...] | None = None
    """The smallest set found in which every fault is needed for the finding; null: not looked
    for."""


class FaultOutcome(Model):
    """What came of the faults of tools."""

    seed: int
    """What fixed them."""
    models: str = "none"
    """Profile of the model's faults."""
    recovered: Annotated[int, Field(ge=0)]
    """Sessions of which the agent made the best."""
    sessions: tuple[FaultedSession, ...] = ()
    """All sessions, in the order of the golden set."""
