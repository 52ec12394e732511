"""Five breaks of the example: how each is made, and what the first screen of its reports says."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from evalgate.gate.reports import combine
from evalgate.output import terminal
from evalgate.output.cases.details import RunDetails
from evalgate.output.comment import CommentScene, render_comment
from evalgate.output.html.page import html_page
from evalgate.output.style import Style
from evalgate.schema.result import ReportSet
from evalgate.store.reports import read_reports
from support.example import ROOT, edit

__all__ = ["BREAKS", "LIVE", "PICTURES", "SURFACES", "break_example", "gate_times", "stored_report"]

BREAKS = ("wrong_tool", "wrong_argument", "worse_wording", "crash", "slower")
PICTURES = ROOT / "docs" / "img" / "breaks"
STORED = ROOT / "tests" / "data" / "breaks"
LIVE = ("run", "--baseline", "--record-missing", "--judge", "auto")
"""The run that finds a break: what the broken agent asks anew is recorded."""

_LINES = 40
_GATE = "        cost_per_interaction: {max: 0.15}\n"
_TIMES = "        own_time_p50: {gate: standard, min_abs_change: 0.1}\n"


def gate_times(project: Path) -> None:
    """Let the example gate the time that code and tools take."""
    edit(project / "evalgate.yaml", _GATE, _GATE + _TIMES)


def break_example(project: Path, name: str) -> None:
    """Apply one break to a copy of the example."""
    change = ROOT / "examples" / "breaks" / f"{name}.diff"
    subprocess.run(["git", "apply", str(change)], cwd=project, check=True)


def stored_report(name: str) -> ReportSet:
    """Return the report that the pictures of a break were made from."""
    return combine([found.report for found in read_reports(STORED / f"{name}.zip")])


def terminal_text(reports: ReportSet) -> str:
    """Return what a terminal of 100 columns shows before anyone scrolls."""
    return _first_screen(terminal.render(reports, Style(width=100)))


def comment_text(reports: ReportSet) -> str:
    """Return the start of the comment on a pull request."""
    return _first_screen(whole_comment(reports))


def whole_comment(reports: ReportSet) -> str:
    """Return the comment on a pull request."""
    return render_comment(reports, CommentScene(marker="<!-- evalgate -->"))


def page_text(reports: ReportSet) -> str:
    """Return what the page says above its cases."""
    page = html_page(reports, [RunDetails()] * len(reports.suites))
    shown = page[page.index("<main") : page.index("<nav class=parts")]
    return " ".join(re.sub(r"<[^>]*>", " ", shown).split())


def _first_screen(text: str) -> str:
    return "\n".join(text.splitlines()[:_LINES])


SURFACES: dict[str, Callable[[ReportSet], str]] = {
    "terminal": terminal_text,
    "comment": comment_text,
    "page": page_text,
}
"""Where a break is seen, and the text of its first screen."""
