"""Which calls go wrong in which session: a matter of seed, case, draw and number of the call."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalgate.gateway.tool_faults import Draw, Injected
from evalgate.schema.canonical import digest
from evalgate.schema.golden import Case
from evalgate.schema.tool_faults import StressFaults, ToolFault
from evalgate.schema.trace import Trace
from evalgate.stats.rng import seeded
from evalgate.stress.simulation.causes import Cause
from evalgate.stress.simulation.faults import FaultProfile, draw_fault

if TYPE_CHECKING:
    from evalgate.schema.base import Json

MODEL = "model"
"""How a fault of the model is named beside those of tools."""

_CHANCES = 2**64

DrawModel = Callable[[int], Cause | None]
"""Says what goes wrong with an attempt at the model, by its number from 1."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A session that is to be played."""

    case: Case
    """What is asked."""
    ideal: Trace
    """The same session without faults."""
    draw: int
    """Number of the draw."""
    seed: int
    """What fixes it."""


def faulted_tools(faults: StressFaults, called: Iterable[str]) -> list[str]:
    """Return the configured names of which a session calls a tool."""
    names = {*called}
    servers = {name.partition("/")[0] for name in names}
    return [name for name in faults.tools if name in names or name in servers]


def draw_tools(faults: StressFaults, planned: Planned) -> Draw:
    """Make what says which calls of tools go wrong in a session."""

    def due(tool: str, number: int) -> ToolFault | None:
        listed = faults.tools.get(tool) or faults.tools.get(tool.partition("/")[0]) or ()
        for place, fault in enumerate(listed):
            if fault.calls and number not in fault.calls:
                continue
            if _chance(planned, tool, number, place) / _CHANCES < fault.rate:
                return fault
        return None

    return due


def draw_model(profile: FaultProfile, planned: Planned) -> DrawModel:
    """Make what says which attempts at the model go wrong in a session."""

    def due(number: int) -> Cause | None:
        drawn = draw_fault(profile, seeded(_chance(planned, MODEL, number, 0)))
        return None if isinstance(drawn, bool) else drawn

    return due


def _chance(planned: Planned, target: str, number: int, place: int) -> int:
    """Draw a whole number below 2**64 that hangs on nothing but what is named."""
    named: list[Json] = [planned.seed, planned.case.id, planned.draw, target, number, place]
    return int(digest(named).removeprefix("sha256:")[:16], 16)


def kept(only: frozenset[Injected] | None, tools: Draw, model: DrawModel) -> tuple[Draw, DrawModel]:
    """Leave out every fault that is not named; null: none is left out."""
    if only is None:
        return tools, model

    def tool_due(tool: str, number: int) -> ToolFault | None:
        fault = tools(tool, number)
        return fault if fault and Injected(tool, number, fault.kind) in only else None

    def model_due(number: int) -> Cause | None:
        cause = model(number)
        return cause if cause and Injected(MODEL, number, cause) in only else None

    return tool_due, model_due
