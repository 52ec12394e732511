"""Configurations that ask for a settled result and can never have one."""

from typing import Any

import pytest

from evalgate.gate.settle import cannot_settle
from evalgate.schema.config import SuiteConfig


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
