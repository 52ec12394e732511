"""A judge gates only where it is known to agree with people, as it is now."""

from typing import Any

import pytest

from evalgate.gate.checks.judges import JudgeUse, trust_checks
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.judge import JudgeCalibration

DIGEST = f"sha256:{'0' * 64}"


def use(**fields: object) -> JudgeUse:
    """Make a judge that gives faithfulness and hallucination."""
    values: dict[str, Any] = {
        "suite": "support",
        "name": "reader",
        "model": "m",
        "prompt_digest": DIGEST,
        "config_digest": "c1",
        "metrics": {"faithfulness": "faithfulness", "hallucination_rate": "faithfulness"},
        "min_kappa": 0.6,
        "min_labels": 20,
    }
    return JudgeUse(**{**values, **fields})


def record(**fields: object) -> JudgeCalibration:
    """Make a calibration that suffices."""
    values: dict[str, Any] = {
        "metric": "faithfulness",
        "kind": "claims",
        "model": "m",
        "prompt_digest": DIGEST,
        "config_digest": "c1",
        "labels": "labels.jsonl",
        "labels_digest": DIGEST,
        "confusion": (20, 2, 1, 17),
        "accuracy": 0.925,
        "kappa": 0.85,
        "kappa_low": 0.7,
        "kappa_high": 1.0,
        "sensitivity": 0.95,
        "specificity": 0.9,
        "self_consistency": None,
    }
    return JudgeCalibration.model_validate({**values, **fields})


def outcomes(judge: JudgeUse, found: JudgeCalibration | None, **metrics: object) -> dict[str, str]:
    """Return the outcome of each check."""
    known = {} if found is None else {"reader": {"faithfulness": found}}
    policy = GateConfig.model_validate({"metrics": metrics})
    checks = trust_checks([judge], known, policy, METRICS)
    return {check.id: check.outcome for check in checks}


def test_a_calibrated_judge_gates() -> None:
    """Enough labels and agreement: the check passes; the advisory metric has none."""
    assert {"faithfulness.judge": "pass"} == outcomes(use(), record())


@pytest.mark.parametrize(
    "found",
    [
        None,
        record(kappa=0.59, kappa_low=0.4, kappa_high=0.8),
        record(kappa=None, kappa_low=None, kappa_high=None),
        record(confusion=(10, 0, 0, 9)),
        record(config_digest="c2"),
        record(config_digest="c2", model="another"),
    ],
    ids=["none", "low", "one class", "few labels", "other prompts", "other model"],
)
def test_what_is_not_known_to_agree_is_inconclusive(found: JudgeCalibration | None) -> None:
    """No, too little, old or foreign evidence: inconclusive, never demoted, never passed."""
    assert {"faithfulness.judge": "inconclusive"} == outcomes(use(), found)


def test_the_boundary_is_enough() -> None:
    """A kappa of exactly min_kappa on exactly min_labels labels gates."""
    found = record(kappa=0.6, confusion=(10, 2, 0, 8))
    assert {"faithfulness.judge": "pass"} == outcomes(use(), found)


def test_the_check_names_the_command() -> None:
    """An inconclusive check says what to run."""
    (check,) = trust_checks([use()], {}, GateConfig(), METRICS)
    assert check.fix is not None
    assert "evalgate judge calibrate LABELS --suite support --judge reader" in check.fix
    assert "evidence" == check.kind
    assert "standard" == check.gate


def test_a_waiver_gates_and_says_why() -> None:
    """A waived calibration passes, with its reason in the report."""
    (check,) = trust_checks([use(waived="new judge, ticket 12")], {}, GateConfig(), METRICS)
    assert "pass" == check.outcome
    assert "waived: new judge, ticket 12" in check.reason


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({"faithfulness": "advisory"}, {}),
        ({"faithfulness": "zero"}, {"faithfulness.judge": "inconclusive"}),
        (
            {"faithfulness": "advisory", "hallucination_rate": {"max": 0.05}},
            {"hallucination_rate.judge": "inconclusive"},
        ),
        (
            {"faithfulness": "advisory", "hallucination_rate": "standard"},
            {"hallucination_rate.judge": "inconclusive"},
        ),
    ],
)
def test_only_metrics_that_gate_need_trust(
    metrics: dict[str, object], expected: dict[str, str]
) -> None:
    """Advisory metrics are free; a limit gates like a comparison."""
    assert expected == outcomes(use(), None, **metrics)


LITTLE = "agrees too little with people: kappa 0.59"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "is not calibrated"),
        (
            record(kappa=0.59, kappa_low=0.4, kappa_high=0.8),
            f"{LITTLE} (95 %: 0.40 to 0.80) on 40 labels, below 0.6",
        ),
        (
            record(kappa=0.59, kappa_low=None, kappa_high=0.8),
            f"{LITTLE} on 40 labels, below 0.6",
        ),
        (
            record(kappa=0.59, kappa_low=0.4, kappa_high=None),
            f"{LITTLE} on 40 labels, below 0.6",
        ),
        (
            record(kappa=None, kappa_low=None, kappa_high=None),
            "has no kappa: labels and verdicts are all of one class",
        ),
        (record(confusion=(10, 0, 0, 9)), "was calibrated on 19 labels, fewer than 20"),
        (record(confusion=(1, 0, 0, 0)), "was calibrated on 1 label, fewer than 20"),
        (
            record(config_digest="c2"),
            "was calibrated as m with other prompts or sampling than now",
        ),
        (record(config_digest="c2", model="old"), "was calibrated as old and is m now"),
    ],
)
def test_why_a_judge_may_not_gate(found: JudgeCalibration | None, words: str) -> None:
    """In words, with what is known of its agreement beside it."""
    known = {} if found is None else {"reader": {"faithfulness": found}}
    (check,) = trust_checks([use()], known, GateConfig(), METRICS)
    assert f"judge reader {words}, so its faithfulness cannot gate" == check.reason
    assert (None if found is None else found.kappa) == check.candidate
    assert (None if found is None else found.n) == check.n_cases


def test_a_trusted_judge_in_words() -> None:
    """Which figures it rests on; the gate is the metric's, and an advisory one's is standard."""
    known = {"reader": {"faithfulness": record()}}
    (check,) = trust_checks([use()], known, GateConfig(), METRICS)
    told = "kappa 0.85 (95 %: 0.70 to 1.00) on 40 labels"
    assert f"judge reader agrees with people on faithfulness: {told}" == check.reason
    assert (0.85, 0.6, None) == (check.candidate, check.threshold, check.fix)
    for gate, limit, expected in (("zero", {}, "zero"), ("advisory", {"max": 0.9}, None)):
        policy = GateConfig.model_validate({"metrics": {"faithfulness": {"gate": gate, **limit}}})
        checks = trust_checks([use()], known, policy, METRICS)
        assert ([] if expected is None else [expected]) == [one.gate for one in checks]
    limited = GateConfig.model_validate(
        {"metrics": {"faithfulness": "advisory", "hallucination_rate": {"max": 0.5}}}
    )
    (check,) = trust_checks([use()], known, limited, METRICS)
    assert ("hallucination_rate.judge", "standard") == (check.id, check.gate)


def test_a_metric_that_is_not_there_needs_no_trust() -> None:
    """A judge may be able to give more than the suite asks for."""
    assert () == trust_checks([use()], {}, GateConfig(), {})
