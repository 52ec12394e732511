"""The report for a terminal: narrow or wide, with or without colour."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from evalgate.output.goals import goal_rows
from evalgate.output.stress import checklist_rows, faults_line, figure_rows, scenario_line
from evalgate.output.style import Style, Ways
from evalgate.output.view import MARKS, CheckLine, Group, View, view_report
from evalgate.schema.result import Report, ReportSet
from evalgate.text.counts import number_of
from evalgate.text.escape import terminal

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["render"]

_STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "bold yellow"}
_GROUPS = 6
_CASES = 6
_ADVISORY = 6
_LINES = 8
"""Lines of one text, such as an error with its frames."""


class Line(Protocol):
    """Prints one line of text."""

    def __call__(self, text: str, look: str = "", indent: int = 0) -> None:
        """Print it."""


def render(reports: ReportSet, style: Style) -> str:
    """Lay the reports out, one after another."""
    from rich.console import Console  # noqa: PLC0415  # heavy

    console = Console(
        width=max(style.width, 40),
        color_system="standard" if style.color else None,
        force_terminal=style.color,
        no_color=not style.color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        for index, report in enumerate(reports.suites):
            if index:
                console.print()
            _print(console, report, style)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _print(console: "Console", report: Report, style: Style) -> None:
    from rich.padding import Padding  # noqa: PLC0415  # heavy
    from rich.text import Text  # noqa: PLC0415

    def line(text: str, look: str = "", indent: int = 0) -> None:
        body: RenderableType = Text(terminal(text), style=look)
        console.print(Padding(body, (0, 0, 0, indent)) if indent else body)

    ways = style.ways(report)
    view = view_report(report, ways)
    line(f"{report.suite.id}: {view.headline}", _STYLES[report.verdict])
    line(view.subject, "dim")
    for text in view.changed:
        line(f"changed: {text}", "yellow")
    for text in view.cautions:
        line(text, "bold yellow")
    console.print()
    _print_checks(console, line, view)
    _print_groups(console, line, view, ways)
    for metric, target, then, today, state in goal_rows(report):
        line(f"goal: {metric} {target}: {then}, {today} today: {state}", "bold")
    if view.advisory:
        console.print()
        line("worse, and gates nothing", "bold")
        for name, move, why in view.advisory[:_ADVISORY]:
            line(f"{name} {move}" + (f": {why}" if why else ""), "", 2)
        _more(line, len(view.advisory) - _ADVISORY, "metric")
    if view.warnings:
        console.print()
    for text in view.warnings:
        line(f"note: {text}", "yellow")
    _print_stress(console, line, report)
    _print_measured(console, line, view)


def _print_checks(console: "Console", line: Line, view: View) -> None:
    from rich.table import Table  # noqa: PLC0415  # heavy
    from rich.text import Text  # noqa: PLC0415

    numbers = [check for check in view.bad if check.now or check.baseline]
    if numbers:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("")
        table.add_column("check", overflow="fold")
        for name in ("baseline", "now", "change", "limit"):
            table.add_column(name, justify="right", overflow="fold")
        for check in numbers:
            cells = (check.baseline, check.now, check.change, check.limit)
            table.add_row(
                Text(MARKS[check.outcome], style=_STYLES[check.outcome]),
                Text(terminal(check.name)),
                *(Text(cell) for cell in cells),
            )
        console.print(table)
    for check in view.bad:
        _print_notes(line, check, alone=check not in numbers)
    if view.passed:
        more = "more " if view.bad else ""
        line(f"✓  {number_of(len(view.passed), f'{more}check')} passed", "green")


def _print_notes(line: Line, check: CheckLine, *, alone: bool) -> None:
    """Say what is needed to act on a check, and how sure a failure is."""
    mark = f"{MARKS[check.outcome]}  {check.name}"
    if alone and not check.notes:
        line(mark, _STYLES[check.outcome])
    for index, (word, text) in enumerate(check.notes):
        said = f"{word}: {text}" if word else text
        if index:
            line(said, {"accepted": "yellow", "fix": "cyan", "look": "cyan"}.get(word, "dim"), 5)
        elif alone:
            line(f"{mark}: {said}", _STYLES[check.outcome])
        else:
            line(f"{check.name}: {said}", "", 3)


def _print_groups(console: "Console", line: Line, view: View, ways: Ways) -> None:
    if not view.counts:
        return
    console.print()
    line(f"cases: {view.counts}", "bold")
    fresh = [group for group in view.groups if not group.old]
    for group in fresh[:_GROUPS]:
        _print_group(line, group)
    if fresh[_GROUPS:]:
        more = sum(len(group.cases) for group in fresh[_GROUPS:])
        line(f"{number_of(more, 'case')} more in other ways: {ways.shown} --failed", "dim", 2)
    for group in [group for group in view.groups if group.old][:_GROUPS]:
        names = ", ".join(case.name for case in group.cases[:_CASES])
        more_names = ", ..." if len(group.cases) > _CASES else ""
        line(f"{group.title}: {names}{more_names}", "dim", 2)


def _print_group(line: Line, group: Group) -> None:
    bad = group.cause.state in ("regressed", "failed")
    line(group.title, "red" if bad else "yellow", 2)
    first, *others = group.cases
    meta = ", ".join(part for part in (first.cost, first.time) if part)
    line(f"{first.name}" + (f" ({meta})" if meta else ""), "bold", 4)
    for label, text in group.example:
        head, *rest = text.splitlines()[:_LINES] or [""]
        line(f"{label}: {head}" if label else head, "", 6)
        for more in rest:
            line(more, "dim", 6)
    for command in group.commands:
        line(command, "cyan", 6)
    for case in others[: _CASES - 1]:
        line(f"{case.name}: {case.difference}", "", 4)
    left = [case.name for case in others[_CASES - 1 :]]
    if left:
        line(f"and {', '.join(left[:_CASES])}{', ...' if len(left) > _CASES else ''}", "dim", 4)


def _more(line: Line, count: int, word: str) -> None:
    if count > 0:
        line(f"{number_of(count, f'more {word}')} in report.json", "dim", 2)


def _print_stress(console: "Console", line: Line, report: Report) -> None:
    if report.faults is not None:
        line(faults_line(report), "dim")
    if report.stress is None:
        return
    console.print()
    line("stress check", "bold")
    line(scenario_line(report), "dim", 2)
    _columns(console, figure_rows(report))
    for mark, priority, name, figure in checklist_rows(report):
        line(f"{mark} {priority} {name}: {figure}", "", 2)


def _print_measured(console: "Console", line: Line, view: View) -> None:
    if view.spent or view.measured or view.unknown:
        console.print()
    if view.spent:
        line(f"cost: {view.spent}")
    for kind, metrics in view.measured:
        line(kind, "bold")
        _columns(console, metrics)
    if view.unknown:
        line(f"unknown: {', '.join(view.unknown)}", "dim")
    if view.grounds:
        line(f"rests on: {view.grounds}", "dim")


def _columns(console: "Console", pairs: Sequence[tuple[str, str]]) -> None:
    from rich.columns import Columns  # noqa: PLC0415  # heavy
    from rich.text import Text  # noqa: PLC0415

    cells = [Text(f"{terminal(name)} {terminal(value)}") for name, value in pairs]
    console.print(Columns(cells, padding=(0, 3), column_first=True))
