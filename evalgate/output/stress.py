"""The part of a printed report that is about a stress check: what was played, and the checklist."""

from collections import Counter
from typing import cast

from evalgate.output.numbers import amount
from evalgate.schema.base import Json
from evalgate.schema.result import Report
from evalgate.text.counts import number_of

__all__ = ["checklist_rows", "faults_line", "figure_rows", "scenario_line"]

_FIGURES = (
    ("sessions", "sessions", "count"),
    ("finished", "finished", "count"),
    ("calls", "calls", "count"),
    ("succeeded", "succeeded", "count"),
    ("exhausted", "retries ran out", "count"),
    ("never_fits", "never fit", "count"),
    ("abandoned", "gave up in the queue", "count"),
    ("attempts", "attempts", "count"),
    ("throttled", "throttled", "count"),
    ("errors", "other errors", "count"),
    ("quota_utilisation", "use of the quota", "ratio"),
    ("completion_time_p50", "p50 of finished", "s"),
    ("completion_time_p95", "p95 of finished", "s"),
)
_ALWAYS = ("sessions", "calls", "succeeded", "attempts", "throttled", "quota_utilisation")
_MARKS = {"met": "✓", "not met": "✗", "not measured": "?"}


def scenario_line(report: Report) -> str:
    """Say in one line what was played; empty without a stress check."""
    stress = report.stress
    if stress is None:
        return ""
    limits = cast("dict[str, int]", stress.get("limits") or {})
    said = ", ".join(f"{name} {value:,}" for name, value in limits.items())
    gate = stress.get("admission")
    control = "no capacity control"
    if isinstance(gate, dict):
        control = "queue"
        if gate.get("reservation") != "none":
            control += f" with {gate.get('reserve')} % reserved ({gate.get('reservation')})"
    faults = "" if stress.get("faults") == "none" else f", faults {stress.get('faults')}"
    seeds = cast("int", stress.get("seeds") or 1)
    unit = "round" if stress.get("engine") == "live" else "seed"
    more = f" over {seeds} {unit}s" if seeds > 1 else ""
    return (
        f"{stress.get('engine')}{more}: {stress.get('profile')}, {stress.get('limiter')}, "
        f"charge {stress.get('charge')}, {said}; arrivals {stress.get('arrivals')}; "
        f"retry {stress.get('retry')}{faults}; {control}"
    )


def faults_line(report: Report) -> str:
    """Say in one line what became of sessions with faults of tools; empty without any."""
    faults = report.faults
    if faults is None:
        return ""
    counts = Counter(session.finding.replace("_", " ") for session in faults.sessions)
    said = ", ".join(f"{count} {finding}" for finding, count in sorted(counts.items()))
    model = "" if faults.models == "none" else f", with {faults.models} of the model"
    count = len(faults.sessions)
    named = f"{number_of(count, 'session')} with faults of tools{model}"
    return f"{named}: {said or 'none played'}"


def _count(value: Json) -> str:
    return f"{value:,}" if isinstance(value, int) else "unknown"


def figure_rows(report: Report) -> list[tuple[str, str]]:
    """Return name and value of what became of the load; zeros that say nothing are left out."""
    stress = report.stress or {}
    rows = []
    for key, name, unit in _FIGURES:
        value = stress.get(key)
        if value == 0 and key not in _ALWAYS:
            continue
        if unit == "count":
            rows.append((name, _count(value)))
        else:
            number = value if isinstance(value, int | float) else None
            rows.append((name, amount(number, unit)))
    causes = cast("list[dict[str, Json]]", stress.get("root_causes") or [])
    rows += [
        (f"failed: {cause['cause']}", f"{_count(cause['calls'])} (to {cause['team']})")
        for cause in causes
    ]
    return rows


def checklist_rows(report: Report) -> list[tuple[str, str, str, str]]:
    """Return mark, priority, name and figure of the twelve lines of the checklist."""
    lines = cast("list[dict[str, Json]]", (report.stress or {}).get("checklist") or [])
    return [
        (
            _MARKS.get(str(line["status"]), "?"),
            str(line["priority"]),
            str(line["name"]),
            f"{line['status']}: {line['figure']}",
        )
        for line in lines
    ]
