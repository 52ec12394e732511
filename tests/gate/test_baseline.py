"""Making baselines: columns, drafts, policy fields, and the reasons not to make one."""

from collections.abc import Callable

import pytest

from evalgate.gate.baseline import baseline_of_report, objections, summary_of_baseline
from evalgate.metrics.registry import METRICS, user_metric
from evalgate.schema.baseline import Baseline, Column, Provenance
from evalgate.schema.config import GateConfig, ScorerConfig
from evalgate.schema.result import CaseResult, Report, Subject
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.stats.columns import decode_column, encode_column
from evalgate.stats.summary import RunSummary, summary_of_report

BuildCase = Callable[..., CaseResult]
BuildReport = Callable[..., Report]
ONE, ZERO, HALF = Scored(1.0), Scored(0.0), Scored(0.5)
SILENT, UNKNOWN, BROKEN = Abstained("a"), Abstained("u", unknown=True), Broken("b")


@pytest.mark.parametrize(
    ("scores", "trials", "column"),
    [
        ([ONE, ZERO, ONE], 3, "101"),
        ([ONE, ONE, ONE], 3, "1"),
        ([ONE, ONE, ONE], 2, "111"),
        ([HALF, ONE], 2, (0.5, 1.0)),
        ([HALF, HALF], 2, (0.5,)),
        ([Scored(0.123456), UNKNOWN], 2, (0.1235, "?")),
        ([ONE, SILENT, BROKEN, UNKNOWN], 4, "1-!?"),
        ([SILENT, SILENT], 2, None),
    ],
)
def test_columns(scores: list[Score], trials: int, column: Column | None) -> None:
    """One entry a trial, a single one where all agree, marks for what is missing."""
    assert column == encode_column(scores, trials)
    if column is not None:
        kinds = [type(score) for score in decode_column(column, len(scores)) or ()]
        assert [type(score) for score in scores] == kinds


def _make(report: Report, policy: dict[str, object] | None = None) -> Baseline:
    provenance = Provenance(created="2026-11-21T00:00:00Z", reason="test")
    config = GateConfig.model_validate(policy or {})
    return baseline_of_report(report, METRICS, config, provenance, {})


def _side(report: Report, policy: dict[str, object] | None = None) -> RunSummary:
    return summary_of_baseline(_make(report, policy), "baseline")


def test_scores_are_kept_for_metrics_that_gate(case: BuildCase, report: BuildReport) -> None:
    """Default gates, and what the configuration gates; the rest has no column."""
    made = report([case("a", {"task_success": [1.0], "escalation": [0.0]})])
    assert set(_side(made).cases["a"].columns) == {"task_success", "error"}
    policy = {"metrics": {"escalation_rate": "standard"}}
    assert set(_side(made, policy).cases["a"].columns) == {"task_success", "error", "escalation"}


def test_drafts_are_left_out(case: BuildCase, report: BuildReport) -> None:
    """A draft comes into the baseline when it is reviewed."""
    made = report(
        [case("a", {"task_success": [1.0]}), case("b", {"task_success": [0.0]}, draft=True)]
    )
    assert set(_make(made).cases) == {"a"}


def test_policy_and_statuses_survive(case: BuildCase, report: BuildReport) -> None:
    """Weight, cluster, must-pass, refusal, uneven trials and how trials ended."""
    fields = {
        "weight": 2.5,
        "cluster": "refunds",
        "must_pass": True,
        "zero_tolerance": True,
        "expects_refusal": True,
    }
    made = report(
        [
            case(
                "a",
                {"task_success": [1.0, 0.0, 1.0], "error": [0.0, 1.0, 0.0]},
                ["finished", "crashed", "finished"],
                **fields,
            ),
            case("b", {"task_success": [1.0, 1.0], "error": [0.0, 0.0]}),
        ]
    )
    before, after = summary_of_report(made).cases["a"], _side(made).cases["a"]
    assert before.statuses == after.statuses
    assert before.columns == after.columns
    assert {name: getattr(after, name) for name in fields} == fields
    assert "error" not in (_make(made).cases["a"].__pydantic_extra__ or {})


def test_a_score_named_like_a_field_keeps_its_name(case: BuildCase, report: BuildReport) -> None:
    """A user's scorer called `tokens` does not collide with the tokens of a case."""
    made = report([case("a", {"task_success": [1.0], "tokens": [0.5]})])
    metrics = {
        **METRICS,
        "tokens": user_metric("tokens", ScorerConfig(call="m:f", gate="standard")),
    }
    provenance = Provenance(created="2026-11-21T00:00:00Z", reason="test")
    baseline = baseline_of_report(made, metrics, GateConfig(), provenance, {})
    assert summary_of_baseline(baseline, "b").cases["a"].columns["tokens"] == (HALF,)


def test_objections(case: BuildCase, report: BuildReport) -> None:
    """Too few trials of a live agent, a dirty tree, broken scores, failing must-pass cases."""
    good = report([case("a", {"task_success": [1.0] * 5})])
    assert objections(good) == ()
    bad = report(
        [case("a", {"task_success": [1.0, 0.0], "faithfulness": [BROKEN, 1.0]}, must_pass=True)]
    ).model_copy(update={"subject": Subject(dirty=True)})
    told = objections(bad)
    assert len(told) == 4
    for part in ("at least 5", "uncommitted", "broken", "must-pass case(s) fail: a"):
        assert any(part in line for line in told)
    quiet = report([case("a", {"task_success": [1.0]})], noise="none")
    assert objections(quiet) == ()
