"""The one comment on a pull request: a line of verdict, a row a suite, the rest folded away.

It never holds more characters than GitHub takes: what does not fit is cut by whole rows, and said.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from evalgate.output.markdown import ours, report_parts
from evalgate.output.numbers import amount
from evalgate.output.view import EMOJI, VERDICTS, headline, view_report
from evalgate.schema.result import Report, ReportSet
from evalgate.text.counts import number_of
from evalgate.text.escape import markdown_cell, markdown_html

LIMIT: Final = 65_536
"""Characters that GitHub takes in a comment."""

_RANK: Final = {"fail": 0, "inconclusive": 1, "pass": 2}
_RESERVE: Final = 400
"""Characters kept for saying what was cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentScene:
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


def render_comment(reports: ReportSet, around: CommentScene) -> str:
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
    body: list[str] = []
    alone = len(ordered) == 1
    if not alone:
        header = ["| | suite | cases | | cost | why |", "|---|---|---:|---|---:|---|"]
        rows, room = _fitting(map(_row, ordered), room - size("\n".join(header)))
        body = [*header, *rows]
        if len(rows) < len(ordered):
            body.append(f"\n{len(ordered) - len(rows)} more suites did not fit.")
    for report in ordered:
        block, room = _details(report, room, alone=alone)
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
    said = markdown_cell(headline(ordered[0]), limit=600) if ordered else "no suite was run"
    if not ordered or reports.verdict != ordered[0].verdict:
        said = f"{VERDICTS[reports.verdict]}: a suite could not be run; {said}"
    if many and not counts:
        said = f"{VERDICTS[reports.verdict]}: all {len(ordered)} suites passed"
    return f"**{EMOJI[reports.verdict]} {which}{said}{told}**"


def _footer(around: CommentScene) -> str:
    link = f"[Full report]({around.link})" if around.link else "Full report: artifact of the run"
    return f"<sub>{link} · evalgate</sub>"


def _row(report: Report) -> str:
    suite = report.suite
    view = view_report(report)
    word, _, why = view.headline.partition(": ")
    cost = report.metrics.get("cost_per_interaction")
    cells = (
        f"{EMOJI[report.verdict]} {word}",
        markdown_cell(suite.id, limit=100),
        f"{suite.selected} x {suite.trials}",
        view.counts,
        ours(amount(None if cost is None else cost.value, "USD")),
        markdown_cell(why, limit=300),
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


def _details(report: Report, room: int, *, alone: bool) -> tuple[list[str], int]:
    """Write the parts of a suite, as far as there is room; of several, all are folded away."""
    name = markdown_html(report.suite.id, limit=100)
    opened = [] if alone else ["", f"<details><summary>{name}</summary>"]
    closed = [] if alone else ["", "</details>"]
    room -= size("\n".join((*opened, *closed))) + 120
    if room < 0:
        return [], 0
    lines = list(opened)
    cut = 0
    for part in report_parts(report, view_report(report)):
        frame = ("", *part.head, *part.foot)
        kept, left = _fitting(part.rows, room - size("\n".join(frame)) - 1)
        if left < 0 or (part.rows and not kept):
            cut += max(len(part.rows), 1)
            continue
        room = left
        cut += len(part.rows) - len(kept)
        lines += ["", *part.head, *kept, *part.foot]
    if cut:
        lines += ["", f"{number_of(cut, 'more line')} did not fit; see the full report."]
    return [*lines, *closed], room
