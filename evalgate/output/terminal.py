"""The report for a terminal: narrow or wide, with or without colour."""

from typing import TYPE_CHECKING

from evalgate.output.goals import goal_rows
from evalgate.output.stress import checklist_rows, figure_rows, scenario_line
from evalgate.output.style import Style
from evalgate.output.view import (
    MARKS,
    advisory_metrics,
    advisory_moves,
    amount,
    change_text,
    counts_line,
    explained_checks,
    gating_checks,
    headline,
    move_text,
    moved_cases,
    noise_text,
    subject_line,
)
from evalgate.schema.result import Report, ReportSet
from evalgate.schema.verdict import CaseChange, Check
from evalgate.text.escape import terminal

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

__all__ = ["render"]

_STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "bold yellow"}
_CASES = 12
_ERRORED = 2
_NARROW = 90


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
            _print(console, report, narrow=style.width < _NARROW)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _print(console: "Console", report: Report, *, narrow: bool) -> None:
    from rich.padding import Padding  # noqa: PLC0415  # heavy
    from rich.text import Text  # noqa: PLC0415

    def line(text: str, style: str = "", indent: int = 0) -> None:
        body: RenderableType = Text(terminal(text), style=style)
        console.print(Padding(body, (0, 0, 0, indent)) if indent else body)

    line(f"{report.suite.id}: {headline(report)}", _STYLES[report.verdict])
    line(subject_line(report), "dim")
    for text in report.changed:
        line(f"changed: {text}", "yellow")
    console.print()
    console.print(_checks(report, narrow=narrow))
    for check in explained_checks(report):
        _print_detail(line, check, narrow=narrow)
    if report.changes:
        console.print()
        line(f"cases: {counts_line(report.changes)}", "bold")
    moved = moved_cases(report)
    errored = [change for change in moved if change.outcome == "errored"][_ERRORED:]
    shown = [change for change in moved if change not in errored][:_CASES]
    for change in shown:
        _print_case(line, change)
    if len(moved) > len(shown):
        line(f"{len(moved) - len(shown)} more in report.json", "dim", 2)
    _print_stress(console, line, report)
    for metric, target, then, today, state in goal_rows(report):
        line(f"goal: {metric} {target}: {then}, {today} today: {state}", "bold")
    _print_rest(console, line, report, narrow=narrow)


def _checks(report: Report, *, narrow: bool) -> "Table":
    from rich.table import Table  # noqa: PLC0415  # heavy
    from rich.text import Text  # noqa: PLC0415

    table = Table(
        box=None, pad_edge=False, show_header=bool(gating_checks(report)), header_style="dim"
    )
    checks = gating_checks(report)
    table.add_column("")
    table.add_column("check", overflow="fold")
    for name in ("baseline", "candidate", "change"):
        table.add_column(name, justify="right", overflow="fold")
    if not narrow:
        table.add_column("", overflow="fold")
    for check in checks:
        cells = [
            Text(MARKS[check.outcome], style=_STYLES[check.outcome]),
            Text(terminal(check.id)),
            Text("" if check.baseline is None else amount(check.baseline, check.unit)),
            Text("" if check.candidate is None else amount(check.candidate, check.unit)),
            Text(change_text(check)),
        ]
        said = "" if check.kind == "relative" and check.outcome == "pass" else check.reason
        table.add_row(*cells, *([] if narrow else [Text(terminal(said), style="dim")]))
    return table


def _print_detail(line: "Line", check: Check, *, narrow: bool) -> None:
    """Say what is needed to act on a check that did not pass, and how sure a failure is."""
    noise = noise_text(check)
    if not (narrow or noise or check.accepted or check.fix):
        return  # the table has said it all
    line(f"{check.id}: {check.reason}", "", 2)
    if noise:
        line(noise, "dim", 4)
    if check.accepted:
        line(f"accepted: {check.accepted}", "yellow", 4)
    if check.fix:
        line(f"fix: {check.fix}", "cyan", 4)


def _print_case(line: "Line", change: CaseChange) -> None:
    style = {"regressed": "red", "errored": "yellow", "missing": "yellow"}.get(
        change.outcome, "green"
    )
    before, after = amount(change.baseline, "ratio"), amount(change.candidate, "ratio")
    line(f"{change.outcome} {change.id} ({before} -> {after})", style, 2)
    if change.outcome == "improved":
        return
    for text in change.what:
        line(text, "", 4)
    if change.reproduce:
        line(change.reproduce, "cyan", 4)


def _print_stress(console: "Console", line: "Line", report: Report) -> None:
    from rich.columns import Columns  # noqa: PLC0415  # heavy
    from rich.text import Text  # noqa: PLC0415

    if report.stress is None:
        return
    console.print()
    line("stress check", "bold")
    line(scenario_line(report), "dim", 2)
    cells = [Text(f"{terminal(name)} {terminal(value)}") for name, value in figure_rows(report)]
    console.print(Columns(cells, padding=(0, 3), column_first=True))
    for mark, priority, name, figure in checklist_rows(report):
        line(f"{mark} {priority} {name}: {figure}", "", 2)


def _print_rest(console: "Console", line: "Line", report: Report, *, narrow: bool) -> None:
    from rich.columns import Columns  # noqa: PLC0415  # heavy
    from rich.text import Text  # noqa: PLC0415

    moves = advisory_moves(report)
    if moves:
        console.print()
        line("worse, and advisory", "bold")
    for check in moves:
        line(f"{check.id} {move_text(check)}", "", 2)
    known = {name: m for name, m in advisory_metrics(report).items() if m.value is not None}
    unknown = [name for name, m in report.metrics.items() if m.value is None]
    if known:
        console.print()
        line("also measured", "bold")
        cells = [
            Text(f"{terminal(name)} {amount(metric.value, metric.unit)}")
            for name, metric in known.items()
        ]
        console.print(Columns(cells, padding=(0, 3), column_first=True, expand=not narrow))
    if unknown:
        line(f"unknown: {', '.join(unknown)}", "dim")
    if report.warnings:
        console.print()
    for text in report.warnings:
        line(f"note: {text}", "yellow")


if TYPE_CHECKING:
    from typing import Protocol

    class Line(Protocol):
        """Prints one line of text."""

        def __call__(self, text: str, style: str = "", indent: int = 0) -> None:
            """Print it."""
