"""The faults of one session: which are due, and what became of the calls they hit."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from evalgate.schema.tool_faults import FaultKind, ToolFault

WITHHELD: Final[frozenset[FaultKind]] = frozenset({"error", "timeout"})
"""Faults with which the tool is not asked at all."""
SPOILT: Final[frozenset[FaultKind]] = frozenset({"empty", "truncated", "garbage"})
"""Faults with which nothing of use comes back."""

Draw = Callable[[str, int], ToolFault | None]
"""Says what goes wrong with a call: the tool, and the number of its call from 1."""


class Injected(NamedTuple):
    """One fault that hit a call."""

    target: str
    """The tool; `model` for a call of the model."""
    number: int
    """Which call of it in the session, from 1."""
    kind: str
    """What went wrong."""

    def __str__(self) -> str:
        """Name it as a report does."""
        return f"{self.target} call {self.number}: {self.kind}"


@dataclass(slots=True)
class FaultScript:
    """What goes wrong in one session, and what came of it."""

    draw: Draw
    """Says what is due."""
    most_calls: int = 10
    """Faulty calls of a tool after which the session is stopped."""
    counts: Counter[str] = field(default_factory=Counter)
    """Calls by tool."""
    injected: list[Injected] = field(default_factory=list)
    """Faults that hit a call, in order."""
    lost: dict[str, str] = field(default_factory=dict)
    """Tools of calls that never worked, by key of the call."""
    worked_since: set[str] = field(default_factory=set)
    """Tools that answered another call after one of theirs was lost."""
    called: list[str] = field(default_factory=list)
    """Tools that were called once an instruction had been injected."""
    instructions: list[ToolFault] = field(default_factory=list)
    """Injections that reached the agent."""
    unfit: list[str] = field(default_factory=list)
    """Faults that were due and could not be made of the answer, in words."""
    endless: str | None = None
    """The tool that was called without end."""

    def due(self, tool: str) -> ToolFault | None:
        """Count a call of a tool, and say what goes wrong with it."""
        self.counts[tool] += 1
        if self.instructions:
            self.called.append(tool)
        return self.draw(tool, self.counts[tool])

    def hit(self, tool: str, key: str, fault: ToolFault) -> None:
        """Note that a fault has hit the call that was counted last."""
        self.injected.append(Injected(tool, self.counts[tool], fault.kind))
        if fault.kind == "injection":
            self.instructions.append(fault)
        if fault.kind not in WITHHELD | SPOILT:
            self.worked(tool, key)
            return
        self.lost[key] = tool
        self.worked_since.discard(tool)
        if sum(one.target == tool for one in self.injected) > self.most_calls:
            self.endless = self.endless or tool

    def worked(self, tool: str, key: str) -> None:
        """Note that a call brought what the tool has to say."""
        self.lost.pop(key, None)
        if tool in self.lost.values():
            self.worked_since.add(tool)
