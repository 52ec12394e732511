"""Published figures of tau-bench and tau2-bench, from their files to metrics."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from evalgate.importers.imported import Imported
from evalgate.importers.traces.langfuse import import_langfuse
from evalgate.importers.traces.tau2 import import_tau2
from evalgate.importers.traces.tau_bench import import_tau_bench
from evalgate.metrics.registry import METRICS
from evalgate.schema.config import Price
from evalgate.schema.result import CaseResult, MetricValue
from evalgate.schema.score import Abstained, Scored
from evalgate.scorers.builtin import builtin_scorers, score_trial
from evalgate.scorers.settings import Settings
from evalgate.stats.aggregate import case_results, metric_values, total

RECORDED = Settings(evidence="recorded")


class Outcome(NamedTuple):
    """A file, scored."""

    cases: tuple[CaseResult, ...]
    metrics: dict[str, MetricValue]


@pytest.fixture
def score(shared_data: Path) -> Callable[..., Outcome]:
    """Return a function that imports a file and scores every trial of it."""

    def run(name: str, settings: Settings = RECORDED) -> Outcome:
        data = json.loads((shared_data / name).read_text(encoding="utf-8"))
        read = import_tau_bench if name.startswith("tau_bench") else import_tau2
        imported: Imported = read(data, {})
        cases = {case.id: case for case in imported.cases}
        scorers = builtin_scorers(settings, imported.cases)
        trials = [score_trial(scorers, cases[t.case_id], t, settings) for t in imported.traces]
        seen = {trial.case_id for trial in trials}
        used = [case for case in imported.cases if case.id in seen]
        results = case_results(used, dict.fromkeys(seen, "-"), trials)
        return Outcome(results, metric_values(results, METRICS))

    return run


def test_airline_pass_hat(score: Callable[..., Outcome]) -> None:
    """tau-bench: gpt-4o airline pass^1..4 = .420 .273 .220 .200 (its README and paper)."""
    metrics = score("tau_bench/gpt-4o-airline.json").metrics

    expected = [21 / 50, 41 / 150, 11 / 50, 1 / 5]
    assert expected == pytest.approx([metrics[f"pass_hat_{k}"].value for k in (1, 2, 3, 4)])
    assert metrics["task_success_rate"].value == pytest.approx(0.42)
    assert "pass_hat_5" not in metrics


def test_airline_per_trial(score: Callable[..., Outcome]) -> None:
    """tau-bench: success per trial .42 .44 .40 .42, 5 unfinished records are failures."""
    cases = score("tau_bench/gpt-4o-airline.json").cases

    by_trial = [
        sum(case.trials[number].scores["task_success"].value for case in cases) / len(cases)
        for number in range(4)
    ]
    unfinished = [t for c in cases for t in c.trials if t.status == "unfinished"]
    assert [0.42, 0.44, 0.40, 0.42] == pytest.approx(by_trial)
    assert 5 == len(unfinished)
    assert {0.0} == {trial.scores["task_success"].value for trial in unfinished}
    assert 1164 == sum(len(t.calls) for c in cases for t in c.trials)


@pytest.mark.parametrize(
    ("name", "n", "success", "matched", "cost"),
    [
        ("airline_gpt-4.1", 20, 0.50, (36, 61), 0.7833),
        ("airline_gpt-4.1-finetuned", 20, 0.65, (46, 61), None),
        ("retail_gpt-4.1", 40, 0.85, (164, 186), 1.8886),
        ("retail_gpt-4.1-finetuned", 40, 0.85, (161, 186), None),
        ("airline_gpt-4o-azure", 50, 0.46, (104, 148), 4.2033),
        ("telecom_gpt-4o", 20, 0.70, (20, 27), 2.1343),
    ],
)
def test_tau2(
    score: Callable[..., Outcome],
    name: str,
    n: int,
    success: float,
    matched: tuple[int, int],
    cost: float | None,
) -> None:
    """tau2-bench: success, recorded action_match and agent cost of each published file."""
    cases, metrics = score(f"tau2/{name}.json")
    spent, unknown = total(cases, "cost_usd")

    assert n == sum(len(case.trials) for case in cases)
    assert success == pytest.approx(metrics["task_success_rate"].value)
    assert matched == metrics["tool_call_recall"].pooled
    if cost is None:
        assert n == unknown
        assert metrics["cost_per_interaction"].value is None
    else:
        assert (cost, 0) == (pytest.approx(spent, abs=5e-5), unknown)


def test_price_override_is_the_way_out(score: Callable[..., Outcome]) -> None:
    """A recorded cost of 0 on calls with tokens is unknown, until the user gives the price."""
    model = "ft:gpt-4.1-2025-04-14:sierra:tau2-full-sft:BzrYdMNm"
    settings = Settings(evidence="recorded", prices={model: Price(input=3, output=12)})

    cost = score("tau2/airline_gpt-4.1-finetuned.json", settings).metrics["cost_per_interaction"]

    assert (20, 0) == (cost.n, cost.unknown)
    assert cost.value is not None
    assert cost.value > 0


def test_nested_example(shared_data: Path) -> None:
    """A published trace: its recorded cost .036 wins, the computed one is unknown."""
    text = (shared_data / "langfuse/nested_example.json").read_text(encoding="utf-8")
    imported = import_langfuse(json.loads(text), {})
    (case,), (trace,) = imported.cases, imported.traces
    settings = Settings(evidence="recorded", recorded={"faithfulness": "faithfulness"})
    own = score_trial(builtin_scorers(settings), case, trace, settings).scores
    computed = score_trial(builtin_scorers(Settings()), case, trace).scores["cost_usd"]

    assert (Scored(0.036), Scored(0.92)) == (own["cost_usd"], own["faithfulness"])
    assert isinstance(computed, Abstained)
    assert computed.unknown
