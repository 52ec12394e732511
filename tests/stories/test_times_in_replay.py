"""A replay measures what the code takes: a tool that got slow fails a gate on times."""

import json
from pathlib import Path

import pytest
from support.cli import Cli
from support.example import copy_example, edit

GATE = "        cost_per_interaction: {max: 0.15}\n"
CASES = 6


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of the example, cut to a few cases, whose policy gates times."""
    monkeypatch.chdir(copy_example(tmp_path))
    golden = tmp_path / "golden_sets/support.jsonl"
    rows = golden.read_text().splitlines(keepends=True)
    golden.write_text("".join(rows[:CASES]))
    return tmp_path


def _gate(project: Path, *lines: str) -> None:
    text = "".join(f"        {line}\n" for line in lines)
    edit(project / "evalgate.yaml", GATE, GATE + text)


def _slow_down(project: Path) -> None:
    agent = project / "examples/support_agent/agent.py"
    edit(agent, "\nasync def answer(", "\nimport time\n\n\nasync def answer(")
    edit(
        agent, "the agent knows no evalgate\n", "the agent knows no evalgate\n    time.sleep(0.5)\n"
    )


def _checks(cli: Cli, *options: str) -> dict[str, dict]:
    report = cli("run", "-f", "json", "--judge", "off", *options).json
    return {check["metric"] or check["id"]: check for check in report["checks"]}


def test_a_slow_tool_fails_a_gate_on_times(project: Path, cli: Cli) -> None:
    """Own time and completion time are measured; recorded times alone would never change."""
    _gate(project, "own_time_p50: standard", "completion_time_p50: standard")
    made = cli("baseline", "update", "--reason", "times", "--force", "-q")
    assert 0 == made.code, made.err
    held = json.loads((project / "baselines/support.json").read_text())["cases"]
    assert all({"own_time", "completion_time"} <= case.keys() for case in held.values())
    _slow_down(project)
    checks = _checks(cli, "--baseline")
    for name in ("own_time_p50", "completion_time_p50"):
        assert "fail" == checks[name]["outcome"], checks[name]
        assert checks[name]["candidate"] >= 0.5
        assert checks[name]["settled"] is not None


def test_two_replays_differ_in_what_is_measured_only(project: Path, cli: Cli) -> None:
    """Marked `measured`; nothing else of the report changes."""
    _gate(project, "own_time_p95: {max: 60}")
    reports = [cli("run", "-f", "json", "--judge", "off").json for _ in range(2)]
    names = {name for name, m in reports[0]["metrics"].items() if m["unit"] == "s"}
    measured = {name for name in names if reports[0]["metrics"][name]["source"] == "measured"}
    assert {
        "own_time_p50",
        "own_time_p95",
        "completion_time_p50",
        "completion_time_p95",
    } == measured
    for report in reports:
        for name in measured:
            del report["metrics"][name]
        for case in report["cases"]:
            for trial in case["trials"]:
                del trial["scores"]["own_time"], trial["scores"]["completion_time"]
        report["checks"] = [c for c in report["checks"] if c["metric"] not in measured]
    assert reports[0] == reports[1]


def test_a_replay_that_gates_no_time_keeps_it_apart(project: Path, cli: Cli) -> None:
    """The report has the recorded times; the manifest has what was measured."""
    _slow_down(project)
    report = cli("run", "-f", "json", "--judge", "off").json
    assert "replayed" == report["metrics"]["completion_time_p95"]["source"]
    assert "own_time_p95" not in {n for n, m in report["metrics"].items() if m["value"] is not None}
    latest = max((project / ".evalgate/runs").iterdir())
    measured = json.loads((latest / "manifest.json").read_text())["measured"]
    assert 0.5 <= measured["own_time_p50"] <= measured["own_time_p95"]
