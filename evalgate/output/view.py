"""What every printed report shows, in the words and numbers they share."""

from collections import Counter
from collections.abc import Iterable

from evalgate.schema.result import MetricValue, Report
from evalgate.schema.verdict import CaseChange, Check, Interval

__all__ = [
    "MARKS",
    "VERDICTS",
    "advisory_metrics",
    "advisory_moves",
    "amount",
    "change_text",
    "counts_line",
    "explained_checks",
    "gating_checks",
    "headline",
    "move_text",
    "moved_cases",
    "noise_text",
    "subject_line",
]

VERDICTS = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE"}
MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?"}
_MOVED = ("regressed", "errored", "missing", "improved")
_SMALL = 0.001


def amount(value: float | None, unit: str | None) -> str:
    """Write a value with its unit; null is `unknown`, never 0."""
    if value is None:
        return "unknown"
    match unit:
        case "USD":
            return f"${value:.4g}"
        case "s" | "min":
            return f"{value:.3g} {unit}"
        case "count" | "tokens":
            return f"{value:.4g}"
        case _:
            return f"{value:.3f}" if value == 0 or abs(value) >= _SMALL else f"{value:.2g}"


def change_text(check: Check) -> str:
    """Write a change as a reader expects it: signed as the value moved, with its meaning."""
    if check.change is None:
        return ""
    if check.change == 0:
        return "no change"
    moved = check.change if check.direction == "lower" else -check.change
    word = "worse" if check.change > 0 else "better"
    return f"{moved:+.1%} {word}"


def move_text(check: Check) -> str:
    """Write what an advisory check that would fail found: a change, or a value and its limit."""
    now = amount(check.candidate, check.unit)
    if check.kind == "stress":
        return f"{now}, limit {amount(check.threshold, check.unit)}: {check.reason}"
    return f"{amount(check.baseline, check.unit)} -> {now}, {change_text(check)}"


def noise_text(check: Check) -> str:
    """Write what statistics say of a check, in one short line; empty without noise."""
    parts = []
    if check.interval_90 is not None:
        parts.append(f"90 % interval {_interval(check.interval_90)}")
    if check.p_value is not None:
        parts.append(f"p {check.p_value:.3f}")
    if check.settled is not None:
        parts.append("settled" if check.settled else "not settled: noise can explain it")
    quality = check.quality
    if quality is not None and quality.false_alarm_rate is not None:
        parts.append(f"false alarms {quality.false_alarm_rate:.0%}")
    if quality is not None and quality.detects_10_percent is not None:
        parts.append(f"catches a 10 % drop {quality.detects_10_percent:.0%}")
    if quality is not None and quality.trials_for_5_percent is not None:
        parts.append(f"5 % false alarms need {quality.trials_for_5_percent} trials a case")
    return ", ".join(parts)


def _interval(interval: Interval) -> str:
    ends = ("unbounded" if end is None else f"{end:+.1%}" for end in (interval.low, interval.high))
    return "[" + ", ".join(ends) + "]"


def gating_checks(report: Report) -> tuple[Check, ...]:
    """Return the checks that can decide, in the report's order."""
    return tuple(check for check in report.checks if check.gate != "advisory")


def advisory_moves(report: Report) -> tuple[Check, ...]:
    """Return the advisory checks that would fail if they gated, the largest change first."""
    worse = [c for c in report.checks if c.gate == "advisory" and c.outcome == "fail"]
    return tuple(sorted(worse, key=lambda check: -(check.change or 0)))


def explained_checks(report: Report) -> tuple[Check, ...]:
    """Return the checks that did not pass and are worth an explanation.

    Where evidence is missing, that explains every check that lacks it.
    """
    bad = [check for check in gating_checks(report) if check.outcome != "pass"]
    causes = [c for c in bad if c.kind == "comparison" or c.id.startswith("evidence.")]
    return tuple(c for c in bad if c.outcome == "fail" or not causes or c in causes)


def headline(report: Report) -> str:
    """Say the verdict in one line, with the worst check's reason."""
    gating = gating_checks(report)
    counts = Counter(check.outcome for check in gating)
    word = VERDICTS[report.verdict]
    partial = " (partial)" if report.partial else ""
    if report.verdict == "pass":
        accepted = sum(check.accepted is not None for check in gating)
        note = f", {accepted} failing but accepted" if accepted else ""
        return f"{word}{partial}: {counts['pass']} of {len(gating)} checks passed{note}"
    if not gating:
        return f"{word}{partial}: nothing was checked"
    worst = next((c for c in gating if c.outcome == report.verdict), gating[0])
    more = counts[report.verdict] - 1
    also = f" (and {more} more)" if more > 0 else ""
    return f"{word}{partial}: {worst.id}: {worst.reason}{also}"


def subject_line(report: Report) -> str:
    """Say what was run and what it was compared with."""
    suite = report.suite
    cases = f"{suite.selected} of {suite.cases}" if suite.selected != suite.cases else suite.cases
    trials = f"{suite.trials} trial" + ("s" if suite.trials != 1 else "")
    run = f"{cases} cases x {trials}, {suite.mode}"
    if report.stress is not None and not suite.cases:
        run = f"{report.stress.get('sessions')} sessions, {report.stress.get('calls')} calls"
    ref = report.baseline
    if ref is None:
        return f"{run}; no comparison"
    made = f", made {ref.created[:10]}" if ref.created else ""
    of = f" of {ref.trials} trial{'s' if ref.trials != 1 else ''}" if ref.trials else ""
    return f"{run}; baseline {ref.source}{of}{made}"


def counts_line(changes: Iterable[CaseChange]) -> str:
    """Count the cases by outcome, worst first."""
    counts = Counter[str](change.outcome for change in changes)
    order = ("regressed", "errored", "missing", "improved", "new", "unchanged")
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in order if counts[outcome])


def moved_cases(report: Report) -> tuple[CaseChange, ...]:
    """Return the cases worth reading, worst first."""
    rank = {outcome: index for index, outcome in enumerate(_MOVED)}
    moved = [change for change in report.changes if change.outcome in rank]
    return tuple(sorted(moved, key=lambda change: (rank[change.outcome], change.id)))


def advisory_metrics(report: Report) -> dict[str, MetricValue]:
    """Return the metrics that no gating check is about."""
    gated = {check.metric for check in gating_checks(report)}
    return {name: value for name, value in report.metrics.items() if name not in gated}
