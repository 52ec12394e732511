"""Tests of which cases a change touches, in real git repositories."""

import json
import subprocess
from pathlib import Path

import pytest
from support.projects import write_project

from evalgate.errors import BaseUnknown
from evalgate.run.changed import touched_cases
from evalgate.store.cassettes import cassette_path
from evalgate.suite.suite import Selection, find_suites

EVERY = frozenset({"q1", "q2", "q3", "q4"})
CONFIG = """\
suites:
  quiz:
    golden: golden.jsonl
    agent: {run: "recorded:traces.jsonl"%s}
    scorers: {kind: "my_scorers:kind"}
    gateway: {}
  other: {golden: other.jsonl, agent: "recorded:traces.jsonl"}
"""
PATHS = ", paths: [traces.jsonl, 'prompts/*']"


def git(folder: Path, *arguments: str) -> str:
    """Run git."""
    name = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


def project(folder: Path, paths: str = "") -> Path:
    """Commit a project on main, and start a branch."""
    write_project(folder, 4, 1)
    (folder / "evalgate.yaml").write_text(CONFIG % paths)
    (folder / "my_scorers.py").write_text("def kind(case, trace):\n    return 1\n")
    (folder / "cassettes/quiz").mkdir(parents=True)
    cassette_path(folder / "cassettes/quiz", "q2").write_text("{}\n")
    (folder / ".gitignore").write_text(".evalgate/\n")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "one")):
        git(folder, *command)
    git(folder, "switch", "-q", "-c", "change")
    return folder


def touched(folder: Path, ref: str | None = None) -> frozenset[str]:
    """Name the touched cases of the first suite."""
    (suite, _) = find_suites(Selection(folder / "evalgate.yaml"))
    return touched_cases(suite, ref, {})


def ask_otherwise(folder: Path, number: int) -> None:
    """Change one case of the golden set, and how the file is written."""
    rows = [json.loads(line) for line in (folder / "golden.jsonl").read_text().splitlines()]
    rows[number - 1]["input"] = "something else"
    text = "".join(json.dumps(row, indent=None, sort_keys=True) + "\n" for row in rows)
    (folder / "golden.jsonl").write_text(text)


def test_without_a_change_nothing_is_touched(tmp_path: Path) -> None:
    """A clean branch that is where main is."""
    assert frozenset() == touched(project(tmp_path))


def test_a_changed_case_is_touched(tmp_path: Path) -> None:
    """What the case asks counts, not how its line is written."""
    ask_otherwise(project(tmp_path), 3)
    assert {"q3"} == touched(tmp_path)


def test_a_new_case_is_touched(tmp_path: Path) -> None:
    """It is run, committed or not."""
    project(tmp_path)
    with (tmp_path / "golden.jsonl").open("a") as file:
        file.write('{"id": "new", "input": "x"}\n')
    git(tmp_path, "commit", "-q", "-a", "-m", "two")
    assert {"new"} == touched(tmp_path)


def test_a_cassette_touches_its_case(tmp_path: Path) -> None:
    """Changed, new or deleted."""
    folder = project(tmp_path) / "cassettes/quiz"
    cassette_path(folder, "q2").unlink()
    cassette_path(folder, "q4").write_text("{}\n")
    assert {"q2", "q4"} == touched(tmp_path)


@pytest.mark.parametrize("file", ["traces.jsonl", "evalgate.yaml", "src/deep/tool.py", "README.md"])
def test_the_agent_touches_every_case(tmp_path: Path, file: str) -> None:
    """Any file that is not known to be harmless may be part of the agent."""
    project(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    with (tmp_path / file).open("a") as changed:
        changed.write("\n")
    assert EVERY == touched(tmp_path)


@pytest.mark.parametrize(
    "file",
    ["baselines/quiz.json", "baselines/other.json", "other.jsonl", "cassettes/other/x.jsonl"],
)
def test_harmless_files_touch_nothing(tmp_path: Path, file: str) -> None:
    """Baselines, and what belongs to another suite."""
    project(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("changed\n")
    assert frozenset() == touched(tmp_path)


@pytest.mark.parametrize(
    ("file", "every"),
    [
        ("README.md", False),
        ("prompts/deep/system.txt", True),
        ("my_scorers.py", True),
        ("evalgate.yaml", True),
        ("cassettes/quiz/unknown.jsonl", True),
    ],
)
def test_paths_say_what_the_agent_is(tmp_path: Path, file: str, *, every: bool) -> None:
    """With `agent.paths` only these files, scorers and the configuration touch every case."""
    project(tmp_path, PATHS)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    with (tmp_path / file).open("a") as changed:
        changed.write("\n")
    assert (EVERY if every else frozenset()) == touched(tmp_path)


def test_an_unreadable_golden_set_of_the_base_touches_every_case(tmp_path: Path) -> None:
    """What cannot be compared is run."""
    project(tmp_path)
    good = (tmp_path / "golden.jsonl").read_text()
    (tmp_path / "golden.jsonl").write_text("broken")
    git(tmp_path, "commit", "-q", "-a", "-m", "broken")
    (tmp_path / "golden.jsonl").write_text(good)
    assert EVERY == touched(tmp_path, "HEAD")


def test_a_renamed_golden_set_touches_every_case(tmp_path: Path) -> None:
    """The configuration names the new file, so it changed too."""
    project(tmp_path)
    git(tmp_path, "mv", "golden.jsonl", "renamed.jsonl")
    text = (tmp_path / "evalgate.yaml").read_text().replace("golden: golden", "golden: renamed")
    (tmp_path / "evalgate.yaml").write_text(text)
    assert EVERY == touched(tmp_path)


def test_what_main_did_meanwhile_does_not_count(tmp_path: Path) -> None:
    """The change starts where the branch left main."""
    project(tmp_path)
    git(tmp_path, "switch", "-q", "main")
    (tmp_path / "tool.py").write_text("x = 1\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "main goes on")
    git(tmp_path, "switch", "-q", "change")
    ask_otherwise(tmp_path, 1)
    assert {"q1"} == touched(tmp_path)


def test_a_detached_head_has_a_base_too(tmp_path: Path) -> None:
    """CI checks commits out, not branches."""
    ask_otherwise(project(tmp_path), 2)
    git(tmp_path, "commit", "-q", "-a", "-m", "two")
    git(tmp_path, "checkout", "-q", "--detach")
    assert {"q2"} == touched(tmp_path)


@pytest.mark.parametrize("ref", ["nowhere", "--output=x", "HEAD~9"])
def test_an_unknown_revision_is_named(tmp_path: Path, ref: str) -> None:
    """It stops with exit 3 and a way on; an option of git is no revision."""
    with pytest.raises(BaseUnknown, match="there is no"):
        touched(project(tmp_path), ref)


def test_a_shallow_clone_without_the_base_is_told(tmp_path: Path) -> None:
    """No branch of the main line is there."""
    origin = project(tmp_path / "origin")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", "--branch=change", f"file://{origin}", "clone")
    git(clone, "remote", "remove", "origin")
    with pytest.raises(BaseUnknown, match="fetch"):
        touched(clone)


def test_without_git_there_is_no_base(tmp_path: Path) -> None:
    """A folder in no repository."""
    write_project(tmp_path, 1, 1)
    (suite,) = find_suites(Selection(tmp_path / "evalgate.yaml"))
    with pytest.raises(BaseUnknown, match="git"):
        touched_cases(suite, None, {})
