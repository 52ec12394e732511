"""CloudWatch: interactions as lines of its embedded metric format, a dashboard and alarms.

Format: the EMF specification; at most 100 metrics and 30 dimensions a line, time in milliseconds.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from evalgate.exporters.openmetrics import Counted

NAMESPACE: Final = "evalgate"
_FIELDS: Final = (
    ("task_success_rate", "success", "None"),
    ("error_rate", "error", "None"),
    ("escalation_rate", "escalation", "None"),
    ("guardrail_violation_rate", "guardrail", "None"),
    ("faithfulness", "faithfulness", "None"),
    ("cost_per_interaction", "cost_usd", "None"),
    ("input_tokens", "input_tokens", "Count"),
    ("output_tokens", "output_tokens", "Count"),
)
_DIMENSION: Final = 1_024
_PERIOD: Final = 300


def emf_lines(rows: Iterable[tuple[int, Counted]]) -> Iterator[str]:
    """Yield one line an interaction; a value that is unknown is left out, never zero.

    Args:
        rows: Time in seconds since 1970, and the interaction.
    """
    for at, row in rows:
        named = [(name, getattr(row, field), unit) for name, field, unit in _FIELDS]
        known = [(name, value, unit) for name, value, unit in named if value is not None]
        calls = sum(count for count, _ in row.tools.values())
        failed = sum(count for _, count in row.tools.values())
        if calls:
            known.append(("tool_failure_rate", failed / calls, "None"))
        known.append(("interactions", 1, "Count"))
        metrics = [{"Name": name, "Unit": unit} for name, _, unit in known]
        directive = {"Namespace": NAMESPACE, "Dimensions": [["agent"], []], "Metrics": metrics}
        line: dict[str, Any] = {
            "_aws": {"Timestamp": at * 1_000, "CloudWatchMetrics": [directive]},
            "agent": (row.agent or "unknown")[:_DIMENSION],
            "model": row.model,
            "environment": row.environment,
            **{name: value for name, value, _ in known},
        }
        yield json.dumps(line, ensure_ascii=True)


def dashboard(region: str) -> dict[str, Any]:
    """Return the body of a dashboard."""
    panels = [
        ("Task success", "task_success_rate", "Average"),
        ("Cost per interaction (USD)", "cost_per_interaction", "Average"),
        ("Faithfulness", "faithfulness", "Average"),
        ("Escalation", "escalation_rate", "Average"),
        ("Guardrail violations", "guardrail_violation_rate", "Average"),
        ("Failures of tools", "tool_failure_rate", "Average"),
        ("Interactions", "interactions", "Sum"),
        ("Errors", "error_rate", "Average"),
    ]
    return {
        "widgets": [
            {
                "type": "metric",
                "x": 12 * (number % 2),
                "y": 6 * (number // 2),
                "width": 12,
                "height": 6,
                "properties": {
                    "title": title,
                    "metrics": [[NAMESPACE, name]],
                    "stat": stat,
                    "period": _PERIOD,
                    "region": region,
                    "view": "timeSeries",
                },
            }
            for number, (title, name, stat) in enumerate(panels)
        ]
    }


def alarms(topics: Sequence[str]) -> list[dict[str, Any]]:
    """Return the arguments of `put-metric-alarm`, one each; missing data is no all-clear.

    Args:
        topics: ARNs that are told.
    """
    limits = (
        ("escalation_rate", "GreaterThanThreshold", 0.10),
        ("tool_failure_rate", "GreaterThanThreshold", 0.20),
        ("guardrail_violation_rate", "GreaterThanThreshold", 0.05),
        ("task_success_rate", "LessThanThreshold", 0.95),
    )
    return [
        {
            "AlarmName": f"evalgate-{name}",
            "Namespace": NAMESPACE,
            "MetricName": name,
            "Statistic": "Average",
            "Period": _PERIOD,
            "EvaluationPeriods": 3,
            "DatapointsToAlarm": 3,
            "Threshold": limit,
            "ComparisonOperator": operator,
            "TreatMissingData": "missing",
            "AlarmActions": list(topics),
        }
        for name, operator, limit in limits
    ]
