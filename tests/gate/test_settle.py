"""Configurations that ask for a settled result and can never have one."""

from dataclasses import replace
from typing import Any

import pytest

from evalgate.gate.compare import compare
from evalgate.gate.settle import cannot_settle, needs_more_trials, unsettled
from evalgate.metrics.registry import METRICS
from evalgate.schema.config import SuiteConfig
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.score import Scored
from evalgate.stats.summary import CaseSummary, RunSummary


def suite(**fields: Any) -> SuiteConfig:  # noqa: ANN401  # a configuration
    """Make a suite."""
    plain = {"golden": "golden.jsonl", "agent": "recorded:traces.jsonl"}
    return SuiteConfig.model_validate(plain | fields)


@pytest.mark.parametrize("fields", [{"max_trials": 1}, {"gate": {"mode": "strict"}, "trials": 1}])
def test_what_can_never_settle_is_told(fields: dict[str, Any]) -> None:
    """20 cases and one trial leave 15 % possible (gate.md, number 8, at 80 %)."""
    assert "can never settle" in str(cannot_settle(suite(**fields), 20, 10))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"gate": {"mode": "strict"}, "trials": 1, "noise": "none"},
        {"max_trials": 1, "gate": {"metrics": {"task_success_rate": "advisory"}}},
        {"max_trials": 1, "gate": {"metrics": {"task_success_rate": {"threshold": "5pp"}}}},
    ],
    ids=["nobody asks", "no noise", "advisory", "an absolute threshold"],
)
def test_nothing_is_told_where_nothing_settles(fields: dict[str, Any]) -> None:
    """Only a relative threshold that gates has an interval to settle."""
    assert None is cannot_settle(suite(**fields), 20, 10)


def test_the_trials_that_are_asked_for_count() -> None:
    """`max_trials` before `trials`; a rule of any drop, and no wish, say nothing."""
    assert None is cannot_settle(suite(max_trials=50, trials=1), 20, 50)
    assert None is not cannot_settle(suite(max_trials=2, trials=1), 20, 50)
    strict = {"mode": "strict"}
    assert None is cannot_settle(suite(trials=50, gate=strict), 20, 50)
    zero = {"mode": "strict", "metrics": {"task_success_rate": "zero"}}
    assert None is cannot_settle(suite(trials=1, gate=zero), 20, 1)
    wide = {"mode": "strict", "threshold": "90%"}
    assert None is cannot_settle(suite(trials=2, gate=wide), 20, 2)


def _side(trials: int, cases: int = 20, **fields: object) -> RunSummary:
    made = [
        CaseSummary(
            id=f"c{i:02}",
            digest="d",
            numbers=tuple(range(trials)),
            statuses=("finished",) * trials,
            columns={"task_success": (Scored(1.0),) * trials},
        )
        for i in range(cases)
    ]
    return RunSummary("x", cases={case.id: case for case in made}, trials=trials, **fields)  # type: ignore[arg-type]


def test_more_trials_are_asked_for_while_noise_decides() -> None:
    """Up to the limit; never of nothing, without noise, or where nothing can be compared."""
    metrics = {"task_success_rate": METRICS["task_success_rate"]}

    def asked(
        new: RunSummary, most: int = 3, policy: object = "standard", old: RunSummary | None = None
    ) -> bool:
        config = GateConfig.model_validate({"metrics": {"task_success_rate": policy}})
        return needs_more_trials(compare(old or _side(10), new, metrics, config), most)

    assert asked(_side(2))
    assert asked(_side(2), most=3)
    assert not asked(_side(3), most=3)
    assert not asked(_side(0), most=3)
    assert not asked(_side(2, noise="none"))
    assert not asked(_side(2), policy="advisory")
    assert not asked(_side(2, cases=10))
    assert not asked(_side(20, cases=400), most=50, old=_side(20, cases=400))
    uneven = _side(2)
    cases = {**uneven.cases, "c00": _side(3).cases["c00"]}
    assert not asked(replace(uneven, cases=cases), most=3)


def test_only_what_gates_by_case_is_unsettled() -> None:
    """A metric compared by its value alone has no noise to settle."""
    flat = RunSummary("f", values={"task_success_rate": 1.0}, means_only=True)
    assert () == unsettled(compare(flat, flat, METRICS, GateConfig()))
    assert ("task_success_rate",) == unsettled(compare(_side(2), _side(2), METRICS, GateConfig()))
