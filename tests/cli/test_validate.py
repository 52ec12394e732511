"""Tests of `evalgate validate`: everything that is wrong, at once, before anything is run."""

import json
from pathlib import Path

import pytest
from support.cli import Cli


def test_a_sound_project_is_told_so(recorded: Path, cli: Cli) -> None:
    """Each file that was read is named; a baseline that is not there yet is a warning."""
    result = cli("validate")
    assert 0 == result.code
    assert "golden.jsonl: ok: golden set of 4 cases" in result.out
    assert "there is no baseline yet" in result.out
    assert 2 == cli("validate", "--strict").code


def test_all_problems_of_a_golden_set_are_listed(recorded: Path, cli: Cli) -> None:
    """Line and pointer of each, not only of the first."""
    rows = [
        {"id": "z", "input": "x", "expected": {"output": {"eqals": "1"}}},
        {"id": "a", "input": "y"},
        {"id": "a", "input": "y"},
        {"id": "b", "inptu": "z"},
    ]
    (recorded / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = cli("validate")
    assert 2 == result.code
    for part in ("line 1, /expected/output/eqals", "line 3", "line 4", "did you mean 'input'"):
        assert part in result.out


def test_a_golden_set_with_an_error_is_not_ok(recorded: Path, cli: Cli) -> None:
    """One that can be read and cannot be used is not both."""
    (recorded / "golden.jsonl").write_text('{"id": "a", "input": "y"}\n')
    result = cli("validate")
    assert 2 == result.code
    assert "expects nothing" in result.out
    assert "golden.jsonl: ok" not in result.out


def test_a_golden_set_alone(recorded: Path, cli: Cli) -> None:
    """`--golden` needs no configuration and may be repeated."""
    (recorded / "evalgate.yaml").unlink()
    (recorded / "other.jsonl").write_text('{"id": "a"}\n')
    assert 0 == cli("validate", "--golden", "golden.jsonl").code
    result = cli("validate", "--golden", "golden.jsonl", "--golden", "other.jsonl")
    assert 2 == result.code
    assert "golden.jsonl: ok" in result.out
    assert "other.jsonl" in result.out


@pytest.mark.parametrize(
    ("gate", "code", "part"),
    [
        ("{tool_call_accuracy: standard}", 0, "no case has expected.tool_calls"),
        ("{tool_call_acuracy: standard}", 2, "did you mean 'tool_call_accuracy'"),
        ("{handoff_missed: zero}", 0, "no case has expected.handoff"),
        ("{faithfulness: standard, hallucination_rate: standard}", 2, "1 minus the other"),
    ],
)
def test_gates_that_nothing_reaches_are_named(
    recorded: Path, cli: Cli, gate: str, code: int, part: str
) -> None:
    """A gate without cases for it warns; a name that is no metric, or said twice, is an error."""
    config = (recorded / "evalgate.yaml").read_text()
    config = config.replace("{error_rate: {max: 0.9}}", gate)
    (recorded / "evalgate.yaml").write_text(config)
    result = cli("validate")
    assert code == result.code
    assert part in result.out


def test_two_suites_with_one_baseline_are_refused(recorded: Path, cli: Cli) -> None:
    """Each suite has a baseline of its own."""
    config = (recorded / "evalgate.yaml").read_text()
    config += "  other: {golden: golden.jsonl, agent: 'recorded:traces.jsonl', "
    config += "baseline: baselines/quiz.json}\n"
    (recorded / "evalgate.yaml").write_text(config)
    result = cli("validate")
    assert 2 == result.code
    assert "share one baseline file" in result.out


def test_what_is_wrong_is_not_called_ok(recorded: Path, cli: Cli) -> None:
    """A golden set with an error can be read; it is not `ok` for that."""
    with (recorded / "golden.jsonl").open("a") as file:
        file.write('{"id": "bare", "input": "x"}\n')
    result = cli("validate")
    assert (2, False) == (result.code, "golden.jsonl: ok" in result.out)


def test_its_commands_name_the_configuration(
    recorded: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another folder the command that makes the baseline needs `--config`."""
    monkeypatch.chdir(recorded.parent)
    config = f"{recorded.name}/evalgate.yaml"
    result = cli("validate", "--config", config)
    assert f"evalgate baseline update --config {config} --suite quiz" in result.out


def test_missing_traces_are_named(recorded: Path, cli: Cli) -> None:
    """A recorded agent needs its file."""
    (recorded / "traces.jsonl").unlink()
    result = cli("validate")
    assert 2 == result.code
    assert "traces.jsonl" in result.out


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("suites: {a: {golden: g.jsonl, agnet: x}}\n", "did you mean 'agent'"),
        ("suites: {}\n", "suites"),
        ("suites: [1\n", "evalgate.yaml"),
        ("version: 2\nsuites: {a: {golden: g, agent: x}}\n", "version"),
        ("", "evalgate.yaml"),
        ("suites: {a: {golden: golden.jsonl, agent: 'recorded:t', trials: 0}}\n", "trials"),
        ("a: 1\na: 2\n", "'a'"),
    ],
)
def test_bad_configurations_are_named(recorded: Path, cli: Cli, text: str, part: str) -> None:
    """Unknown keys, wrong types, broken YAML: one clear message each."""
    (recorded / "evalgate.yaml").write_text(text)
    result = cli("validate")
    assert 2 == result.code
    assert part in result.err
    assert "Traceback" not in result.err
