"""Tests of `evalgate run --changed`: what is run, and what its verdict means."""

import json
import subprocess
from pathlib import Path

import pytest
from support.cli import Cli
from support.projects import write_project


@pytest.fixture
def branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commit a project with its baseline, and work in it."""
    write_project(tmp_path, 4, 1)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".gitignore").write_text(".evalgate/\n")
    name = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", *name, *command], cwd=tmp_path, check=True)
    return tmp_path


def reword(folder: Path, expected: str) -> None:
    """Let case q2 ask for something else."""
    text = (folder / "golden.jsonl").read_text().replace('"answer 2"', json.dumps(expected))
    (folder / "golden.jsonl").write_text(text)


def test_only_touched_cases_are_run(branch: Path, cli: Cli) -> None:
    """The verdict is partial, and may pass."""
    text = (branch / "golden.jsonl").read_text().replace("ask 2", "ask two")
    (branch / "golden.jsonl").write_text(text)
    result = cli("run", "--changed", "--format", "json")
    assert (0, True) == (result.code, result.json["partial"])
    assert ["q2"] == [case["id"] for case in result.json["cases"]]


def test_a_failing_touched_case_is_seen(branch: Path, cli: Cli) -> None:
    """A case that now expects something else fails, and a limit says so."""
    reword(branch, "something else")
    config = (branch / "evalgate.yaml").read_text()
    config = config.replace("error_rate: {max", "task_success_rate: {min")
    (branch / "evalgate.yaml").write_text(config)
    assert 1 == cli("run", "--changed").code


def test_nothing_touched_is_no_pass(branch: Path, cli: Cli) -> None:
    """There is no evidence, so the code is 3, and the way on is named."""
    result = cli("run", "--changed=main")
    assert 3 == result.code
    assert "run without --changed" in result.err


def test_an_unknown_revision_is_no_pass(branch: Path, cli: Cli) -> None:
    """Nothing is run."""
    assert 3 == cli("run", "--changed=nowhere").code
