"""A report that holds every kind of thing a renderer meets, hostile text included."""

import pytest

from evalgate.schema.result import (
    BaselineRef,
    CaseResult,
    MetricValue,
    Report,
    ReportSet,
    SuiteInfo,
    TrialResult,
)
from evalgate.schema.score import Abstained, Broken, Scored
from evalgate.schema.verdict import CaseChange, Check, GateQuality, Interval

HOSTILE = (
    "\x1b[2J\n::error::x ##[error]y <script>alert(1)</script> @octocat "
    "![i](http://e.vil) ``` ]]> \u202e"
)


def make_report(**changes: object) -> Report:
    """Build a failing report; `changes` replace fields."""
    checks = (
        Check(
            id="task_success_rate",
            kind="relative",
            outcome="fail",
            metric="task_success_rate",
            unit="ratio",
            direction="higher",
            baseline=0.9,
            candidate=0.855,
            change=0.05,
            threshold=0.05,
            threshold_unit="relative",
            interval_90=Interval(low=-0.01, high=None),
            p_value=0.25,
            settled=False,
            n_cases=50,
            quality=GateQuality(false_alarm_rate=0.2, detects_10_percent=0.7),
            reason="fell by 5.0 %, the limit is 5 %",
        ),
        Check(
            id="cost_per_interaction",
            kind="relative",
            outcome="inconclusive",
            metric="cost_per_interaction",
            unit="USD",
            direction="lower",
            baseline=None,
            candidate=0.01,
            reason="the baseline's cost is unknown",
            fix="prices: {my-model: {input: 1, output: 2}}",
        ),
        Check(
            id="tool_call_accuracy",
            kind="relative",
            outcome="pass",
            metric="tool_call_accuracy",
            unit="ratio",
            direction="higher",
            baseline=0.5,
            candidate=0.5,
            change=0.0,
            reason="unchanged",
        ),
    )
    report = Report(
        verdict="fail",
        exit_code=1,
        suite=SuiteInfo(
            id="support", golden_digest="sha256:0", cases=2, selected=2, trials=1, agent="python:a"
        ),
        baseline=BaselineRef(source="baselines/support.json", trials=10, created="2026-11-20T10"),
        changed=("system prompt",),
        checks=checks,
        warnings=("the baseline is 40 days old",),
        metrics={
            "task_success_rate": MetricValue(value=0.855, unit="ratio", direction="higher", n=50),
            "ttft_p95": MetricValue(value=None, unit="s", direction="lower", n=0, unknown=3),
        },
        changes=(
            CaseChange(
                id="refund-1",
                outcome="regressed",
                metrics=("task_success",),
                baseline=1.0,
                candidate=0.0,
                what=("call 1: expected refund, got " + HOSTILE,),
                reproduce="evalgate run --case refund-1",
            ),
            CaseChange(id="status-1", outcome="unchanged", baseline=1.0, candidate=1.0),
        ),
        cases=(
            CaseResult(
                id="refund-1",
                digest="a",
                trials=(
                    TrialResult(
                        "refund-1",
                        0,
                        "finished",
                        {"task_success": Scored(0.0), "faithfulness": Broken("judge is down")},
                        output=HOSTILE,
                        details=(HOSTILE,),
                    ),
                ),
            ),
            CaseResult(
                id="status-1",
                digest="b",
                trials=(
                    TrialResult(
                        "status-1",
                        0,
                        "not_measured",
                        {"task_success": Abstained("none")},
                        error="replay miss",
                    ),
                ),
            ),
        ),
    )
    return report.model_copy(update=changes)


@pytest.fixture
def report() -> Report:
    """Return a failing report."""
    return make_report()


@pytest.fixture
def reports(report: Report) -> ReportSet:
    """Return a failing report as the only one of a run."""
    return ReportSet(verdict="fail", exit_code=1, suites=(report,))


@pytest.fixture
def passing() -> ReportSet:
    """Return a passing report as the only one of a run."""
    check = make_report().checks[2]
    report = make_report(
        verdict="pass", exit_code=0, checks=(check,), changes=(), warnings=(), changed=()
    )
    return ReportSet(verdict="pass", exit_code=0, suites=(report,))
