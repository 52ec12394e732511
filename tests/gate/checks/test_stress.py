"""Stress figures under the plain rule, and what is not comparable."""

from dataclasses import replace

import pytest

from evalgate.gate.checks.stress import against_baseline, one_sided, stress_presence
from evalgate.metrics.stress import STRESS_METRICS
from evalgate.quota.quota import Quota, Request
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.stress import TierName
from evalgate.stats.summary import CaseSummary, RunSummary
from evalgate.stress.checks.metrics import stress_metrics
from evalgate.stress.checks.tiers import TIERS
from evalgate.stress.load.workload import Call, Group, SessionPlan, Stage, Workload
from evalgate.stress.simulation.simulate import Scenario, simulate


def side(source: str, version: str = "1:a", **values: float) -> RunSummary:
    """Make a side that holds stress figures."""
    named = {f"stress_{name}": value for name, value in values.items()}
    return RunSummary(source, values=named, scorers={"stress": version})


def outcomes(baseline: RunSummary, candidate: RunSummary) -> dict[str, str]:
    """Return the outcome of each check."""
    checks, _ = against_baseline(baseline, candidate, GateConfig())
    return {check.id: check.outcome for check in checks}


def test_figures_and_definitions_agree() -> None:
    """Every figure of a run is a metric with the same unit and direction, and the other way."""
    plan = SessionPlan((Stage((Call(Request(1, 1)),)),))
    found = stress_metrics(simulate(Scenario(Workload((Group("a", (plan,), 3),)), Quota(rpm=2))))
    defined = {name: (m.unit, m.direction) for name, m in STRESS_METRICS.items()}
    assert defined == {name: (value.unit, value.direction) for name, value in found.items()}


def test_tiers_of_the_schema_are_those_of_the_model() -> None:
    """The configuration knows exactly the tiers there are."""
    assert set(TierName.__args__) == set(TIERS)  # type: ignore[attr-defined]  # a Literal


@pytest.mark.parametrize(("now", "outcome"), [(0.95, "fail"), (0.951, "pass"), (1.0, "pass")])
def test_the_five_percent_rule(now: float, outcome: str) -> None:
    """The boundary is included, as for every metric."""
    assert {"stress_goodput": outcome} == outcomes(side("b", goodput=1.0), side("c", goodput=now))


def test_a_figure_that_is_gone_is_inconclusive() -> None:
    """An unknown figure never looks like an unchanged one."""
    found = outcomes(side("b", goodput=1.0, recovery_time=2.0), side("c", recovery_time=2.0))
    assert {"stress_goodput": "inconclusive", "stress_recovery_time": "pass"} == found


def test_other_settings_are_not_comparable() -> None:
    """Another quota, or another mix, measures something else."""
    found = outcomes(side("b", "1:a", goodput=1.0), side("c", "1:b", goodput=1.0))
    assert {"stress_goodput": "inconclusive"} == found


def test_a_baseline_without_figures() -> None:
    """It says nothing, and that is one check."""
    assert {"evidence.stress_baseline": "inconclusive"} == outcomes(side("b"), side("c", goodput=1))


def test_one_sided() -> None:
    """Figures on one side only are missed, whichever side that is."""
    full, bare = side("full", goodput=1.0), side("bare")
    assert [True, True, False, False] == [
        one_sided(*pair) for pair in ((full, bare), (bare, full), (full, full), (None, full))
    ]
    (check,) = stress_presence(full, bare)
    assert ("evidence.stress_check", "inconclusive") == (check.id, check.outcome)


def test_a_lack_of_figures_in_words() -> None:
    """Which side lacks them, and the way out; nothing where both or none hold some."""
    full, bare = side("full", goodput=1.0), side("bare")
    (check,) = stress_presence(bare, full)
    assert ("evidence.stress_baseline", "bare holds no figure of a stress check") == (
        check.id,
        check.reason,
    )
    (check,) = stress_presence(full, bare)
    assert "full holds figures of a stress check, and this run made none" == check.reason
    assert () == stress_presence(full, full) == stress_presence(bare, bare)


def test_only_stress_figures_are_compared() -> None:
    """Scores, other values and other scorers of the same sides say nothing here."""
    old = replace(
        side("b", goodput=1.0),
        values={"stress_goodput": 1.0, "task_success_rate": 1.0},
        scorers={"stress": "1:a", "task_success": "1:x"},
    )
    new = replace(old, values={"stress_goodput": 1.0}, scorers={**old.scorers, "task_success": "2"})
    assert {"stress_goodput": "pass"} == outcomes(old, new)
    assert {"evidence.stress_baseline": "inconclusive"} == outcomes(
        replace(old, values={"task_success_rate": 1.0}), new
    )


def test_what_only_informs_is_compared_where_there_are_cases() -> None:
    """Between sides of means alone every figure would gate, so it is left out there."""
    figures = {"goodput": 1.0, "quota_utilisation": 0.5}
    worse = {"goodput": 1.0, "quota_utilisation": 0.9}
    assert {"stress_goodput": "pass"} == outcomes(side("b", **figures), side("c", **worse))
    cases = {"a": CaseSummary("a", "d", (0,), ("finished",), {})}
    sides = [replace(side("x", **one), cases=cases) for one in (figures, worse)]
    checks, warnings = against_baseline(*sides, GateConfig())
    assert {"stress_goodput": "standard", "stress_quota_utilisation": "advisory"} == {
        check.id: check.gate for check in checks
    }
    assert () == warnings
    alone = outcomes(sides[0], side("c", **worse))
    assert {"stress_goodput": "pass"} == alone


def test_another_golden_set_is_one_check() -> None:
    """Figures of other cases measure something else."""
    old, new = (
        replace(
            side("b", goodput=1.0), cases={name: CaseSummary(name, "d", (0,), ("finished",), {})}
        )
        for name in ("a", "b")
    )
    (check,), warnings = against_baseline(old, new, GateConfig())
    assert ("evidence.comparison", "inconclusive", ()) == (check.id, check.outcome, warnings)
    assert check.reason.startswith("not comparable: b is a baseline of another golden set")
    assert check.fix is not None
