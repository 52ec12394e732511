"""Puts a page together: one HTML file, with its style, its script and its data inside.

The content policy in its head allows this script and this style by their digests and nothing
else: no request, no frame, no form, no script that a text could bring along.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from importlib.resources import files

from evalgate.output.cases.costs import costs_of
from evalgate.output.cases.details import RunDetails
from evalgate.output.cases.rows import case_rows
from evalgate.output.html import sections
from evalgate.output.html.money import cost
from evalgate.output.html.payload import BUDGET, pack_cases, packed_text
from evalgate.output.style import Style, Ways, usual_ways
from evalgate.output.view import MARKS, VERDICTS, View, view_report
from evalgate.schema.result import Report, ReportSet
from evalgate.text.escape import html

SCRIPTS = ("data.js", "table.js", "case.js", "main.js")
"""The files of the script, in order; they share one scope."""

_KEYS = (
    ("/", "search"),
    ("j k", "next, previous case"),
    ("Enter", "open or close a case"),
    ("n p", "next, previous case that failed, opened"),
    ("t", "next trial of the open case"),
    ("f", "only failed, or all"),
    ("Esc", "close, leave the search"),
    ("g", "back to the verdict"),
    ("?", "these keys"),
)


def render(reports: ReportSet, style: Style) -> str:
    """Write the page of all reports of a run.

    Args:
        reports: The reports.
        style: Finds what lies beside them; without it a page has no trajectories.
    """
    details = [style.details(report) for report in reports.suites]
    return html_page(reports, details, ways=style.ways)


def html_page(
    reports: ReportSet,
    details: Sequence[RunDetails],
    *,
    budget: int = BUDGET,
    ways: Callable[[Report], Ways] = usual_ways,
) -> str:
    """Write a page.

    Args:
        reports: The reports.
        details: What lies beside each.
        budget: Characters of packed trajectories that are kept, the worst cases first.
        ways: Finds the words of commands for a report.
    """
    script = "(() => {\n'use strict';\n" + "\n".join(map(_file, SCRIPTS)) + "\n})();\n"
    css = _file("page.css")
    parts: list[str] = []
    index = []
    chunks: list[str] = []
    for number, (report, known) in enumerate(zip(reports.suites, details, strict=True)):
        rows = case_rows(report)
        packed = pack_cases(rows, known, len(chunks), budget)
        chunks += packed.chunks
        budget -= sum(map(len, packed.chunks))
        index.append({**packed.index, "suite": report.suite.id, "left_out": packed.left_out})
        parts.append(_suite(number, report, known, view_report(report, ways(report))))
    data = "".join(
        f'<script type="application/gzip-base64" data-chunk="{i}">{chunk}</script>\n'
        for i, chunk in enumerate(chunks)
    )
    return (
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script, css)}">\n'
        '<meta name=viewport content="width=device-width, initial-scale=1">\n'
        '<meta name=color-scheme content="light dark">\n<meta name=referrer content=no-referrer>\n'
        f"<title>{html(_title(reports))}</title>\n<style>{css}</style>\n</head>\n<body>\n"
        f"{_header(reports)}<main id=top tabindex=-1>\n{''.join(parts)}</main>\n{_keys()}"
        f'<script type="application/gzip-base64" id=index>{packed_text(index)}</script>\n{data}'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _policy(script: str, css: str) -> str:
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(css)}; "
        "img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _file(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")


def _title(reports: ReportSet) -> str:
    suites = ", ".join(report.suite.id for report in reports.suites)
    return f"{VERDICTS[reports.verdict]}: {suites or 'no suite'} · evalgate"


def _header(reports: ReportSet) -> str:
    if len(reports.suites) < 2:
        return ""
    links = "".join(
        f'<li><a href="#suite-{i}"><span class="mark {report.verdict}" aria-label='
        f'"{report.verdict}">{MARKS[report.verdict]}</span> {html(report.suite.id)}</a></li>'
        for i, report in enumerate(reports.suites)
    )
    return (
        f'<header class=whole><p class="badge {reports.verdict}"><span aria-hidden="true">'
        f"{MARKS[reports.verdict]}</span> {VERDICTS[reports.verdict]}</p>"
        f'<nav aria-label="suites"><ul>{links}</ul></nav></header>\n'
    )


def _suite(number: int, report: Report, details: RunDetails, view: View) -> str:
    name = html(report.suite.id)
    parts = [
        ("cases", "Cases", _CASES.replace("{n}", str(number))),
        ("metrics", "Metrics", sections.metrics(report, details)),
        ("cost", "Cost", cost(costs_of(report, details), report)),
        ("stress", "Stress", sections.stress(report)),
        ("judges", "Judges", sections.judges(details, report)),
        ("run", "Evidence", sections.evidence(report, details)),
    ]
    shown = [(key, title, body) for key, title, body in parts if body]
    nav = "".join(f'<li><a href="#{key}-{number}">{title}</a></li>' for key, title, _ in shown)
    body = "".join(
        f'<section id="{key}-{number}" class={key} aria-labelledby="{key}-{number}-h">'
        f'<h2 id="{key}-{number}-h">{title}</h2>{text}</section>\n'
        for key, title, text in shown
    )
    broke = sections.cause_list(view, details)
    return (
        f'<article id="suite-{number}" class=suite data-suite="{number}" aria-labelledby='
        f'"suite-{number}-h">\n<section class=verdict><h1 id="suite-{number}-h">{name}</h1>'
        f"{sections.verdict(report, details)}</section>\n"
        f'<section class=broke aria-label="what broke">{broke}</section>\n'
        f'<section class=gating aria-label="checks">{sections.checks(view)}</section>\n'
        f'<nav class=parts aria-label="parts of the page"><ul>{nav}</ul></nav>\n{body}</article>\n'
    )


_CASES = (
    "<form class=filters role=search><label>Search <input type=search name=q autocomplete=off "
    'spellcheck=false placeholder="id, tag, or what went wrong"></label>'
    "<label>Show <select name=show><option value=all>all cases</option></select></label>"
    "<label>Sort by <select name=sort><option value=worst>worst first</option>"
    "<option value=id>id</option><option value=cost>cost</option><option value=time>time</option>"
    "<option value=change>change of success</option></select></label>"
    "<p class=count role=status></p></form>"
    "<div class=list><noscript><p>The list of cases needs JavaScript; everything else on this page "
    "does not.</p></noscript></div>"
)


def _keys() -> str:
    rows = "".join(
        f"<div><dt>{' '.join(f'<kbd>{html(key)}</kbd>' for key in keys.split())}</dt>"
        f"<dd>{text}</dd></div>"
        for keys, text in _KEYS
    )
    return f"<footer><h2>Keys</h2><dl id=keys tabindex=-1>{rows}</dl></footer>\n"
