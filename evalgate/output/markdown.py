"""The report as Markdown, for step summaries, comments and files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evalgate.output.goals import GOAL_HEAD, goal_rows
from evalgate.output.stress import checklist_rows, faults_line, figure_rows, scenario_line
from evalgate.output.style import Style
from evalgate.output.view import EMOJI, MARKS, CheckLine, Group, View, view_report
from evalgate.schema.result import Report, ReportSet
from evalgate.text.counts import number_of
from evalgate.text.escape import markdown_cell, markdown_fence, markdown_html

__all__ = ["Part", "ours", "render", "report_parts"]

_CASES = 30
_OPEN = 3
"""Groups of failed cases that are not folded away."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a report, which may be cut between its rows."""

    head: tuple[str, ...]
    rows: tuple[str, ...] = ()
    foot: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield all of it."""
        yield from (*self.head, *self.rows, *self.foot)


def render(reports: ReportSet, style: Style) -> str:
    """Write the reports, worst first; what a model said stands in fences, or is escaped."""
    rank = {"fail": 0, "inconclusive": 1, "pass": 2}
    ordered = sorted(reports.suites, key=lambda report: rank[report.verdict])
    return "\n".join(_report(report, style) for report in ordered)


def _report(report: Report, style: Style) -> str:
    view = view_report(report, style.ways(report))
    said = markdown_cell(view.headline, limit=600)
    head = f"## {EMOJI[report.verdict]} {markdown_cell(report.suite.id)}: {said}\n"
    lines = [line for part in report_parts(report, view) for line in (*part.lines(), "")]
    return "\n".join((head, *lines))


def report_parts(report: Report, view: View) -> Iterator[Part]:
    """Yield everything that stands below the verdict, the most telling first.

    Args:
        report: The report.
        view: What is shown of it.
    """
    yield Part((markdown_cell(view.subject),))
    if view.changed:
        changed = "; ".join(markdown_cell(line) for line in view.changed)
        yield Part((f"**Changed:** {changed}",))
    for text in view.cautions:
        yield Part((f"**{markdown_cell(text)}**",))
    yield from _checks(view)
    if view.counts:
        yield Part((f"**Cases:** {view.counts}",))
    fresh = [group for group in view.groups if not group.old]
    yield from (_group(group, opened=i < _OPEN) for i, group in enumerate(fresh))
    old = [group for group in view.groups if group.old]
    if old:
        rows = (f"- {markdown_cell(_old(group))}" for group in old)
        yield _folded(
            number_of(sum(len(g.cases) for g in old), "case") + " that failed before", rows
        )
    yield from _stress(report)
    yield from _goals(report)
    if view.advisory:
        rows = (
            f"- {markdown_cell(name)}: {ours(move)}" + (f": {markdown_cell(why)}" if why else "")
            for name, move, why in view.advisory
        )
        yield _folded(f"Worse, and gates nothing: {number_of(len(view.advisory), 'metric')}", rows)
    if view.warnings:
        notes = tuple(f"- {markdown_cell(text)}" for text in view.warnings)
        yield Part(("**Worth knowing**", ""), notes)
    yield from _measured(view)


def ours(text: str) -> str:
    """Write numbers of our own: a dollar sign would start a formula."""
    return text.replace("$", "\\$")


def _checks(view: View) -> Iterator[Part]:
    passed = number_of(len(view.passed), f"{'more ' if view.bad else ''}check")
    if not view.bad and not view.passed:
        yield Part(("No check was made.",))
        return
    if view.bad:
        head = ("| | check | baseline | now | change | limit |", "|---|---|---:|---:|---:|---:|")
        yield Part(head, tuple(map(_check_row, view.bad)))
    if view.passed:
        names = (markdown_cell(check.id) for check in view.passed)
        yield _folded(f"{MARKS['pass']} {passed} passed", (", ".join(names),))


def _check_row(check: CheckLine) -> str:
    notes = "".join(
        f"<br>{word}: {markdown_cell(text)}" if word else f"<br>{markdown_cell(text)}"
        for word, text in check.notes
    )
    numbers = (check.baseline, check.now, check.change, check.limit)
    mark = f"{EMOJI[check.outcome]} {check.outcome}"
    return f"| {mark} | **{markdown_cell(check.name)}**{notes} | {' | '.join(map(ours, numbers))} |"


def _group(group: Group, *, opened: bool) -> Part:
    title = markdown_html(group.title)
    first = group.cases[0]
    meta = ours(", ".join(part for part in (first.cost, first.time) if part))
    told = [f"{label}: {text}" if label else text for label, text in group.example]
    example = (
        f"**{markdown_cell(first.name)}**" + (f" ({meta})" if meta else ""),
        "",
        markdown_fence("\n".join(told), limit=1_500),
        *(("", markdown_fence("\n".join(group.commands), info="sh")) if group.commands else ()),
    )
    rows = [
        f"- **{markdown_cell(case.name)}**: {markdown_cell(case.difference)}"
        for case in group.cases[1:_CASES]
    ]
    if len(group.cases) > _CASES:
        rows.append(f"- {len(group.cases) - _CASES} more in `report.json`")
    state = "open" if opened else ""
    tag = f"<details{' ' * opened}{state}><summary>{MARKS['fail']} {title}</summary>"
    return Part((tag, "", *example, ""), tuple(rows), ("", "</details>"))


def _old(group: Group) -> str:
    return f"{group.title}: {', '.join(case.name for case in group.cases[:_CASES])}"


def _stress(report: Report) -> Iterator[Part]:
    if report.faults is not None:
        rows = (
            f"- {markdown_cell(one.case_id)}, draw {one.draw}: **{one.finding}**: "
            + markdown_cell(f"{', '.join(one.faults) or 'no fault'}; {one.reason}")
            for one in report.faults.sessions
        )
        yield _folded(markdown_html(faults_line(report)), rows)
    if report.stress is None:
        return
    figures = ["| | |", "|---|---:|"]
    figures += [f"| {markdown_cell(n)} | {ours(v)} |" for n, v in figure_rows(report)]
    lines = ["", "| | | | |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(map(markdown_cell, row)) + " |" for row in checklist_rows(report)]
    yield Part((f"**Stress check:** {markdown_cell(scenario_line(report))}",))
    yield _folded("What became of the load, and the checklist", (*figures, *lines))


def _goals(report: Report) -> Iterator[Part]:
    if report.goals:
        head, *rows = (GOAL_HEAD, ("---",) * len(GOAL_HEAD), *goal_rows(report))
        first = "| " + " | ".join(head) + " |"
        cells = ("| " + " | ".join(map(_goal_cell, row)) + " |" for row in rows)
        yield Part((first,), tuple(cells))


def _goal_cell(text: str) -> str:
    return text if text == "---" else markdown_cell(text)


def _measured(view: View) -> Iterator[Part]:
    if view.spent:
        yield Part((f"**Cost:** {ours(view.spent)}",))
    count = sum(len(metrics) for _, metrics in view.measured)
    rows = ["| | metric | value |", "|---|---|---:|"]
    for kind, metrics in view.measured:
        rows += [f"| {kind} | {markdown_cell(name)} | {ours(value)} |" for name, value in metrics]
    if view.unknown:
        rows += ["", f"Unknown: {', '.join(map(markdown_cell, view.unknown))}"]
    if view.grounds:
        rows += ["", f"Rests on: {markdown_cell(view.grounds)}"]
    if count or view.unknown:
        yield _folded(f"Everything measured: {number_of(count, 'metric')}", rows)


def _folded(summary: str, rows: Iterable[str]) -> Part:
    head = (f"<details><summary>{summary}</summary>", "")
    return Part(head, tuple(rows), ("", "</details>"))
