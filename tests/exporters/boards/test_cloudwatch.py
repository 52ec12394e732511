"""Lines of the embedded metric format, and the dashboard and alarms in moto's CloudWatch."""

import json

import boto3
import pytest
from moto import mock_aws

from evalgate.exporters.boards.cloudwatch import alarms, dashboard, emf_lines
from evalgate.exporters.openmetrics import Counted

ROW = Counted("support", "m1", None, 1.0, 0.0, None, 0.0, None, 0.02, 100, 20, {"pay": (4, 1)})


def test_a_line_names_the_metrics_that_it_holds() -> None:
    """Unknown values are in no line; every name of the directive is a number beside it."""
    (text,) = emf_lines([(1_780_000_000, ROW)])
    line = json.loads(text)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    names = {metric["Name"] for metric in directive["Metrics"]}
    assert 1_780_000_000_000 == line["_aws"]["Timestamp"]
    assert {"escalation_rate", "faithfulness"}.isdisjoint({*names, *line})
    assert {name: line[name] for name in names} == {
        "task_success_rate": 1.0,
        "error_rate": 0.0,
        "guardrail_violation_rate": 0.0,
        "cost_per_interaction": 0.02,
        "input_tokens": 100,
        "output_tokens": 20,
        "tool_failure_rate": 0.25,
        "interactions": 1,
    }


def test_cloudwatch_takes_dashboard_and_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an account would be set up; the alarms watch metrics that lines have."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("cloudwatch", region_name="eu-central-1")
        body = json.dumps(dashboard("eu-central-1"))
        client.put_dashboard(DashboardName="evalgate", DashboardBody=body)
        for one in alarms(["arn:aws:sns:eu-central-1:123456789012:ops"]):
            client.put_metric_alarm(**one)
        found = client.describe_alarms()["MetricAlarms"]
        assert body == client.get_dashboard(DashboardName="evalgate")["DashboardBody"]
    (text,) = emf_lines([(0, Counted("a", None, None, 1, 1, 1, 1, 1, 1, 1, 1, {"t": (1, 0)}))])
    assert {one["MetricName"] for one in found} <= set(json.loads(text))
