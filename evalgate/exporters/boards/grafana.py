"""Grafana dashboards as plain data (classic JSON, schema 39), for a Prometheus data source."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_WHO: Final = 'agent=~"$agent"'
_WIDTH: Final = 24
_HEIGHT: Final = 7


def dashboards() -> dict[str, dict[str, Any]]:
    """Return the dashboards by file name."""
    return {
        "evalgate-top-line.json": _board("evalgate-top", "evalgate: top line", _top_line()),
        "evalgate-drill-down.json": _board("evalgate-tools", "evalgate: drill-down", _drill_down()),
        "evalgate-objectives.json": _board("evalgate-slo", "evalgate: objectives", _objectives()),
    }


def expressions(board: Mapping[str, Any]) -> list[str]:
    """Return every query of a dashboard."""
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def _rate(metric: str, outcome: str, range_: str, offset: str = "") -> str:
    chosen = f'metric="{metric}",{_WHO}'
    part = f'sum(rate(evalgate_events_total{{{chosen},outcome="{outcome}"}}[{range_}]{offset}))'
    known = f'sum(rate(evalgate_events_total{{{chosen},outcome=~"good|bad"}}[{range_}]{offset}))'
    return f"{part} / {known}"


def _cost(range_: str, offset: str = "") -> str:
    total = f"sum(rate(evalgate_cost_usd_total{{{_WHO}}}[{range_}]{offset}))"
    known = f'sum(rate(evalgate_cost_known_total{{{_WHO},known="yes"}}[{range_}]{offset}))'
    return f"{total} / {known}"


def _changed(now: str, before: str) -> str:
    return f"({now}) - ({before})"


def _top_line() -> list[dict[str, Any]]:
    """One figure each, with its change against the range before."""
    rates = (
        ("Task success", "task_success_rate", "good"),
        ("Hallucination", "hallucination_rate", "bad"),
        ("Escalation", "escalation_rate", "bad"),
    )
    made = []
    for title, metric, outcome in rates:
        now = _rate(metric, outcome, "$__range")
        before = _rate(metric, outcome, "$__range", " offset $__range")
        made += [
            _panel("stat", title, {"now": now}, "percentunit", 6),
            _panel("stat", f"{title}: change", {"change": _changed(now, before)}, "percentunit", 6),
        ]
    now, before = _cost("$__range"), _cost("$__range", " offset $__range")
    made += [
        _panel("stat", "Cost per interaction", {"now": now}, "currencyUSD", 6),
        _panel("stat", "Cost: change", {"change": _changed(now, before)}, "currencyUSD", 6),
    ]
    per = "$__rate_interval"
    results = f"sum by (result) (rate(evalgate_interactions_total{{{_WHO}}}[{per}]))"
    trend = {title: _rate(metric, outcome, per) for title, metric, outcome in rates}
    tokens = f"sum by (type) (rate(evalgate_tokens_total{{{_WHO}}}[{per}]))"
    return [
        *made,
        _panel("timeseries", "Rates over time", trend, "percentunit", 12),
        _panel("timeseries", "Interactions a second", {"{{result}}": results}, "short", 12),
        _panel("timeseries", "Tokens a second", {"{{type}}": tokens}, "short", 12),
    ]


def _drill_down() -> list[dict[str, Any]]:
    per = "$__rate_interval"
    calls = f"sum by (tool) (increase(evalgate_tool_calls_total{{{_WHO}}}[$__range]))"
    over_time = f"sum by (tool) (rate(evalgate_tool_calls_total{{{_WHO}}}[{per}]))"
    good = f'sum by (tool) (rate(evalgate_tool_calls_total{{{_WHO},result="ok"}}[$__range]))'
    every = f"sum by (tool) (rate(evalgate_tool_calls_total{{{_WHO}}}[$__range]))"
    guardrails = {"violations": _rate("guardrail_violation_rate", "bad", per)}
    return [
        _panel("bargauge", "Calls by tool", {"{{tool}}": calls}, "short", 12),
        _panel("bargauge", "Success by tool", {"{{tool}}": f"{good} / {every}"}, "percentunit", 12),
        _panel("timeseries", "Calls a second by tool", {"{{tool}}": over_time}, "short", 12),
        _panel("timeseries", "Guardrail violations", guardrails, "percentunit", 12),
        _panel(
            "timeseries", "Errors", {"errors": _rate("error_rate", "bad", per)}, "percentunit", 12
        ),
    ]


def _objectives() -> list[dict[str, Any]]:
    left = "slo:period_error_budget_remaining:ratio"
    rate = "slo:sli_error:ratio_rate1h"
    return [
        _panel("bargauge", "Error budget left", {"{{sloth_slo}}": left}, "percentunit", 12),
        _panel("stat", "Objective", {"{{sloth_slo}}": "slo:objective:ratio"}, "percentunit", 12),
        _panel(
            "timeseries", "Burn rate", {"{{sloth_slo}}": "slo:current_burn_rate:ratio"}, "short", 12
        ),
        _panel("timeseries", "Bad events, last hour", {"{{sloth_slo}}": rate}, "percentunit", 12),
    ]


def _panel(
    kind: str, title: str, queries: Mapping[str, str], unit: str, width: int
) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + number),
            "datasource": _SOURCE,
            "expr": expr,
            "legendFormat": legend,
            "instant": kind != "timeseries",
            "range": kind == "timeseries",
        }
        for number, (legend, expr) in enumerate(queries.items())
    ]
    return {
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "options": {},
        "gridPos": {"h": _HEIGHT, "w": width, "x": 0, "y": 0},
    }


def _board(uid: str, title: str, panels: Sequence[dict[str, Any]]) -> dict[str, Any]:
    agents = {
        "type": "query",
        "name": "agent",
        "label": "Agent",
        "datasource": _SOURCE,
        "query": "label_values(evalgate_interactions_total, agent)",
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "refresh": 2,
    }
    source = {"type": "datasource", "name": "datasource", "query": "prometheus"}
    return {
        "uid": uid,
        "title": title,
        "tags": ["evalgate"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [source, agents]},
        "panels": list(_placed(panels)),
    }


def _placed(panels: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lay panels out in rows, left to right."""
    made, x, y = [], 0, 0
    for number, panel in enumerate(panels, 1):
        width = panel["gridPos"]["w"]
        if x + width > _WIDTH:
            x, y = 0, y + _HEIGHT
        made.append({**panel, "id": number, "gridPos": {"h": _HEIGHT, "w": width, "x": x, "y": y}})
        x += width
    return made
