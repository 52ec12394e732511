"""Tests of `evalgate selftest`: a good gate stops every fault, a weak one is found out."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from support.cli import Cli
from support.projects import lines, write_project

ADVISORY = "{error_rate: advisory, cost_per_interaction: advisory, token_efficiency: advisory}"
FAULTS = ("regression", "crash", "missing case", "lost trials", "edited baseline")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a recorded agent that is mostly right, and work beside it."""
    write_project(tmp_path, 12, 2, ok=lambda n, t: (n * 3 + t) % 7 != 0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(out: str) -> dict[str, str]:
    """Return what came of each fault."""
    rows = [line.partition("exit")[::2] for line in out.splitlines() if line.startswith("  ")]
    found = {}
    for word, rest in rows:
        name = next((name for name in (*FAULTS, "stress") if f" {name}: " in rest), None)
        if name is not None:
            found[name] = word.strip()
    return found


def contents(folder: Path) -> Mapping[str, str]:
    """Fingerprint every file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in files}


def add(project: Path, text: str) -> None:
    """Add lines to the suite's configuration; a gate takes the place of its own."""
    config = (project / "evalgate.yaml").read_text()
    if "gate:" in text:
        lines = config.splitlines(keepends=True)
        config = "".join(line for line in lines if not line.startswith("    gate:"))
    (project / "evalgate.yaml").write_text(config + text)


def test_the_default_gate_stops_every_fault(project: Path, cli: Cli) -> None:
    """Each is named with the gate's own word for it, and the code is 0."""
    before = contents(project)
    result = cli("selftest")
    assert 0 == result.code, result.out
    assert dict.fromkeys(FAULTS, "stopped") == words(result.out)
    assert "exit 1   regression" in result.out
    assert "exit 3   missing case" in result.out
    assert before == contents(project)


def test_a_stored_run_is_used(project: Path, cli: Cli) -> None:
    """The agent is not run again where a complete run of today's golden set is there."""
    cli("run")
    (project / "traces.jsonl").rename(project / "elsewhere.jsonl")
    (run,) = (project / ".evalgate/runs").iterdir()
    result = cli("selftest")
    assert 0 == result.code, result.err
    assert f"of run {run.name}" in result.out


def test_a_partial_run_is_not_used(project: Path, cli: Cli) -> None:
    """A run of some cases shows nothing of the others."""
    cli("run", "--case", "q1")
    assert "of a run made just now" in cli("selftest").out


@pytest.mark.parametrize(
    ("policy", "missed"),
    [
        ("{metrics: {task_success_rate: advisory}}", "regression"),
        (f"{{threshold: 0.9, metrics: {ADVISORY}}}", "crash"),
    ],
)
def test_a_weak_gate_is_found_out(project: Path, cli: Cli, policy: str, missed: str) -> None:
    """A metric that is only advisory, a threshold that nothing reaches: exit 1, and by name."""
    add(project, f"    gate: {policy}\n")
    result = cli("selftest")
    assert (1, "NOT STOPPED") == (result.code, words(result.out)[missed])
    assert f"did NOT stop: {missed}" in result.out


def test_cases_that_expect_nothing_are_found_out(project: Path, cli: Cli) -> None:
    """Where nothing says what is right no regression can be planted, and none would be seen."""
    rows = [{"id": f"q{n}", "input": f"ask {n}"} for n in range(1, 13)]
    (project / "golden.jsonl").write_text(lines(rows))
    add(project, "    gate: {metrics: {task_success_rate: advisory}}\n")
    result = cli("selftest")
    assert (1, "NOT STOPPED") == (result.code, words(result.out)["regression"])
    assert "no case says what a right answer is" in result.out


def test_a_suite_that_does_not_pass_shows_nothing(project: Path, cli: Cli) -> None:
    """If it fails as it is, no fault can be told apart."""
    add(project, "    gate: {metrics: {task_success_rate: {min: 0.99}}}\n")
    result = cli("selftest")
    assert 3 == result.code
    assert "does not pass as it is" in result.out


def test_a_stress_failure_is_planted_where_there_is_a_stress_check(project: Path, cli: Cli) -> None:
    """A provider that takes one request a minute is stopped."""
    add(project, "    stress: {quota: {rpm: 1000}}\n")
    assert "stopped" == words(cli("selftest").out)["stress"]


def test_judged_metrics_are_left_out(project: Path, cli: Cli) -> None:
    """No judge is asked about planted trials, and the report says so."""
    add(project, "    judges: {reader: {kind: claims, model: m, calibration: {waived: test}}}\n")
    add(project, "    gate: {metrics: {faithfulness: {gate: standard, min: 0.9}}}\n")
    result = cli("selftest")
    assert 0 == result.code, result.out
    assert "no judge is asked here: faithfulness" in result.out


AGENT = """
async def answer(case, context):
    return {"output": "right", "steps": [{"kind": "tool_call", "name": "look", "arguments": {}}]}
"""


def test_live_agents_with_other_expectations(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cases that expect tool calls, or only that something is not said; scorers of the user."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "my_scorers.py").write_text("def kind(case, trace):\n    return 1\n")
    rows = [
        {"id": "a", "input": "x", "expected": {"tool_calls": [{"name": "look"}]}},
        {"id": "b", "input": "x", "expected": {"output": {"not_contains": ["wrong"]}}},
        {"id": "c", "input": "x", "expected": {"output": {"equals": "right"}}, "status": "draft"},
    ]
    (tmp_path / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite = {
        "golden": "golden.jsonl",
        "agent": {"run": "python:agent:answer", "trust_reported": True},
        "scorers": {"kind": {"call": "my_scorers:kind", "gate": "standard"}},
        "trials": 2,
    }
    (tmp_path / "evalgate.yaml").write_text(json.dumps({"suites": {"live": suite}}))
    result = cli("selftest")
    assert dict.fromkeys(FAULTS, "stopped") == words(result.out), result.out
