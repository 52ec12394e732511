"""The registry of metrics holds to the published table of definitions."""

import pytest

from evalgate.metrics.registry import METRICS, PASS_K_SHOWN, find_metric, user_metric
from evalgate.schema.config_parts.scorer import ScorerConfig

# Source: the table of metric definitions: name, unit, better, gate by default.
TABLE = [
    ("task_success_rate", "ratio", "higher", "standard"),
    ("pass_hat_1", "ratio", "higher", "advisory"),
    ("pass_at_1", "ratio", "higher", "advisory"),
    ("goal_attainment", "1-5", "higher", "advisory"),
    ("completion_time_p50", "s", "lower", "advisory"),
    ("completion_time_p95", "s", "lower", "advisory"),
    ("tool_call_accuracy", "ratio", "higher", "standard"),
    ("tool_selection_accuracy", "ratio", "higher", "advisory"),
    ("tool_call_precision", "ratio", "higher", "advisory"),
    ("tool_call_recall", "ratio", "higher", "advisory"),
    ("tool_call_f1", "ratio", "higher", "advisory"),
    ("tool_calls_match_rate", "ratio", "higher", "advisory"),
    ("tool_failure_rate", "ratio", "lower", "advisory"),
    ("tool_invocations", "count", "lower", "advisory"),
    ("faithfulness", "ratio", "higher", "standard"),
    ("hallucination_rate", "ratio", "lower", "advisory"),
    ("guardrail_missed", "ratio", "lower", "advisory"),
    ("guardrail_false_block", "ratio", "lower", "advisory"),
    ("handoff_missed", "ratio", "lower", "advisory"),
    ("handoff_unneeded", "ratio", "lower", "advisory"),
    ("guardrail_violation_rate", "ratio", "lower", "advisory"),
    ("escalation_rate", "ratio", "lower", "advisory"),
    ("toxicity_incidence", "ratio", "lower", "advisory"),
    ("cost_per_interaction", "USD", "lower", "standard"),
    ("token_efficiency", "ratio", "higher", "advisory"),
    ("cached_token_share", "ratio", "higher", "advisory"),
    ("cache_hit_rate", "ratio", "higher", "advisory"),
    ("ttft_p50", "s", "lower", "advisory"),
    ("ttft_p95", "s", "lower", "advisory"),
    ("task_length_q1", "min", "higher", "advisory"),
    ("task_length_q2", "min", "higher", "advisory"),
    ("task_length_q3", "min", "higher", "advisory"),
    ("error_rate", "ratio", "lower", "standard"),
    ("session_continuity_rate", "ratio", "higher", "advisory"),
    ("retry_exhaustion_rate", "ratio", "lower", "advisory"),
    ("llm_calls_per_turn", "count", "lower", "advisory"),
    ("tool_fan_out", "count", "lower", "advisory"),
]


@pytest.mark.parametrize(("name", "unit", "direction", "gate"), TABLE)
def test_definition(name: str, unit: str, direction: str, gate: str) -> None:
    """Each metric of the table is defined with its unit, direction and default gate."""
    metric = METRICS[name]

    assert (name, unit, direction, gate) == (
        metric.name,
        metric.unit,
        metric.direction,
        metric.gate,
    )


def test_names_are_keys() -> None:
    """A metric is found under its own name."""
    assert list(METRICS) == [metric.name for metric in METRICS.values()]


def test_docs_are_one_sentence() -> None:
    """A definition is one sentence that ends."""
    assert [] == [m.name for m in METRICS.values() if not m.doc.endswith(".") or ". " in m.doc]


def test_error_rate_has_no_tolerance() -> None:
    """One crash against a baseline of none is a regression, in a golden set of any size."""
    metric = METRICS["error_rate"]

    assert (0.0, None) == (metric.abs_tol, metric.min_abs_change)


def test_lower_ratios_have_tolerances() -> None:
    """Every other ratio of which less is better has `abs_tol` and `min_abs_change` of .02."""
    tolerances = {
        (metric.abs_tol, metric.min_abs_change)
        for metric in METRICS.values()
        if metric.unit == "ratio"
        and metric.direction == "lower"
        and metric.name != "error_rate"
        and metric.aggregate != "whole"
    }
    assert {(0.02, 0.02)} == tolerances


def test_complements_name_each_other() -> None:
    """Gating both of a complementary pair is an error, so each must know the other."""
    pairs = {(m.name, m.complement) for m in METRICS.values() if m.complement}

    assert {
        ("faithfulness", "hallucination_rate"),
        ("hallucination_rate", "faithfulness"),
    } == pairs


def test_where_evidence_may_be_missing() -> None:
    """Tool accuracy, faithfulness, cost and stress figures gate only where one side has any."""
    assert {"tool_call_accuracy", "faithfulness", "cost_per_interaction"} == {
        metric.name
        for metric in METRICS.values()
        if metric.where_known and metric.aggregate != "whole"
    }


def test_find_metric() -> None:
    """pass^k and pass@k exist for every k; other names only where they are registered."""
    larger = find_metric(f"pass_hat_{PASS_K_SHOWN + 7}")

    assert larger is not None
    assert ("pass_hat", 17) == (larger.aggregate, larger.k)
    assert METRICS["pass_at_3"] == find_metric("pass_at_3")
    assert [None] * 6 == [
        find_metric(name)
        for name in ("pass_hat_0", "pass_hat_x", "pass_hat_", "pass_at_01", "pass_hat_²", "nope")
    ]


def test_user_metric() -> None:
    """A user's scorer is a metric of its own name, with the bounds of its unit."""
    stars = user_metric("stars", ScorerConfig(call="m:f", unit="1-5"))
    leaks = user_metric("leaks", ScorerConfig(call="m:f", direction="lower"))
    words = user_metric("words", ScorerConfig(call="m:f", unit="count"))

    assert ("stars", (1.0, 5.0), None) == (stars.score, stars.bounds, stars.abs_tol)
    assert ((0.0, 1.0), 0.02) == (leaks.bounds, leaks.abs_tol)
    assert words.bounds is None
