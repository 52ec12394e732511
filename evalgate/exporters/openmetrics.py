"""Counters of interactions in Prometheus' text format (0.0.4), as promtool and pushgateways read.

Each rate has one family: `evalgate_events_total{metric, outcome}`, where `good` and `bad` add up to
the events that are known. Names and labels are the interface of the boards and the rules.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from evalgate.text.escape import cap, plain

RATES: Final[Mapping[str, tuple[str, bool]]] = {
    "task_success_rate": ("success", True),
    "error_rate": ("error", False),
    "escalation_rate": ("escalation", False),
    "guardrail_violation_rate": ("guardrail", False),
    "hallucination_rate": ("faithfulness", True),
}
"""Field of each rate, and whether it holds the good events."""

_LABEL: Final = 200
_HELP: Final[Mapping[str, str]] = {
    "evalgate_interactions_total": "Interactions by the result of their task",
    "evalgate_events_total": "Events of each rate; good and bad are known, unknown is neither",
    "evalgate_tool_calls_total": "Calls of tools",
    "evalgate_cost_usd_total": "Cost in US dollars of the interactions whose cost is known",
    "evalgate_cost_known_total": "Interactions by whether their cost is known",
    "evalgate_tokens_total": "Tokens of model calls, where they are known",
}

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted of one interaction; null is unknown."""

    agent: str | None
    model: str | None
    environment: str | None
    success: float | None
    error: float | None
    escalation: float | None
    guardrail: float | None
    faithfulness: float | None
    cost_usd: float | None
    input_tokens: int | None
    output_tokens: int | None
    tools: Mapping[str, tuple[int, int]]
    """Calls and failures by tool."""


def counters(rows: Iterable[Counted]) -> dict[str, dict[Labels, float]]:
    """Add interactions up, by family and labels."""
    found: dict[str, dict[Labels, float]] = {family: {} for family in _HELP}
    for row in rows:
        for family, labels, value in _counts(row):
            own = found[family]
            own[labels] = own.get(labels, 0.0) + value
    return found


def _counts(row: Counted) -> Iterator[tuple[str, Labels, float]]:
    who = {"agent": row.agent or "", "environment": row.environment or ""}
    model = {**who, "model": row.model or ""}
    result = _result(row.success)
    for each in ("success", "failure", "unknown"):  # a rate needs its zeros
        yield "evalgate_interactions_total", _labels(model, result=each), float(each == result)
    for metric, (name, holds_good) in RATES.items():
        value = getattr(row, name)
        for outcome, count in _outcomes(value, holds_good=holds_good).items():
            yield "evalgate_events_total", _labels(who, metric=metric, outcome=outcome), count
    for tool, (calls, failures) in row.tools.items():
        for each, count in (("ok", calls - failures), ("failed", failures)):
            labels = _labels(who, tool=tool, result=each)
            yield "evalgate_tool_calls_total", labels, float(count)
    if row.cost_usd is not None:
        yield "evalgate_cost_usd_total", _labels(model), row.cost_usd
    known = "yes" if row.cost_usd is not None else "no"
    yield "evalgate_cost_known_total", _labels(model, known=known), 1.0
    for kind, tokens in (("input", row.input_tokens), ("output", row.output_tokens)):
        if tokens is not None:
            yield "evalgate_tokens_total", _labels(model, type=kind), float(tokens)


def _result(success: float | None) -> str:
    if success is None:
        return "unknown"
    return "success" if success >= 1.0 else "failure"


def _outcomes(value: float | None, *, holds_good: bool) -> dict[str, float]:
    if value is None:
        return {"good": 0.0, "bad": 0.0, "unknown": 1.0}
    good = value if holds_good else 1.0 - value
    return {"good": good, "bad": 1.0 - good, "unknown": 0.0}


def _labels(values: Mapping[str, str], **more: str) -> Labels:
    return tuple((name, cap(plain(value), _LABEL)) for name, value in {**values, **more}.items())


def counters_text(found: Mapping[str, Mapping[Labels, float]]) -> str:
    """Write the counters, each family with its help and type."""
    lines: list[str] = []
    for family, samples in found.items():
        if not samples:
            continue
        lines += [f"# HELP {family} {_HELP[family]}", f"# TYPE {family} counter"]
        for labels, value in sorted(samples.items()):
            named = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
            lines.append(f"{family}{{{named}}} {value!r}")
    return "".join(f"{line}\n" for line in lines)


def gauges_text(values: Iterable[tuple[str, str, str, float]]) -> str:
    """Write the metrics of runs as one family.

    Args:
        values: Suite, metric, unit and value; what is unknown is not among them.
    """
    lines = [
        f'evalgate_metric{{suite="{_escaped(cap(plain(suite), _LABEL))}",'
        f'metric="{_escaped(cap(plain(metric), _LABEL))}",unit="{_escaped(unit)}"}} {value!r}'
        for suite, metric, unit, value in values
    ]
    head = ["# HELP evalgate_metric A metric of a run", "# TYPE evalgate_metric gauge"]
    return "".join(f"{line}\n" for line in [*head, *lines]) if lines else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
