"""One line on what the metrics of a report rest on."""

from evalgate.schema.result import Ground, Report

_APART: dict[Ground, str] = {
    "recording": "on the recording alone",
    "judge": "on verdicts",
    "simulation": "on a simulation",
    "claims": "on what the agent says of itself",
}


def grounds_line(report: Report) -> str:
    """Say what the metrics rest on; empty where the report does not tell."""
    found = report.rests_on
    if found is None:
        return ""
    parts = [f"code {found.code}"]
    if found.model is not None:
        parts.append(f"model {found.model}")
    parts += [f"tools {how}: {', '.join(names)}" for how, names in sorted(found.tools.items())]
    if found.judge is not None:
        parts.append(f"verdicts {found.judge}")
    known = [name for name, metric in report.metrics.items() if metric.value is not None]
    for ground, words in _APART.items():
        count = sum(ground in found.metrics.get(name, ()) for name in known)
        if count:
            parts.append(f"{count} metric{'s' if count > 1 else ''} {words}")
    return "; ".join(parts)
