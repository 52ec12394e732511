"""How a renderer may lay out what it prints."""

import shlex
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
class Ways:
    """Words of the commands that bring a reader of a report to its cases."""

    run: str
    """Options of `evalgate run` that select the suite."""
    show: str = ""
    """What stands between `evalgate show` and a case: a configuration, a stored report."""
    beside: bool = True
    """Whether that report was compared with the same baseline."""
    known: bool = True
    """Whether these commands know the cases: those of another tool they do not."""

    @property
    def shown(self) -> str:
        """The command that shows a case, without the case."""
        return f"evalgate show {self.show}".rstrip()


def usual_ways(report: Report) -> Ways:
    """Return the words for a report of the newest run, in the folder of its configuration."""
    return Ways(f"--suite {shlex.quote(report.suite.id)}")


@dataclass(frozen=True, slots=True)
class Style:
    """The surface a report is printed on."""

    width: int = 100
    """Columns."""
    color: bool = False
    """Whether ANSI colours are understood."""
    details: Callable[[Report], "RunDetails"] = _nothing
    """Finds what lies beside a report: traces, golden set, the baseline's run."""
    ways: Callable[[Report], Ways] = usual_ways
    """Finds the words of the commands that bring a reader to the cases of a report."""


Renderer = Callable[[ReportSet, Style], str]
"""A renderer prints all reports of a run; it decides nothing."""
