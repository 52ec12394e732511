"""What a verdict takes in beside the comparison of metrics."""

from dataclasses import replace

import pytest

from evalgate.gate.comparison import CompareOptions
from evalgate.gate.facts import RunFacts
from evalgate.gate.judge import GateInputs, judge
from evalgate.metrics.registry import METRICS
from evalgate.metrics.stress import STRESS_METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.score import Scored
from evalgate.schema.verdict import Check, Verdict
from evalgate.stats.summary import CaseSummary, RunSummary

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


def _side(success: float = 1.0, cases: int = 40, **fields: object) -> RunSummary:
    column = {"task_success": (Scored(success),), "error": (Scored(0.0),)}
    made = {
        f"c{i:02}": CaseSummary(f"c{i:02}", "d", (0,), ("finished",), column) for i in range(cases)
    }
    return RunSummary("x", cases=made, trials=1, **fields)  # type: ignore[arg-type]


def _verdict(
    candidate: RunSummary,
    facts: RunFacts | None = None,
    options: CompareOptions | None = None,
    **inputs: object,
) -> Verdict:
    given = GateInputs(**inputs)  # type: ignore[arg-type]
    return judge(candidate, given, GateConfig(), METRICS, facts=facts, options=options).verdict


def _ids(verdict: Verdict) -> set[str]:
    return {check.id for check in verdict.checks}


def test_inputs_stand_in_for_facts_and_options() -> None:
    """What the caller gives goes before what the inputs say."""
    old, gone, some = _side(), _side(cases=39), replace(_side(), selection=True)
    assert "comparison" in _ids(_verdict(gone, baseline=old))
    assert "pass" == _verdict(gone, baseline=old, allow_removed=True).outcome
    assert "comparison" in _ids(
        _verdict(gone, options=CompareOptions(), baseline=old, allow_removed=True)
    )
    assert "evidence.partial" in _ids(_verdict(some, baseline=old))
    assert "pass" == _verdict(some, baseline=old, allow_partial=True).outcome
    assert "evidence.partial" in _ids(_verdict(some, RunFacts(), baseline=old, allow_partial=True))
    aged = _verdict(_side(), baseline=replace(old, created="2026-01-01"), today="2026-11-21")
    assert any("324 days old" in line for line in aged.warnings)


def test_each_score_is_taken_to_come_from_a_scorer_of_its_name() -> None:
    """Another version of a scorer that gives another score says nothing of this one."""
    old = _side(scorers={"task_success": "1", "error": "1", "mine": "1"})
    new = replace(old, scorers={**old.scorers, "mine": "2"})
    assert "pass" == _verdict(new, baseline=old).outcome
    other = _verdict(replace(old, scorers={**old.scorers, "error": "2"}), baseline=old)
    assert "inconclusive" == other.outcome
    assert {"comparison"} == {c.kind for c in other.checks if c.outcome == "inconclusive"}


def test_a_reference_adds_its_checks() -> None:
    """The pinned baseline is compared as the baseline is; without one nothing is added."""
    old, new, pinned = _side(0.9), _side(0.9), _side()
    assert "reference.task_success_rate" not in _ids(_verdict(new, baseline=old))
    verdict = _verdict(new, baseline=old, reference=pinned)
    assert "fail" == verdict.outcome
    failing = [check.id for check in verdict.checks if check.outcome == "fail"]
    assert ["reference.task_success_rate"] == failing


def test_own_checks_count_and_are_not_said_twice() -> None:
    """A check that the candidate brings decides; a lack that it brought is named once."""
    own = Check(id="evidence.stress_check", kind="evidence", outcome="inconclusive", reason="own")
    full = replace(_side(), values=FULL.values, scorers=FULL.scorers)
    found = _verdict(replace(_side(), checks=(own,)), baseline=full)
    assert ["own"] == [check.reason for check in found.checks if check.id == own.id]
    bare = _verdict(_side(), baseline=full)
    assert ["evidence.stress_check"] == [
        check.id for check in bare.checks if check.outcome == "inconclusive"
    ]
    alone = _verdict(replace(_side(), checks=(own,)))
    assert "inconclusive" == alone.outcome
    selected = replace(_side(), selection=True)
    part = _verdict(selected, baseline=full, allow_partial=True)
    assert "evidence.stress_check" not in _ids(part)


def test_nothing_gates_is_said_of_whole_runs() -> None:
    """Where everything is advisory, or there is no baseline; not of a part of a run."""
    policy = GateConfig.model_validate(
        {"metrics": {"task_success_rate": "advisory", "error_rate": "advisory"}}
    )

    def ids(facts: RunFacts, baseline: RunSummary | None) -> set[str]:
        return _ids(
            judge(side, GateInputs(baseline=baseline), policy, METRICS, facts=facts).verdict
        )

    side = replace(_side(), values={"task_success_rate": 1.0, "error_rate": 0.0})
    assert "evidence.gates" in ids(RunFacts(), side)
    assert "evidence.gates" in ids(RunFacts(), None)
    assert "evidence.gates" not in ids(RunFacts(shard=True), side)
