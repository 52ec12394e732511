"""Published figures on real runs, reproduced from the command line as a user would."""

import math
from pathlib import Path

import pytest
from support.cli import Cli, Result

# n, success, recorded action_match, agent cost in USD: the README of the shared data.
TAU2 = {
    "airline_gpt-4.1": (20, 0.50, (36, 61), 0.7833),
    "airline_gpt-4.1-finetuned": (20, 0.65, (46, 61), None),
    "retail_gpt-4.1": (40, 0.85, (164, 186), 1.8886),
    "retail_gpt-4.1-finetuned": (40, 0.85, (161, 186), None),
    "airline_gpt-4o-azure": (50, 0.46, (104, 148), 4.2033),
    "telecom_gpt-4o": (20, 0.70, (20, 27), 2.1343),
}
# valid by the Berkeley checker: the README of the shared data.
BFCL = {"simple_python": (378, 400), "multiple": (189, 200), "parallel": (183, 200)}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


def imported(cli: Cli, name: str, source: Path) -> None:
    """Import a file as NAME.golden.jsonl and NAME.traces.jsonl."""
    stem = source.name.removesuffix(".json").partition(".questions")[0]
    files = ("--golden", f"{stem}.golden.jsonl", "--traces", f"{stem}.traces.jsonl")
    assert 0 == cli("import", name, source, *files).code


def judged(cli: Cli, stem: str, *more: str) -> Result:
    """Score the imported traces of a file."""
    return cli(
        "run",
        "--golden",
        f"{stem}.golden.jsonl",
        "--agent",
        f"recorded:{stem}.traces.jsonl",
        "--format",
        "json",
        *more,
    )


def test_tau_bench_pass_hat_k(cli: Cli, shared_data: Path) -> None:
    """gpt-4o on airline, 50 tasks x 4 trials: pass^1..4 = .42, .2733, .22, .20."""
    imported(cli, "tau-bench", shared_data / "tau_bench" / "gpt-4o-airline.json")
    metrics = judged(cli, "gpt-4o-airline").json["metrics"]
    assert [0.42, 0.2733, 0.22, 0.20] == [
        round(metrics[f"pass_hat_{k}"]["value"], 4) for k in (1, 2, 3, 4)
    ]
    assert 5 / 200 == metrics["error_rate"]["value"]


@pytest.mark.parametrize("stem", TAU2)
def test_tau2_success_actions_and_cost(cli: Cli, shared_data: Path, stem: str) -> None:
    """Success, gold actions under preset `tau2` and total cost, unknown where it was 0.0."""
    imported(cli, "tau2", shared_data / "tau2" / f"{stem}.json")
    metrics = judged(cli, stem).json["metrics"]
    n, success, actions, cost = TAU2[stem]
    assert (n, success) == (
        metrics["task_success_rate"]["n"],
        metrics["task_success_rate"]["value"],
    )
    assert list(actions) == metrics["tool_call_recall"]["pooled"]
    found = metrics["cost_per_interaction"]
    if cost is None:
        assert (None, n) == (found["value"], found["unknown"])
    else:
        assert math.isclose(cost, found["value"] * found["n"], abs_tol=5e-5)


@pytest.mark.parametrize("category", BFCL)
def test_bfcl_valid_answers(cli: Cli, shared_data: Path, category: str) -> None:
    """One real model's answers, valid by the rules of the Berkeley checker."""
    imported(cli, "bfcl", shared_data / "bfcl" / f"{category}.questions.jsonl")
    rate = judged(cli, category).json["metrics"]["tool_calls_match_rate"]
    valid, n = BFCL[category]
    assert (n, valid) == (rate["n"], round(rate["value"] * n))


def compared(cli: Cli, shared_data: Path, domain: str) -> Result:
    """Compare the base model with the fine-tuned one."""
    for stem in (f"{domain}_gpt-4.1", f"{domain}_gpt-4.1-finetuned"):
        imported(cli, "tau2", shared_data / "tau2" / f"{stem}.json")
    assert 3 == judged(cli, f"{domain}_gpt-4.1-finetuned", "-o", "tuned.json").code
    return judged(cli, f"{domain}_gpt-4.1", "--baseline", "tuned.json")


def test_retail_passes_on_success_and_shows_what_moved(cli: Cli, shared_data: Path) -> None:
    """.85 to .85 is no change, while 6 cases regressed and 6 improved."""
    report = compared(cli, shared_data, "retail").json
    checks = {check["id"]: check for check in report["checks"]}
    outcomes = [change["outcome"] for change in report["changes"]]
    assert ("pass", 0.0) == (
        checks["task_success_rate"]["outcome"],
        checks["task_success_rate"]["change"],
    )
    assert (6, 6) == (outcomes.count("regressed"), outcomes.count("improved"))


def test_airline_fails_unsettled_and_cost_is_inconclusive(cli: Cli, shared_data: Path) -> None:
    """.65 to .50 fails; 20 cases cannot settle it; the unknown cost names the way out."""
    result = compared(cli, shared_data, "airline")
    checks = {check["id"]: check for check in result.json["checks"]}
    success, cost = checks["task_success_rate"], checks["cost_per_interaction"]
    assert (1, "fail", 0.65, 0.5, False) == (
        result.code,
        success["outcome"],
        success["baseline"],
        success["candidate"],
        success["settled"],
    )
    assert "inconclusive" == cost["outcome"]
    assert "prices:" in cost["fix"]
    assert "advisory" in cost["fix"]


def test_the_nested_example_keeps_its_recorded_cost(cli: Cli, shared_data: Path) -> None:
    """Its cost is the recorded .036; the model is in no price table."""
    imported(cli, "langfuse", shared_data / "langfuse" / "nested_example.json")
    golden = Path("nested_example.golden.jsonl")
    golden.write_text(golden.read_text().replace('"status":"draft"', '"status":"reviewed"'))
    metrics = judged(cli, "nested_example").json["metrics"]
    assert 0.036 == metrics["cost_per_interaction"]["value"]
