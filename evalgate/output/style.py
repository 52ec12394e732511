"""How a renderer may lay out what it prints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalgate.schema.result import Report, ReportSet

if TYPE_CHECKING:
    from evalgate.output.cases.details import RunDetails


def _nothing(_: Report) -> "RunDetails":
    from evalgate.output.cases.details import RunDetails  # noqa: PLC0415  # only for pages

    return RunDetails(notes=("there is only the report: a run folder holds the trajectories",))


@dataclass(frozen=True, slots=True)
class Style:
    """The surface a report is printed on."""

    width: int = 100
    """Columns."""
    color: bool = False
    """Whether ANSI colours are understood."""
    details: Callable[[Report], "RunDetails"] = _nothing
    """Finds what lies beside a report: traces, golden set, the baseline's run."""


Renderer = Callable[[ReportSet, Style], str]
"""A renderer prints all reports of a run; it decides nothing."""
