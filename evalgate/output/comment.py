"""The one comment on a pull request: a line of verdict, a row a suite, the rest folded away.

It never holds more characters than GitHub takes: what does not fit is cut by whole rows, and said.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from evalgate.output.view import (
    VERDICTS,
    amount,
    change_text,
    counts_line,
    gating_checks,
    headline,
    moved_cases,
)
from evalgate.schema.result import Report, ReportSet
from evalgate.schema.verdict import CaseChange, Check
from evalgate.text.escape import markdown_cell, markdown_fence

__all__ = ["LIMIT", "Surroundings", "marker_of", "render_comment", "size"]

LIMIT: Final = 65_536
"""Characters that GitHub takes in a comment."""

_EMOJI: Final = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️"}
_RANK: Final = {"fail": 0, "inconclusive": 1, "pass": 2}
_RESERVE: Final = 400
"""Characters kept for saying what was cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a comment says beside the reports."""

    marker: str
    """The hidden first line that finds the comment again."""
    link: str | None = None
    """Address of the run with the full report; null: unknown."""
    note: str | None = None
    """Something a reader must know first, e.g. that a fork's own run computed the report."""


def marker_of(workflow: str, suite: str) -> str:
    """Return the hidden line by which the comment of a workflow is found.

    Args:
        workflow: Name of the workflow.
        suite: Name of the suite, `all` for several.
    """
    names = (re.sub(r"-{2,}", "-", re.sub(r"[^\w. /-]", "-", name)) for name in (workflow, suite))
    return "<!-- evalgate:{}:{} -->".format(*names)


