"""OpenMetrics text: a gauge a metric and counters, for GitLab's metrics report and time series.

A metric that is unknown has no sample: 0 would be a claim, and NaN reads as a number; so has a
counter of a report that holds no trials, such as a comparison or a stress check. Names of
counter families end in `_total`, as promtool and the pushgateway read them; what OpenMetrics 1.0
has beyond that (state sets, families without the suffix) neither of them takes.
"""

from collections.abc import Iterator

from evalgate.output.cases.rows import is_failed, judged_cases
from evalgate.output.style import Style
from evalgate.output.view import VERDICTS
from evalgate.schema.result import MetricValue, Report, ReportSet
from evalgate.text.escape import cap, plain

_VERDICT = "evalgate_run_verdict"
_COUNTS = {
    "cases": "Cases of the golden set",
    "selected": "Cases that were run",
    "trials": "Trials a case",
}
_TOTALS = {
    "trials_run": "Trials that were run",
    "trials_failed": "Trials that did not do what their case asks",
    "tool_calls": "Tool calls of the agent",
    "judge_calls": "Calls of the judge, cached ones not counted",
}
_LABEL = 200
_UNITS = {"USD": "in US dollars", "s": "in seconds", "min": "in minutes"}


def render(reports: ReportSet, _style: Style) -> str:
    """Write every metric of every suite, then the verdicts; the last line is `# EOF`."""
    lines = [*_metrics(reports.suites), *_verdicts(reports.suites), "# EOF"]
    return "\n".join(lines) + "\n"


def _metrics(reports: tuple[Report, ...]) -> Iterator[str]:
    """Write each family once, with a sample for each suite that knows its value."""
    families: dict[str, list[tuple[str, MetricValue, float]]] = {}
    for report in reports:
        for name, metric in report.metrics.items():
            if metric.value is not None:
                family = f"evalgate_{_plain_name(name)}"
                labels = _labels(report, "" if family == f"evalgate_{name}" else name)
                families.setdefault(family, []).append((labels, metric, metric.value))
    for family, samples in families.items():
        first = samples[0][1]
        unit = _UNITS.get(first.unit, f"as {first.unit}")
        yield f"# HELP {family} {unit}; {first.direction} is better"
        yield f"# TYPE {family} gauge"
        for labels, _, value in samples:
            yield f"{family}{{{labels}}} {value!r}"


def _verdicts(reports: tuple[Report, ...]) -> Iterator[str]:
    """Write the verdict as a gauge a state, and what was done as counters."""
    yield f"# HELP {_VERDICT} 1 for the verdict of a suite, 0 for the others"
    yield f"# TYPE {_VERDICT} gauge"
    for report in reports:
        for state in VERDICTS:
            held = int(report.verdict == state)
            yield f'{_VERDICT}{{{_labels(report)},verdict="{state}"}} {held}'
    for name, doc in _COUNTS.items():
        yield f"# HELP evalgate_run_{name} {doc}"
        yield f"# TYPE evalgate_run_{name} gauge"
        for report in reports:
            if report.suite.cases:
                yield f"evalgate_run_{name}{{{_labels(report)}}} {getattr(report.suite, name)}"
    for name, doc in _TOTALS.items():
        yield f"# HELP evalgate_run_{name}_total {doc}"
        yield f"# TYPE evalgate_run_{name}_total counter"
        for report in reports:
            if judged_cases(report):
                yield f"evalgate_run_{name}_total{{{_labels(report)}}} {_total(report, name)}"


def _total(report: Report, name: str) -> int:
    trials = [trial for case in report.cases for trial in case.trials]
    match name:
        case "trials_run":
            return len(trials)
        case "trials_failed":
            return sum(is_failed(trial) for trial in trials)
        case "tool_calls":
            return sum(len(trial.calls) for trial in trials)
        case _:
            return report.judge.calls if report.judge else 0


def _labels(report: Report, metric: str = "") -> str:
    """Name the suite, and a metric whose name the format does not allow."""
    suite = f'suite="{_escaped(report.suite.id)}"'
    return f'{suite},metric="{_escaped(metric)}"' if metric else suite


def _plain_name(metric: str) -> str:
    """Turn a metric's name into one that the format allows: letters, digits, underscores."""
    return "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in metric)


def _escaped(text: str) -> str:
    r"""Escape the value of a label: `\`, quotes and line breaks."""
    clean = cap(plain(text), _LABEL)
    return clean.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
