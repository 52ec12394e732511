"""The report as Markdown, for step summaries, comments and files."""

from evalgate.output.goals import GOAL_HEAD, goal_rows
from evalgate.output.stress import checklist_rows, figure_rows, scenario_line
from evalgate.output.style import Style
from evalgate.output.view import (
    MARKS,
    VERDICTS,
    advisory_metrics,
    amount,
    change_text,
    counts_line,
    explained_checks,
    headline,
    moved_cases,
    noise_text,
    subject_line,
)
from evalgate.schema.result import Report, ReportSet
from evalgate.schema.verdict import CaseChange, Check
from evalgate.text.escape import markdown_cell, markdown_fence

__all__ = ["render"]

_EMOJI = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️"}
_CASES = 30


def render(reports: ReportSet, _style: Style) -> str:
    """Write the reports, worst first; what the model said stands in fences only."""
    rank = {"fail": 0, "inconclusive": 1, "pass": 2}
    ordered = sorted(reports.suites, key=lambda report: rank[report.verdict])
    return "\n".join(_report(report) for report in ordered)


def _report(report: Report) -> str:
    said = markdown_cell(headline(report), limit=600)
    blocks = [
        f"## {_EMOJI[report.verdict]} {markdown_cell(report.suite.id)}: {said}",
        markdown_cell(subject_line(report)),
        *_changed(report),
        _checks(report),
        *_stress(report),
        *_goals(report),
        *_cases(report),
        *_advisory(report),
        *_warnings(report),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _changed(report: Report) -> list[str]:
    if not report.changed:
        return []
    return ["**What changed:** " + "; ".join(markdown_cell(line) for line in report.changed)]


def _checks(report: Report) -> str:
    if not report.checks:
        return "No check was made."
    rows = ["| | check | baseline | candidate | change | |", "|---|---|---:|---:|---:|---|"]
    rows += [_check_row(check) for check in report.checks]
    fixes = [
        f"- {markdown_cell(check.id)}: {markdown_cell(check.fix)}"
        for check in explained_checks(report)
        if check.fix
    ]
    return "\n".join(rows) + ("\n\n**Way out**\n\n" + "\n".join(fixes) if fixes else "")


def _check_row(check: Check) -> str:
    noise = noise_text(check)
    said = markdown_cell(check.reason) + (f"<br>{markdown_cell(noise)}" if noise else "")
    if check.accepted:
        said += f"<br>accepted: {markdown_cell(check.accepted)}"
    gate = " (advisory)" if check.gate == "advisory" else ""
    return (
        f"| {MARKS[check.outcome]} {VERDICTS[check.outcome].lower()} "
        f"| {markdown_cell(check.id)}{gate} "
        f"| {_value(check.baseline, check)} | {_value(check.candidate, check)} "
        f"| {markdown_cell(change_text(check))} | {said} |"
    )


def _stress(report: Report) -> list[str]:
    if report.stress is None:
        return []
    figures = ["| | |", "|---|---:|"]
    figures += [f"| {markdown_cell(n)} | {markdown_cell(v)} |" for n, v in figure_rows(report)]
    lines = ["| | | | |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(map(markdown_cell, row)) + " |" for row in checklist_rows(report)]
    said = f"**Stress check:** {markdown_cell(scenario_line(report))}"
    body = "\n".join(figures) + "\n\n" + "\n".join(lines)
    summary = "<summary>What became of the load, and the checklist</summary>"
    return [said, f"<details>{summary}\n\n{body}\n\n</details>"]


def _goals(report: Report) -> list[str]:
    if not report.goals:
        return []
    rows = (GOAL_HEAD, ("---",) * len(GOAL_HEAD))
    cells = [map(markdown_cell, row) for row in goal_rows(report)]
    return ["\n".join("| " + " | ".join(row) + " |" for row in (*rows, *cells))]


def _value(value: float | None, check: Check) -> str:
    missing = value is None and (check.metric is None or check.kind != "relative")
    return "" if missing else markdown_cell(amount(value, check.unit))


def _cases(report: Report) -> list[str]:
    if not report.changes:
        return []
    moved = moved_cases(report)
    lines = [f"**Cases:** {counts_line(report.changes)}"]
    if moved:
        shown = moved[:_CASES]
        body = "\n\n".join(_case(change) for change in shown)
        more = f"\n\n{len(moved) - _CASES} more in `report.json`." if len(moved) > _CASES else ""
        summary = f"<summary>{len(moved)} cases that moved</summary>"
        lines.append(f"<details>{summary}\n\n{body}{more}\n\n</details>")
    return lines


def _case(change: CaseChange) -> str:
    name = f"**{markdown_cell(change.id)}** {change.outcome}"
    before, after = amount(change.baseline, "ratio"), amount(change.candidate, "ratio")
    body = "\n".join((*change.what, *([change.reproduce] if change.reproduce else [])))
    return f"{name} ({before} → {after})" + (f"\n\n{markdown_fence(body)}" if body else "")


def _advisory(report: Report) -> list[str]:
    metrics = advisory_metrics(report)
    if not metrics:
        return []
    rows = ["| metric | value | cases | unknown |", "|---|---:|---:|---:|"]
    rows += [
        f"| {markdown_cell(name)} | {markdown_cell(amount(metric.value, metric.unit))} "
        f"| {metric.n} | {metric.unknown} |"
        for name, metric in metrics.items()
    ]
    table = "\n".join(rows)
    return [f"<details><summary>{len(metrics)} other metrics</summary>\n\n{table}\n\n</details>"]


def _warnings(report: Report) -> list[str]:
    if not report.warnings:
        return []
    return ["**Worth knowing**\n\n" + "\n".join(f"- {markdown_cell(w)}" for w in report.warnings)]
