"""What a verdict takes in beside the comparison of metrics."""

from dataclasses import replace

import pytest

from evalgate.gate.judge import GateInputs, judge
from evalgate.metrics.stress import STRESS_METRICS
from evalgate.schema.config import GateConfig
from evalgate.stats.summary import RunSummary

FULL = RunSummary("full", values={"stress_goodput": 1.0}, scorers={"stress": "1:a"})
BARE = RunSummary("bare")


@pytest.mark.parametrize(
    ("baseline", "candidate", "missed"),
    [(FULL, BARE, "evidence.stress_check"), (BARE, FULL, "evidence.stress_baseline")],
)
def test_stress_figures_of_one_side_are_missed(
    baseline: RunSummary, candidate: RunSummary, missed: str
) -> None:
    """Once, as not measured, and never in silence."""
    inputs = GateInputs(baseline=baseline)
    verdict = judge(candidate, inputs, GateConfig(), STRESS_METRICS).verdict
    assert "pass" != verdict.outcome
    found = {check.id: check.outcome for check in verdict.checks}
    assert "inconclusive" == found[missed]
    assert not [name for name in found if name.startswith("stress_")]


def test_stress_figures_of_both_sides_are_compared() -> None:
    """Each under the rule of its metric."""
    full = replace(FULL, means_only=True)
    verdict = judge(full, GateInputs(baseline=full), GateConfig(), STRESS_METRICS).verdict
    assert "stress_goodput" in {check.id for check in verdict.checks}
