"""The plain rule: boundary included, exact, with every row of the table of edges."""

from fractions import Fraction

import pytest

from evalgate.gate.rules import Rule, apply_rule, policy_problems, rule_of
from evalgate.metrics.registry import METRICS
from evalgate.schema.config import GateConfig


def _rule(metric: str = "task_success_rate", **gate: object) -> Rule:
    return rule_of(METRICS[metric], GateConfig.model_validate({"metrics": {metric: gate}}))


def _outcome(rule: Rule, baseline: str, candidate: str) -> str:
    return apply_rule(rule, Fraction(baseline), Fraction(candidate)).outcome


def test_the_boundary_fails_in_exact_arithmetic() -> None:
    """gate.md: 140 -> 133 of 200 fails; in floats the drop is 0.04999999999999989."""
    assert 0.05 > (0.7 - 0.665) / 0.7
    assert _outcome(_rule(), "140/200", "133/200") == "fail"
    assert _outcome(_rule(), "0.90", "0.855") == "fail"
    assert _outcome(_rule(), "0.90", "0.8551") == "pass"


@pytest.mark.parametrize(
    ("metric", "gate", "baseline", "candidate", "expected"),
    [
        ("task_success_rate", {}, "0", "0", "pass"),
        ("task_success_rate", {}, "0", "1", "pass"),
        ("error_rate", {}, "0", "0", "pass"),
        ("error_rate", {}, "0", "1/1000", "fail"),
        ("escalation_rate", {"gate": "standard"}, "0", "0.0199", "pass"),
        ("escalation_rate", {"gate": "standard"}, "0", "0.02", "fail"),
        ("cost_per_interaction", {}, "0", "0", "pass"),
        ("cost_per_interaction", {}, "0", "0.01", "inconclusive"),
        ("cost_per_interaction", {"abs_tol": 0.02}, "0", "0.01", "pass"),
        ("cost_per_interaction", {"abs_tol": 0.01}, "0", "0.01", "fail"),
        ("hallucination_rate", {"gate": "standard"}, "0.021", "0.024", "pass"),
        ("hallucination_rate", {"gate": "standard"}, "0.021", "0.041", "fail"),
        ("task_success_rate", {"min_abs_change": 0.1}, "0.9", "0.81", "pass"),
        ("task_success_rate", {"min_abs_change": 0.1}, "0.9", "0.8", "fail"),
        ("task_success_rate", {"gate": "zero"}, "0.9", "0.8999", "fail"),
        ("task_success_rate", {"gate": "zero"}, "0.9", "0.9", "pass"),
        ("task_success_rate", {"threshold": "5pp"}, "0.5", "0.4501", "pass"),
        ("task_success_rate", {"threshold": "5pp"}, "0.5", "0.45", "fail"),
    ],
)
def test_edges(
    metric: str, gate: dict[str, object], baseline: str, candidate: str, expected: str
) -> None:
    """The rows of gate.md's table on baselines of zero, tiny changes, points and `zero`."""
    assert expected == _outcome(_rule(metric, **gate), baseline, candidate)


def test_lower_is_better_is_worse_when_it_rises() -> None:
    """Rho = (C-B)/|B|; a falling cost is an improvement."""
    rule = _rule("cost_per_interaction")
    assert apply_rule(rule, Fraction(100), Fraction(105)).rho == Fraction(1, 20)
    assert _outcome(rule, "100", "105") == "fail"
    assert _outcome(rule, "100", "50") == "pass"


def test_a_negative_baseline_is_divided_by_its_size() -> None:
    """Rho has |B| below the line: -10 -> -11 is 10 % worse where higher is better."""
    assert apply_rule(_rule(), Fraction(-10), Fraction(-11)).rho == Fraction(1, 10)


def test_a_limit_alone_does_not_gate_the_comparison() -> None:
    """`{max: .03}` on an advisory metric limits it, and leaves its comparison advisory."""
    rule = _rule("hallucination_rate", max=0.03)
    assert (rule.gate, rule.limit_gate, rule.explicit) == ("advisory", "standard", False)
    assert _rule("hallucination_rate", gate="standard").explicit


def test_policy_problems_name_unknown_metrics_and_complements() -> None:
    """Gating both of a complementary pair is a config error, by default gate too."""
    policy = GateConfig.model_validate({"metrics": {"hallucination_rate": "standard", "x": "zero"}})
    problems = policy_problems(policy, METRICS)
    assert len(problems) == 2
    assert "'x'" in problems[0] or "x" in problems[0]
    assert "complements" in problems[1]
    alone = {"hallucination_rate": "standard", "faithfulness": "advisory"}
    assert policy_problems(GateConfig.model_validate({"metrics": alone}), METRICS) == ()
