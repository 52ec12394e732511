"""The plain rule: boundary included, exact, with every row of the table of edges."""

from fractions import Fraction

import pytest

from evalgate.gate.rules import Rule, apply_rule, policy_problems, rule_of
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig


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


def _made(direction: str, unit: str = "relative", **fields: object) -> Rule:
    given = {"gate": "standard", "explicit": True, "tau": Fraction(1, 10), "abs_tol": None}
    more = {"min_abs_change": Fraction(0), "unit": unit, "direction": direction, **fields}
    return Rule(**{**given, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "candidate", "expected"),
    [
        (_made("higher"), 1, ("pass", "no headroom: the baseline is 0")),
        (_made("higher"), -1, ("pass", "no headroom: the baseline is 0")),
        (_made("higher", gate="zero"), -1, ("fail", "below a baseline of 0")),
        (_made("higher", gate="zero"), 0, ("pass", "no headroom: the baseline is 0")),
        (_made("lower"), 0, ("pass", "0 in the baseline and not above it now")),
        (_made("lower"), -1, ("pass", "0 in the baseline and not above it now")),
        (_made("lower", "points"), Fraction(1, 10), ("fail", "the baseline is 0")),
        (_made("lower", "points"), Fraction(9, 100), ("pass", "the baseline is 0")),
        (
            _made("lower", "points", min_abs_change=Fraction(1, 5)),
            *(Fraction(1, 10), ("pass", "the baseline is 0")),
        ),
        (
            _made("lower", "points", min_abs_change=Fraction(1, 5)),
            *(Fraction(1, 5), ("fail", "the baseline is 0")),
        ),
        (_made("lower"), 1, ("inconclusive", "the baseline is 0: no relative change")),
        (
            _made("lower", abs_tol=Fraction(1, 2)),
            *(Fraction(1, 2), ("fail", "the baseline is 0 and the value reaches abs_tol 0.5")),
        ),
        (
            _made("lower", abs_tol=Fraction(1, 2)),
            *(Fraction(1, 4), ("pass", "the baseline is 0 and the value is below abs_tol 0.5")),
        ),
    ],
)
def test_a_baseline_of_zero(
    rule: Rule, candidate: Fraction | int, expected: tuple[str, str]
) -> None:
    """No relative change: points, a tolerance, or the want of one."""
    found = apply_rule(rule, Fraction(0), Fraction(candidate))
    assert (*expected, None) == (found.outcome, found.note, found.rho)
    assert (expected[0] == "inconclusive") == found.undefined


def test_small_changes_never_fail() -> None:
    """Below min_abs_change it passes, and says so; at it the rule counts."""
    for change, outcome in ((Fraction(1, 5), "fail"), (Fraction(19, 100), "pass")):
        rule = _made("higher", min_abs_change=Fraction(1, 5))
        found = apply_rule(rule, Fraction(1), 1 - change)
        assert (outcome, change) == (found.outcome, found.rho)
        words = "" if outcome == "fail" else "the change is below min_abs_change 0.2"
        assert words == found.note
    better = apply_rule(_made("higher", min_abs_change=Fraction(1)), Fraction(1), Fraction(2))
    assert ("pass", "") == (better.outcome, better.note)


def test_points_are_of_the_metric_itself() -> None:
    """0.1 of 2 is one point in ten, 5 % of the baseline."""
    found = apply_rule(_made("lower", "points"), Fraction(2), Fraction(21, 10))
    assert ("fail", Fraction(1, 20)) == (found.outcome, found.rho)
    found = apply_rule(_made("lower", "points"), Fraction(2), Fraction(209, 100))
    assert "pass" == found.outcome


def test_how_a_policy_resolves() -> None:
    """Own threshold and tolerances before the metric's, zero before both; limits gate alone."""
    metric = METRICS["hallucination_rate"]

    def rule(given: object, *, gate_all: bool = False) -> Rule:
        metrics = {} if given is None else {metric.name: given}
        policy = GateConfig.model_validate({"threshold": "10%", "metrics": metrics})
        return rule_of(metric, policy, gate_all=gate_all)

    tenth, two = Fraction(1, 10), Fraction(1, 50)
    plain = rule(None)
    assert ("advisory", False, tenth, "relative") == (
        *(plain.gate, plain.explicit, plain.tau, plain.unit),
    )
    assert (two, two, None, None) == (
        *(plain.abs_tol, plain.min_abs_change, plain.minimum, plain.maximum),
    )
    assert ("standard", "lower") == (plain.limit_gate, plain.direction)
    assert "standard" == rule(None, gate_all=True).gate
    own = rule({"gate": "standard", "abs_tol": 0, "min_abs_change": 0, "threshold": "2pp"})
    assert ("standard", True, two, "points") == (own.gate, own.explicit, own.tau, own.unit)
    assert (0, 0) == (own.abs_tol, own.min_abs_change)
    zero = rule("zero")
    assert (0, 0, 0, "relative") == (zero.tau, zero.abs_tol, zero.min_abs_change, zero.unit)
    limits = rule({"min": 0.1, "max": 0.2})
    assert ("advisory", False) == (limits.gate, limits.explicit)
    assert (tenth, Fraction(1, 5)) == (limits.minimum, limits.maximum)
    shown = rule({"gate": "advisory", "max": 0.2})
    assert ("advisory", False, "advisory") == (shown.gate, shown.explicit, shown.limit_gate)
    assert rule({"threshold": "1%"}).explicit


def test_complements_are_named_once() -> None:
    """Both halves gate: one line; one of them, or neither: none."""
    both = {"faithfulness": "standard", "hallucination_rate": "standard"}
    (line,) = policy_problems(GateConfig.model_validate({"metrics": both}), METRICS)
    assert line.startswith("gate.metrics: faithfulness and hallucination_rate are complements")
    one = {**both, "hallucination_rate": "advisory"}
    assert () == policy_problems(GateConfig.model_validate({"metrics": one}), METRICS)
