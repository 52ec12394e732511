"""Tests of `evalgate score`: stored traces, today's scorers, no agent."""

import json
from pathlib import Path

import pytest
from support.cli import Cli

ROWS = [
    {"id": "a", "input": "2+2", "expected": {"output": {"equals": "4"}}},
    {"id": "b", "input": "sky", "expected": {"output": {"equals": "blue"}}, "must_pass": True},
]


def trace(case: str, trial: int, output: str) -> str:
    """Write one recorded trial."""
    return json.dumps({"case_id": case, "trial": trial, "status": "finished", "output": output})


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> Path:
    """Run three recorded trials of two cases; one trial of `a` is wrong."""
    golden = "".join(json.dumps(row) + "\n" for row in ROWS)
    traces = [trace("a", n, "5" if n == 2 else "4") for n in range(3)]
    traces += [trace("b", n, "blue") for n in range(3)]
    (tmp_path / "golden.jsonl").write_text(golden, encoding="utf-8")
    (tmp_path / "traces.jsonl").write_text("\n".join(traces) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    ran = cli("run", "--golden", "golden.jsonl", "--agent", "recorded:traces.jsonl", "-f", "json")
    assert 0 == ran.code
    return tmp_path


def test_all_trials_are_scored_again(recorded: Path, cli: Cli) -> None:
    """A score of a score has every trial still, though the configuration asks for one."""
    for _ in range(2):
        result = cli("score", "latest", "--format", "json")
        assert 0 == result.code
        assert 3 == result.json["suite"]["trials"]
        assert pytest.approx(5 / 6) == result.json["metrics"]["task_success_rate"]["value"]


def test_the_run_stays_as_it_is(recorded: Path, cli: Cli) -> None:
    """The result is a run folder of its own, finished and named after the command."""
    runs = recorded / ".evalgate" / "runs"
    (before,) = runs.iterdir()
    kept = {path.name: path.read_bytes() for path in before.iterdir()}
    assert 0 == cli("score", "latest").code
    (new,) = [path for path in runs.iterdir() if path != before]
    manifest = json.loads((new / "manifest.json").read_text())
    assert kept == {path.name: path.read_bytes() for path in before.iterdir()}
    assert ("evalgate score latest", 3) == (manifest["command"], manifest["trials"])
    assert manifest["finished"]


def test_todays_expectations_count(recorded: Path, cli: Cli) -> None:
    """A corrected expectation changes the score without the agent."""
    text = (recorded / "golden.jsonl").read_text().replace('"4"', '"5"')
    (recorded / "golden.jsonl").write_text(text)
    (recorded / "traces.jsonl").unlink()
    result = cli("score", "latest", "--format", "json")
    assert pytest.approx(4 / 6) == result.json["metrics"]["task_success_rate"]["value"]


def test_a_missing_trial_is_no_pass(recorded: Path, cli: Cli) -> None:
    """A run that was cut off does not get better by being scored again."""
    (run,) = (recorded / ".evalgate" / "runs").iterdir()
    (traces,) = run.glob("traces*")
    lines = [line for line in traces.read_text().splitlines() if '"case_id":"a"' not in line]
    assert 3 == len(lines)
    traces.write_text("\n".join(lines) + "\n")
    result = cli("score", "latest", "--format", "json")
    assert (3, "inconclusive") == (result.code, result.json["verdict"])


def test_a_removed_case_is_named(recorded: Path, cli: Cli) -> None:
    """A trace for no case is an error that says which."""
    text = (recorded / "golden.jsonl").read_text().splitlines()[0] + "\n"
    (recorded / "golden.jsonl").write_text(text)
    result = cli("score", "latest")
    assert 2 == result.code
    assert "case 'b'" in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("nothing",), 2, "nothing"),
        (("latest", "--baseline"), 3, "no baseline for suite 'golden'"),
        (("latest", "--baseline", "nowhere.json"), 3, "nowhere.json"),
        (("latest", "--format", "yaml"), 2, "no renderer 'yaml'"),
        ((), 2, "RUN"),
    ],
)
def test_wrong_options_are_named(
    recorded: Path, cli: Cli, arguments: tuple[str, ...], code: int, part: str
) -> None:
    """Each slip has its code and one clear message."""
    result = cli("score", *arguments)
    assert code == result.code
    assert part in result.err
    assert "Traceback" not in result.err
