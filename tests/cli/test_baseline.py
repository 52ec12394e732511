"""Tests of `evalgate baseline`: made by fresh trials, shown, and checked."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cli import Cli

UPDATE = ("baseline", "update", "--reason", "first", "-q")


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder."""
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def committed(recorded: Path) -> Path:
    """Put the project under git, clean."""
    (recorded / ".gitignore").write_text(".evalgate/\n")
    git(recorded, "init", "-q")
    git(recorded, "add", "-A")
    git(recorded, "commit", "-q", "-m", "start")
    return recorded


def test_it_is_made_shown_and_checked(committed: Path, cli: Cli) -> None:
    """A first baseline holds reason, commit and every trial, and checks as whole."""
    written = cli(*UPDATE)
    assert (0, "") == (written.code, written.err)
    assert "4 cases x 5 trials, task_success_rate 1" in written.out
    held = json.loads((committed / "baselines" / "quiz.json").read_text())
    assert ("first", []) == (held["provenance"]["reason"], held["provenance"]["forced"])
    assert False is held["subject"]["dirty"]
    assert "1" == held["cases"]["q1"]["task_success"]  # one digit where all trials are the same
    shown = cli("baseline", "show")
    assert "task_success_rate            100 %" in shown.out
    assert held["subject"]["git_commit"] in shown.out
    checked = cli("baseline", "check")
    assert (0, True) == (checked.code, "ok, 4 cases x 5 trials" in checked.out)


def test_a_dirty_tree_is_refused(committed: Path, cli: Cli) -> None:
    """A baseline of code nobody can check out is worth nothing; `--force` is recorded."""
    (committed / "agent.py").write_text("# not committed\n")
    git(committed, "add", "agent.py")
    refused = cli(*UPDATE)
    assert 2 == refused.code
    assert "--force" in refused.err
    assert not (committed / "baselines").exists()
    assert 0 == cli(*UPDATE, "--force").code
    held = json.loads((committed / "baselines" / "quiz.json").read_text())
    assert held["provenance"]["forced"]
    assert "forced:" in cli("baseline", "show").out


def test_a_failing_must_pass_case_is_refused(
    committed: Path, cli: Cli, forget: Callable[[int], None]
) -> None:
    """What must pass cannot be accepted as failing by making it the baseline."""
    text = (committed / "golden.jsonl").read_text().replace('"q4", ', '"q4", "must_pass": true, ')
    (committed / "golden.jsonl").write_text(text)
    forget(3)
    git(committed, "commit", "-q", "-a", "-m", "worse")
    refused = cli(*UPDATE)
    assert 2 == refused.code
    assert "q4" in refused.err


def test_it_replaces_the_whole_file(committed: Path, cli: Cli) -> None:
    """A worse result replaces a better one: never only if better."""
    assert 0 == cli(*UPDATE).code
    path = committed / "baselines" / "quiz.json"
    path.write_text(path.read_text().replace('"reason": "first"', '"reason": "old"'))
    git(committed, "add", "-A")
    git(committed, "commit", "-q", "-m", "baseline")
    assert 0 == cli("baseline", "update", "--reason", "second", "-q").code
    assert "second" == json.loads(path.read_text())["provenance"]["reason"]


def test_another_golden_set_is_inconclusive(committed: Path, cli: Cli) -> None:
    """`check` says when the golden set moved on, with the command that helps."""
    cli(*UPDATE)
    text = (committed / "golden.jsonl").read_text().replace("ask 1", "ask one")
    (committed / "golden.jsonl").write_text(text)
    checked = cli("baseline", "check")
    assert 3 == checked.code
    assert "evalgate baseline update --suite quiz" in checked.out


def test_an_edited_mean_is_an_error(committed: Path, cli: Cli) -> None:
    """A mean that its scores do not give is found."""
    cli(*UPDATE)
    path = committed / "baselines" / "quiz.json"
    path.write_text(path.read_text().replace('"mean": 1.0', '"mean": 0.9', 1))
    checked = cli("baseline", "check")
    assert (2, True) == (checked.code, "edited" in checked.out)


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_missing_baseline_says_how_to_make_one(recorded: Path, cli: Cli, command: str) -> None:
    """Nothing to show is inconclusive and names the way out."""
    result = cli("baseline", command)
    assert 3 == result.code
    assert "evalgate baseline update" in result.out + result.err


def test_a_reason_is_needed(recorded: Path, cli: Cli) -> None:
    """Nobody has to guess why a baseline changed."""
    result = cli("baseline", "update")
    assert 2 == result.code
    assert "--reason" in result.err