def size(text: str) -> int:
    """Count characters as GitHub may: those outside of the basic plane twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def render_comment(reports: ReportSet, around: Surroundings) -> str:
    """Write the comment, worst suite first.

    Args:
        reports: All suites of the run.
        around: Marker, link and note.

    Returns:
        Markdown of at most `LIMIT` characters; what a model said stands in fences only.
    """
    ordered = sorted(reports.suites, key=lambda report: (_RANK[report.verdict], report.suite.id))
    head = [around.marker, _verdict_line(reports, ordered), ""]
    if around.note:
        head += [f"> {markdown_cell(around.note)}", ""]
    foot = ["", _footer(around)]
    room = LIMIT - _RESERVE - size("\n".join((*head, *foot)))
    header = ["| | suite | cases | moved | cost | why |", "|---|---|---:|---|---:|---|"]
    rows, room = _fitting([_row(report) for report in ordered], room - size("\n".join(header)))
    body = [*header, *rows]
    if len(rows) < len(ordered):
        body.append(f"\n{len(ordered) - len(rows)} more suites did not fit.")
    for report in ordered:
        block, room = _details(report, room)
        body += block
    return "\n".join((*head, *body, *foot)) + "\n"


def _verdict_line(reports: ReportSet, ordered: Sequence[Report]) -> str:
    counts = [
        f"{count} {word}"
        for verdict, word in (("fail", "failed"), ("inconclusive", "inconclusive"))
        if (count := sum(report.verdict == verdict for report in ordered))
    ]
    many = len(ordered) > 1
    told = f" ({', '.join(counts)} of {len(ordered)} suites)" if many and counts else ""
    which = f"{markdown_cell(ordered[0].suite.id)}: " if many and counts else ""
    said = markdown_cell(headline(ordered[0]), limit=400) if ordered else "no suite was run"
    if not ordered or reports.verdict != ordered[0].verdict:
        said = f"{VERDICTS[reports.verdict]}: a suite could not be run; {said}"
    if many and not counts:
        said = f"{VERDICTS[reports.verdict]}: all {len(ordered)} suites passed"
    return f"**{_EMOJI[reports.verdict]} {which}{said}{told}**"


def _footer(around: Surroundings) -> str:
    link = f"[Full report]({around.link})" if around.link else "Full report: artifact of the run"
    return f"<sub>{link} · evalgate</sub>"


def _row(report: Report) -> str:
    suite = report.suite
    worst = next((c for c in gating_checks(report) if c.outcome != "pass"), None)
    why = "" if worst is None else f"{worst.id}: {worst.reason}"
    accepted = sum(check.accepted is not None for check in report.checks)
    if accepted and report.verdict == "pass":
        why = f"{accepted} failing, accepted"
    cost = report.metrics.get("cost_per_interaction")
    cells = (
        f"{_EMOJI[report.verdict]} {VERDICTS[report.verdict]}",
        markdown_cell(suite.id, limit=100),
        f"{suite.selected} x {suite.trials}",
        markdown_cell(counts_line(report.changes)),
        _number(None if cost is None else cost.value, "USD"),
        markdown_cell(why, limit=200),
    )
    return f"| {' | '.join(cells)} |"


def _fitting(rows: Iterable[str], room: int) -> tuple[list[str], int]:
    """Take rows while there is room; return them and the room that is left."""
    kept: list[str] = []
    for row in rows:
        if size(row) + 1 > room:
            break
        kept.append(row)
        room -= size(row) + 1
    return kept, room


def _details(report: Report, room: int) -> tuple[list[str], int]:
    """Fold the checks and cases of a suite away, as far as there is room."""
    checks = [_check(check) for check in report.checks if _is_worth_a_row(check)]
    cases = [_case(change) for change in moved_cases(report) if change.outcome != "improved"]
    notes = [f"- {markdown_cell(warning)}" for warning in report.warnings]
    parts = ((len(checks), "check"), (len(cases), "case"), (len(notes), "note"))
    counted = ", ".join(f"{n} {word}{'s' * (n != 1)}" for n, word in parts if n)
    name = markdown_cell(report.suite.id, limit=100)
    opened = ["", f"<details><summary>{name}: {counted}</summary>", ""]
    closed = ["", "</details>"]
    table = ["| | check | baseline | candidate | change | |", "|---|---|---:|---:|---:|---|"]
    room -= size("\n".join((*opened, *table, *closed))) + 120
    if not (checks or cases or notes) or room < 0:
        return [], max(room, 0)
    lines = list(opened)
    total = len(checks) + len(cases) + len(notes)
    kept, room = _fitting(checks, room)
    shown = len(kept)
    lines += [*table, *kept] if kept else []
    for part in (cases, notes):
        kept, room = _fitting(part, room - 2)
        shown += len(kept)
        lines += ["", *kept] if kept else []
    if shown < total:
        lines += ["", f"{total - shown} more did not fit; see the full report."]
    return [*lines, *closed], room


def _is_worth_a_row(check: Check) -> bool:
    return check.gate != "advisory" and (check.outcome != "pass" or check.kind == "relative")


def _check(check: Check) -> str:
    said = markdown_cell(check.reason)
    if check.accepted:
        said += f"<br>**accepted**: {markdown_cell(check.accepted)}"
    if check.fix and check.outcome != "pass":
        said += f"<br>way out: {markdown_cell(check.fix)}"
    values = (
        "" if value is None else _number(value, check.unit)
        for value in (check.baseline, check.candidate)
    )
    word = "fail, accepted" if check.accepted else check.outcome
    cells = (
        f"{_EMOJI[check.outcome]} {word}",
        markdown_cell(check.id),
        *values,
        markdown_cell(change_text(check)),
        said,
    )
    return f"| {' | '.join(cells)} |"


def _number(value: float | None, unit: str | None) -> str:
    """Write a value; a dollar sign would start a formula."""
    return amount(value, unit).replace("$", "\\$")


def _case(change: CaseChange) -> str:
    before, after = amount(change.baseline, "ratio"), amount(change.candidate, "ratio")
    title = f"**{markdown_cell(change.id)}** {change.outcome} ({before} → {after})"
    body = "\n".join((*change.what, *([change.reproduce] if change.reproduce else [])))
    return f"{title}\n\n{markdown_fence(body, limit=1_500)}\n" if body else f"{title}\n"
