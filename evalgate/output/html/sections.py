"""The parts of a page that are there at once, without a script: verdict, metrics, cost, and so on.

Everything that comes from outside goes through `escape.html`; the rest is written here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from evalgate.gate.false_alarms import CAUTION
from evalgate.metrics.registry import METRICS
from evalgate.output.cases.causes import Cause
from evalgate.output.cases.details import RunDetails
from evalgate.output.cases.divergence import divergence_text
from evalgate.output.cases.rows import STATES, mean_score
from evalgate.output.grounds import grounds_line
from evalgate.output.html.charts import change_chart, distribution, sparkline
from evalgate.output.html.words import case_links
from evalgate.output.numbers import amount, change_text, unit_of
from evalgate.output.stress import checklist_rows, faults_line, figure_rows, scenario_line
from evalgate.output.stress_plot import stress_figure
from evalgate.output.view import (
    MARKS,
    VERDICTS,
    CheckLine,
    Group,
    View,
    headline,
    subject_line,
)
from evalgate.schema.base import Json
from evalgate.schema.result import MetricValue, Report
from evalgate.schema.score import Scored
from evalgate.schema.verdict import Check
from evalgate.text.counts import number_of, percent_text
from evalgate.text.escape import html

__all__ = ["cause_list", "checks", "evidence", "judges", "metrics", "stress", "verdict"]


def verdict(report: Report, details: RunDetails) -> str:
    """Say the verdict, its cause in words, and what was run."""
    partial = " (partial)" if report.partial else ""
    made = details.manifest
    when = "" if made is None else f" · {made.run_id} · {made.created}"
    commit = made.subject.git_commit if made and made.subject.git_commit else None
    at = "" if commit is None else f" · commit {commit[:10]}"
    dirty = " with uncommitted changes" if made and made.subject.dirty and commit else ""
    changed = "; ".join(report.changed)
    cautions = "".join(
        f"<p class=why>{html(text)}</p>" for text in report.warnings if text.startswith(CAUTION)
    )
    return (
        f'<p class="badge {report.verdict}"><span aria-hidden="true">'
        f"{MARKS[report.verdict]}</span> {VERDICTS[report.verdict]}{partial}</p>"
        f"<p class=why>{html(headline(report).partition(': ')[2])}</p>"
        f"<p class=dim>{html(subject_line(report) + when + at + dirty)}</p>"
        f"{_said('Changed since the baseline', changed)}{cautions}"
    )


def checks(view: View) -> str:
    """List every gating check that did not pass, with what to do; those that passed are folded."""
    rows = "".join(_check_row(line) for line in view.bad)
    passed = "".join(_check_row(line) for line in view.passed_lines)
    shown = f"<table class=checks>{_CHECK_HEAD}<tbody>{rows}</tbody></table>" if rows else ""
    more = "more " if rows else ""
    folded = (
        f"<details class=passed><summary>{number_of(len(view.passed), f'{more}check')} passed"
        f"</summary><table class=checks>{_CHECK_HEAD}<tbody>{passed}</tbody></table></details>"
        if passed
        else ""
    )
    return shown + folded


_CHECK_HEAD = (
    "<thead><tr><th scope=col>check</th><th scope=col class=num>baseline</th>"
    "<th scope=col class=num>now</th><th scope=col class=num>change</th>"
    "<th scope=col>change against the limit, and what to do</th></tr></thead>"
)


def _said(name: str, text: str) -> str:
    return f"<p><b>{name}:</b> {html(text)}</p>" if text else ""


def _check_row(line: CheckLine) -> str:
    limit = f"<p class=dim>limit {html(line.limit)}</p>" if line.limit else ""
    notes = "".join(_note(word, text) for word, text in line.notes)
    mark = f'<span class="mark {line.outcome}" aria-label="{line.outcome}">{MARKS[line.outcome]}'
    return (
        f'<tr class="{line.outcome}"><th scope=row>{mark}</span> {html(line.name)}</th>'
        f"<td class=num data-name=baseline>{line.baseline}</td>"
        f"<td class=num data-name=now>{line.now}</td>"
        f"<td class=num data-name=change>{html(line.change)}{limit}</td>"
        f"<td>{change_chart(line.check)}{notes}</td></tr>"
    )


def _note(word: str, text: str) -> str:
    if word in ("look", "fix"):
        return f"<p class=fix>{word}: <code>{html(text)}</code></p>"
    return f"<p class=accepted>{word}: {html(text)}</p>" if word else f"<p>{html(text)}</p>"


_OPEN = 4
"""Kinds of failures that are not folded away."""


def cause_list(view: View, details: RunDetails) -> str:
    """Say what went wrong, once for each kind, with links to the cases.

    What failed in the baseline too is folded: it is not what this change broke.
    """
    head = f"<p class=dim>{number_of(view.cases, 'case')}: {view.counts}</p>" if view.cases else ""
    fresh = [group for group in view.groups if not group.old]
    old = [group for group in view.groups if group.old]
    again = number_of(sum(len(group.cases) for group in old), "case")
    return (
        head
        + _causes(fresh[:_OPEN], details)
        + _folded(number_of(len(fresh[_OPEN:]), "more kind"), fresh[_OPEN:], details)
        + _folded(f"{again} that failed before", old, details)
    )


def _folded(title: str, groups: Sequence[Group], details: RunDetails) -> str:
    if not groups:
        return ""
    return f"<details><summary>{title}</summary>{_causes(groups, details)}</details>"


def _causes(groups: Sequence[Group], details: RunDetails) -> str:
    items = "".join(_cause_item(group, details) for group in groups)
    return f"<ol class=causes>{items}</ol>" if items else ""


def _cause_item(group: Group, details: RunDetails) -> str:
    cause = group.cause
    look = f"<p class=fix>look: <code>{html(group.show)}</code></p>" if group.show else ""
    return (
        f'<li><p><span class="state s{STATES.index(cause.state)}">'
        f"{number_of(len(cause.cases), 'case')} {cause.state}</span> "
        f"<span class=said>{html(_doing(cause))}</span></p>"
        f"{''.join(_told(label, text) for label, text in group.example)}"
        f"{_parted(divergence_text(cause.rows[0], details))}"
        f"<p class=links>{case_links(cause.cases)}</p>"
        f"{look}</li>"
    )


def _doing(cause: Cause) -> str:
    return cause.words.one if len(cause.rows) == 1 else cause.words.many


def _parted(text: str | None) -> str:
    if text is None:
        return ""
    return f"<p class=dim>first divergence: <code>{html(text, limit=300)}</code></p>"


def _told(label: str, text: str) -> str:
    """Write one thing that is known of a case: its first lines; all is shown where it is opened."""
    said = "\n".join(text.splitlines()[:4])
    return f"<p class='dim said'>{html(f'{label}: {said}' if label else said, limit=400)}</p>"


def metrics(report: Report, details: RunDetails) -> str:
    """List every metric: value, baseline, limit, spread over cases, and earlier runs."""
    relative = {check.metric: check for check in report.checks if check.kind == "relative"}
    body = "".join(
        _metric_row(name, metric, relative.get(name), report, details)
        for name, metric in sorted(
            report.metrics.items(), key=lambda item: not _gates(relative, item[0])
        )
    )
    return (
        "<table class=metrics><thead><tr><th scope=col>metric</th>"
        "<th scope=col class=num>baseline</th><th scope=col class=num>now</th>"
        "<th scope=col class=num>change</th><th scope=col>90 % interval and limit</th>"
        "<th scope=col>cases: bars now, line in the baseline</th>"
        f"<th scope=col>earlier runs</th></tr></thead><tbody>{body}</tbody></table>"
    )


def _gates(relative: Mapping[str | None, Check], name: str) -> bool:
    return name in relative and relative[name].gate != "advisory"


def _metric_row(
    name: str, metric: MetricValue, check: Check | None, report: Report, details: RunDetails
) -> str:
    score = METRICS[name].score if name in METRICS else name
    doc = METRICS[name].doc if name in METRICS else ""
    means = (mean_score(case.trials, score) for case in report.cases)
    now = [value for value in means if value is not None]
    before = [] if details.baseline is None else list(_baseline_means(details, score))
    past = [earlier.values.get(name) for earlier in details.history]
    gate = (
        ""
        if check is None or check.gate == "advisory"
        else f" <span class=gate>{check.gate}</span>"
    )
    outcome = "" if check is None or check.gate == "advisory" else check.outcome
    unknown = f"<p class=dim>{metric.unknown} unknown</p>" if metric.unknown else ""
    source = "" if metric.source == "measured" else f"<p class=dim>{metric.source}</p>"
    was = None if check is None else check.baseline
    unit = unit_of(name, metric.unit)
    return (
        f'<tr class="{outcome}"><th scope=row title="{html(doc)}">{html(name)}{gate}</th>'
        f"<td class=num data-name=baseline>{'' if was is None else amount(was, unit)}</td>"
        f"<td class=num data-name=now>{amount(metric.value, unit)}{unknown}{source}</td>"
        f"<td class=num data-name=change>{html('' if check is None else change_text(check))}</td>"
        f"<td>{'' if check is None else change_chart(check)}</td>"
        f"<td>{distribution(now, before, metric.unit)}</td>"
        f"<td>{sparkline([*past, metric.value])}</td></tr>"
    )


def _baseline_means(details: RunDetails, score: str) -> Iterator[float]:
    for case in details.baseline.cases.values() if details.baseline else ():
        column = case.columns.get(score, ())
        values = [one.value for one in column if isinstance(one, Scored)]
        if values and len(values) == len(column):
            yield sum(values) / len(values)


def stress(report: Report) -> str:
    """Show the stress check: what was played, plot, figures, checklist, findings."""
    faults = "" if report.faults is None else f"<p>{html(faults_line(report))}</p>"
    if report.stress is None:
        return faults
    try:
        return _stress(report, report.stress) + faults
    except (AttributeError, KeyError, TypeError, ValueError):  # the outcome is free JSON
        return "<p>The outcome of the stress check has a form that this version does not read.</p>"


def _stress(report: Report, outcome: Mapping[str, Json]) -> str:
    figure = stress_figure(report)
    picture = f"<div class=plot>{figure}</div>" if figure else ""
    figures = "".join(
        f"<div><dt>{html(name)}</dt><dd>{html(value)}</dd></div>"
        for name, value in figure_rows(report)
    )
    lines = "".join(
        f"<tr><td>{html(mark)}</td><td>{html(priority)}</td><th scope=row>{html(name)}</th>"
        f"<td>{html(figure_)}</td></tr>"
        for mark, priority, name, figure_ in checklist_rows(report)
    )
    findings = "".join(_finding(item) for item in _list(outcome.get("findings")))
    head = "".join(f"<th scope=col>{name}</th>" for name in ("met", "priority", "line", "figure"))
    checklist = (
        f"<h3>Checklist</h3><table class=list><thead><tr>{head}</tr></thead>"
        f"<tbody>{lines}</tbody></table>"
        if lines
        else ""
    )
    return (
        f"<p>{html(scenario_line(report))}</p>{picture}<dl class=figures>{figures}</dl>"
        f"{_listed('Findings', findings)}{checklist}"
    )


def _finding(item: Json) -> str:
    if not isinstance(item, dict):
        return f"<li>{html(str(item))}</li>"
    fix = item.get("fix")
    said = item.get("said") or item.get("kind") or "finding"
    more = f"<p class=fix>fix: {html(str(fix))}</p>" if fix else ""
    return f"<li>{html(str(said))}{more}</li>"


def _list(value: Json) -> Iterable[Json]:
    return value if isinstance(value, list) else ()


def judges(details: RunDetails, report: Report) -> str:
    """Show how far each judge agrees with people."""
    found = details.calibration
    if found is None or not found.judges:
        if report.judge is None:
            return ""
        return "<p>The judge is not calibrated against labels of people.</p>"
    rows = "".join(
        f"<tr><th scope=row>{html(judge)}: {html(metric)}</th><td>{html(one.model)}</td>"
        f"<td class=num>{one.n}</td><td class=num>{_ratio(one.accuracy)}</td>"
        f"<td class=num>{_number(one.kappa)}<p class=dim>{_number(one.kappa_low)} to "
        f"{_number(one.kappa_high)}</p></td><td class=num>{_ratio(one.sensitivity)}</td>"
        f"<td class=num>{_ratio(one.specificity)}</td>"
        f"<td>{' / '.join(map(str, one.confusion))}</td></tr>"
        for judge, by_metric in found.judges.items()
        for metric, one in by_metric.items()
    )
    return (
        "<p>Agreement of judges with labels of people.</p><table class=list><thead><tr>"
        "<th scope=col>judge</th><th scope=col>model</th><th scope=col class=num>labels</th>"
        "<th scope=col class=num>accuracy</th><th scope=col class=num>kappa, 95 %</th>"
        "<th scope=col class=num>sensitivity</th><th scope=col class=num>specificity</th>"
        f"<th scope=col>confusion</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def evidence(report: Report, details: RunDetails) -> str:
    """Show what a reader should know, what was accepted, and what the run was made of."""
    warned = "".join(f"<li>{html(text)}</li>" for text in report.warnings)
    noted = "".join(f"<li>{html(text)}</li>" for text in details.notes)
    waived = "".join(
        f"<li>{html(check.id)}: {html(check.accepted)}</li>"
        for check in report.checks
        if check.accepted
    )
    ref = report.baseline
    facts: dict[str, str | None] = {
        "agent": report.suite.agent,
        "cases": f"{report.suite.selected} of {report.suite.cases}",
        "mode": report.suite.mode,
        "model (claimed)" if report.suite.claimed else "model": report.subject.model,
        "figures rest on": grounds_line(report),
        "golden set": report.suite.golden_digest,
        "configuration": report.suite.config_digest,
        "baseline": None if ref is None else ref.source,
        "baseline made": None if ref is None else ref.created,
        "baseline's reason": None if ref is None else ref.reason,
        "prices": None
        if report.pricing is None
        else f"{report.pricing.source} {report.pricing.version}",
        "command": details.manifest.command if details.manifest else None,
        **(dict(details.manifest.environment) if details.manifest else {}),
    }
    rows = "".join(
        f"<tr><th scope=row>{html(name)}</th><td>{html(value)}</td></tr>"
        for name, value in facts.items()
        if value
    )
    return (
        _listed("What a reader should know", warned)
        + _listed("Accepted failures", waived)
        + _listed("Not shown on this page", noted)
        + f"<h3>What was run</h3><table class=facts><tbody>{rows}</tbody></table>"
    )


def _listed(title: str, items: str) -> str:
    return f"<h3>{title}</h3><ul>{items}</ul>" if items else ""


def _ratio(value: float | None) -> str:
    return "unknown" if value is None else percent_text(value)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
