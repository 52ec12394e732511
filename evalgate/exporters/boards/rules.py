"""Objectives as Prometheus rules, under the names that Sloth records (sloth.dev).

Error rates over 5 m to 30 d, the budget and its burn rates, and two alerts an objective: one for a
page, one for a ticket, each over two pairs of a long and a short window.
Factors: Google's SRE workbook, chapter 5 (14.4, 6, 3 and 1).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from evalgate.exporters.openmetrics import RATES
from evalgate.schema.objectives import Objective

SERVICE: Final = "evalgate"
WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
_PAGE: Final = (("5m", "1h", 14.4), ("30m", "6h", 6.0))
_TICKET: Final = (("2h", "1d", 3.0), ("6h", "3d", 1.0))
_DAY: Final = 86_400
_TOOLS: Final = "tool_failure_rate"


def exportable(objective: Objective) -> bool:
    """Whether counters can say how an objective stands: a rate of production without a limit."""
    limited = objective.at_most is not None or objective.at_least is not None
    known = objective.metric in RATES or objective.metric == _TOOLS
    return objective.source == "production" and known and not limited


def sli(objective: Objective, window: str) -> str:
    """Return the expression of the share of bad events over a window."""
    agent = "" if objective.agent is None else f'agent="{_quoted(objective.agent)}"'
    if objective.metric == _TOOLS:
        bad = _sum("evalgate_tool_calls_total", [agent, 'result="failed"'], window)
        return f"({bad}) / ({_sum('evalgate_tool_calls_total', [agent], window)})"
    named = [f'metric="{objective.metric}"', agent]
    bad = _sum("evalgate_events_total", [*named, 'outcome="bad"'], window)
    known = _sum("evalgate_events_total", [*named, 'outcome=~"good|bad"'], window)
    return f"({bad}) / ({known})"


def _sum(family: str, matchers: Sequence[str], window: str) -> str:
    return f"sum(rate({family}{{{','.join(m for m in matchers if m)}}}[{window}]))"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def rule_groups(
    objectives: Sequence[Objective], teams: Mapping[str, str], every: str = "30s"
) -> dict[str, Any]:
    """Return a rule file as plain data.

    Args:
        objectives: Those that are exportable.
        teams: Team of each objective, by name; else `default`.
        every: Interval of evaluation.
    """
    groups = []
    for one in objectives:
        labels = {
            "sloth_id": f"{SERVICE}-{one.name}",
            "sloth_service": SERVICE,
            "sloth_slo": one.name,
        }
        ours = ("sli", _sli_rules(one, labels)), ("meta", _meta_rules(one, labels))
        alerts = _alert_rules(one, labels, teams.get(one.name, "default"))
        groups += [
            {"name": f"sloth-slo-{kind}-{SERVICE}-{one.name}", "interval": every, "rules": rules}
            for kind, rules in (*ours, ("alerts", alerts))
        ]
    return {"groups": groups}


def _sli_rules(objective: Objective, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    period = _period(objective)
    return [
        {
            "record": f"slo:sli_error:ratio_rate{window}",
            "expr": sli(objective, window),
            "labels": {**labels, "sloth_window": window},
        }
        for window in (*WINDOWS, *(() if period in WINDOWS else (period,)))
    ]


def _period(objective: Objective) -> str:
    days, rest = divmod(objective.window, _DAY)
    return f"{days}d" if days and not rest else f"{objective.window // 60}m"


def _meta_rules(objective: Objective, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    chosen = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items())
    on = "on(sloth_id, sloth_slo, sloth_service) group_left"
    period = _period(objective)
    burn = f"slo:error_budget:ratio{{{chosen}}}"
    named = {
        "slo:objective:ratio": f"vector({objective.objective!r})",
        "slo:error_budget:ratio": f"vector(1 - {objective.objective!r})",
        "slo:time_period:days": f"vector({objective.window / _DAY!r})",
        "slo:current_burn_rate:ratio": f"slo:sli_error:ratio_rate5m{{{chosen}}} / {on} {burn}",
        "slo:period_burn_rate:ratio": f"slo:sli_error:ratio_rate{period}{{{chosen}}} / {on} {burn}",
        "slo:period_error_budget_remaining:ratio": f"1 - slo:period_burn_rate:ratio{{{chosen}}}",
    }
    info = {**labels, "sloth_mode": "evalgate", "sloth_spec": "evalgate/v1"}
    return [
        *({"record": name, "expr": expr, "labels": dict(labels)} for name, expr in named.items()),
        {"record": "sloth_slo_info", "expr": "vector(1)", "labels": info},
    ]


def _alert_rules(
    objective: Objective, labels: Mapping[str, str], team: str
) -> list[dict[str, Any]]:
    budget = f"(1 - {objective.objective!r})"
    kinds = (("page", "high", _PAGE), ("ticket", "medium", _TICKET))
    return [
        {
            "alert": f"EvalgateBurning_{_identifier(objective.name)}",
            "expr": " or ".join(
                f"({_over(labels, short, factor, budget)} and ignoring(sloth_window) "
                f"{_over(labels, long, factor, budget)})"
                for short, long, factor in pairs
            ),
            "labels": {
                **labels,
                "sloth_severity": kind,
                "severity": severity,
                "team": team,
                "metric": objective.metric,
                "agent": objective.agent or "",
            },
            "annotations": {
                "summary": f"{objective.name}: the error budget of {objective.metric} burns",
                "description": "{{ $value | humanizePercentage }} of the events are bad",
            },
        }
        for kind, severity, pairs in kinds
    ]


def _over(labels: Mapping[str, str], window: str, factor: float, budget: str) -> str:
    chosen = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items())
    return f"(slo:sli_error:ratio_rate{window}{{{chosen}}} > ({factor:g} * {budget}))"


def _identifier(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
