"""git is asked so that nothing of the repository's configuration or the environment runs."""

import os
import subprocess
from pathlib import Path

import pytest

from evalgate.store.git import git, git_environment, read_state
from evalgate.store.revision import open_revisions


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Make a repository with one commit and a changed file."""
    root = tmp_path / "repo"
    root.mkdir()

    def run(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)

    run("init", "-q", "-b", "main")
    (root / "a.py").write_text("1\n", encoding="utf-8")
    (root / ".gitattributes").write_text("*.py diff=shown\n", encoding="utf-8")
    run("add", "-A")
    run("commit", "-q", "-m", "first")
    (root / "a.py").write_text("2\n", encoding="utf-8")
    return root


PROGRAMS = {
    "core.fsmonitor": "{program}",
    "core.hooksPath": "{folder}",
    "diff.external": "{program}",
    "diff.shown.command": "{program}",
    "diff.shown.textconv": "{program}",
    "core.pager": "{program}",
}


@pytest.mark.parametrize("key", PROGRAMS)
def test_no_program_of_the_repository_runs(repo: Path, tmp_path: Path, key: str) -> None:
    """Whatever its configuration names, it is not started when the gate asks git."""
    marker, folder = tmp_path / "ran", tmp_path / "hooks"
    folder.mkdir()
    for name in ("program", "post-index-change", "fsmonitor-watchman"):
        (folder / name).write_text(f"#!/bin/sh\ntouch {marker}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    value = PROGRAMS[key].format(program=folder / "program", folder=folder)
    subprocess.run(["git", "config", key, value], cwd=repo, check=True)
    state = read_state(repo)
    revisions = open_revisions(repo)
    commit = revisions.commit("HEAD")
    assert commit is not None
    assert (True, {"a.py"}) == (state.dirty, set(revisions.changed(commit)))
    assert not marker.exists()


def test_the_environment_does_not_speak(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIT_DIR and others cannot show another repository, or start a program."""
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.worktree")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "/nowhere")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/nowhere")
    assert f"{repo}\n" == git(repo, "rev-parse", "--show-toplevel")
    assert [] == [name for name in git_environment(os.environ) if name.startswith("GIT_DIR")]


def test_a_moved_submodule_is_seen(repo: Path, tmp_path: Path) -> None:
    """`ignore = all` in `.gitmodules` hides nothing from the gate."""
    who = (
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.org",
        "-c",
        "protocol.file.allow=always",
    )

    def run(*arguments: str, cwd: Path = repo) -> None:
        subprocess.run(["git", *who, *arguments], cwd=cwd, check=True, capture_output=True)

    other = tmp_path / "other"
    other.mkdir()
    run("init", "-q", cwd=other)
    run("commit", "-q", "--allow-empty", "-m", "one", cwd=other)
    run("submodule", "add", "-q", str(other), "sub")
    run("config", "-f", ".gitmodules", "submodule.sub.ignore", "all")
    run("add", "-A")
    run("commit", "-q", "-m", "submodule")
    run("commit", "-q", "--allow-empty", "-m", "two", cwd=repo / "sub")
    revisions = open_revisions(repo)
    commit = revisions.commit("HEAD")
    assert commit is not None
    assert {"sub"} == set(revisions.changed(commit))
    assert read_state(repo).dirty
