"""What only the agent says is no reason to pass."""

from collections.abc import Callable

import pytest
from support.summaries import Columns

from evalgate.gate.judge import GateInputs, Judged, judge
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import CaseResult, MetricValue, Report
from evalgate.stats.summary import RunSummary, summary_of_report

COLUMNS: Columns = {"task_success": [1.0], "error": [0.0], "tool_call_accuracy": [1.0]}
NAMES = {"tool_call_accuracy": "claimed", "task_success_rate": "measured"}

Judge = Callable[..., Judged]


@pytest.fixture
def judged(case: Callable[..., CaseResult], report: Callable[..., Report]) -> Judge:
    """Return a function that judges four cases whose tool calls are claimed."""

    def values(of: dict[str, str]) -> dict[str, MetricValue]:
        shown = {"value": 1.0, "unit": "ratio", "direction": "higher", "n": 4}
        return {name: MetricValue.model_validate({**shown, "source": of[name]}) for name in of}

    def side(
        columns: Columns, sources: dict[str, str], *, trusted: bool, **of: object
    ) -> RunSummary:
        made = report([case(f"c{n}", columns, **of) for n in range(4)], trust_reported=trusted)
        return summary_of_report(made.model_copy(update={"metrics": values(sources)}))

    def run(
        policy: dict[str, object] | None = None,
        *,
        columns: Columns = COLUMNS,
        sources: dict[str, str] = NAMES,
        trusted: bool = False,
        **of: object,
    ) -> Judged:
        config = GateConfig.model_validate({"metrics": policy or {}})
        baseline = side(COLUMNS, NAMES, trusted=False)
        now = side(columns, sources, trusted=trusted, **of)
        return judge(now, GateInputs(baseline=baseline), config, METRICS)

    return run


def outcomes(judged: Judged) -> dict[str, tuple[str, str]]:
    """Return gate and outcome of each check."""
    return {check.id: (check.gate, check.outcome) for check in judged.verdict.checks}


def test_what_gates_by_default_is_advisory(judged: Judge) -> None:
    """Nobody asked for tool calls: they are shown, and the rest decides."""
    found = judged()
    assert ("advisory", "pass") == outcomes(found)["tool_call_accuracy"]
    assert "pass" == found.verdict.outcome


@pytest.mark.parametrize("asked", ["standard", "zero", {"min": 0.5}])
def test_what_is_asked_to_gate_is_inconclusive(judged: Judge, asked: object) -> None:
    """The fix names the gateway and the permission."""
    found = judged({"tool_call_accuracy": asked})
    assert "inconclusive" == found.verdict.outcome
    assert "trust_reported: true" in (found.verdict.checks[0].fix or "")


def test_the_agents_word_counts_where_it_may(judged: Judge) -> None:
    """`trust_reported: true` is the owner's decision."""
    found = judged({"tool_call_accuracy": {"min": 0.5}}, trusted=True)
    assert ("pass", ("standard", "pass")) == (
        found.verdict.outcome,
        outcomes(found)["tool_call_accuracy"],
    )


def test_a_fall_in_its_own_words_is_a_fall(judged: Judge) -> None:
    """What fails on claims still fails: they can only have been kind."""
    worse: Columns = {**COLUMNS, "tool_call_accuracy": [0.5]}
    assert "fail" == judged({"tool_call_accuracy": "standard"}, columns=worse).verdict.outcome


def test_success_that_rests_on_claims_never_passes(judged: Judge) -> None:
    """Task success gates whether it is named or not, so it is inconclusive, not advisory."""
    sources = {"task_success_rate": "claimed"}
    found = judged(sources=sources)
    assert ("standard", "inconclusive") == outcomes(found)["task_success_rate"]
    lost: Columns = {**COLUMNS, "task_success": [0.0]}
    assert "fail" == judged(sources=sources, columns=lost).verdict.outcome


def test_a_must_pass_case_that_rests_on_claims(judged: Judge) -> None:
    """It is named, unless its claims count."""
    found = judged(must_pass=True, claimed=True)
    assert ("standard", "inconclusive") == outcomes(found)["must_pass"]
    (check,) = [check for check in found.verdict.checks if check.id == "must_pass"]
    assert "c0" in check.reason
    assert "pass" == judged(must_pass=True, claimed=True, trusted=True).verdict.outcome
    assert "pass" == judged(must_pass=True).verdict.outcome
