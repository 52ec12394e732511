"""How a renderer may lay out what it prints."""

from collections.abc import Callable
from dataclasses import dataclass

from evalgate.schema.result import ReportSet

__all__ = ["Renderer", "Style"]


@dataclass(frozen=True, slots=True)
class Style:
    """The surface a report is printed on."""

    width: int = 100
    """Columns."""
    color: bool = False
    """Whether ANSI colours are understood."""


Renderer = Callable[[ReportSet, Style], str]
"""A renderer prints all reports of a run; it decides nothing."""
