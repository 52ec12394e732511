"""A scratch repository with a gated agent, and pull requests as GitHub checks them out."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from support.cli import Result

CASES = 20

AGENT = '''
"""The agent under the gate: it adds."""


def answer(case, context):
    left, right = case.messages[-1]["content"].split("+")
    return str(int(left) + int(right))
'''

CONFIG = """\
trust: {allow_new_suites: true}
suites:
  sums:
    golden: golden_sets/sums.jsonl
    agent: {run: "python:agents.sums:answer", workers: 1}
    noise: none
"""

IDENTITY = {
    "GIT_AUTHOR_NAME": "someone",
    "GIT_AUTHOR_EMAIL": "someone@example.org",
    "GIT_COMMITTER_NAME": "someone",
    "GIT_COMMITTER_EMAIL": "someone@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def sums(count: int = CASES) -> list[dict[str, Any]]:
    """Make the golden set."""
    return [
        {"id": f"sum-{n}", "input": f"{n}+{n}", "expected": {"output": {"equals": str(2 * n)}}}
        for n in range(1, count + 1)
    ]


def jsonl(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write one JSON document a line."""
    return "".join(json.dumps(row) + "\n" for row in rows)


@dataclass
class Scratch:
    """A repository, its files, and the command line run in it as a workflow would."""

    root: Path
    events: list[Path] = field(default_factory=list)
    python: Path = Path(sys.executable)
    """The interpreter of the environment that evalgate is installed in."""
    action: Mapping[str, Any] | None = None
    """The action whose own step gates; null: the command that stands in it."""

    def git(self, *arguments: str) -> str:
        """Run git and return what it printed."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**os.environ, **IDENTITY},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout.strip()

    def write(self, path: str, text: str) -> Path:
        """Write a file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def read(self, path: str) -> str:
        """Read a file."""
        return (self.root / path).read_text(encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a part of a file that must be there."""
        text = self.read(path)
        assert old in text
        self.write(path, text.replace(old, new))

    def commit(self, message: str = "change") -> str:
        """Commit everything and return the hash."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str = "change") -> None:
        """Start a branch."""
        self.git("checkout", "-q", "-b", name)

    def merge_commit(self, branch: str = "change") -> str:
        """Check out what GitHub checks out for a pull request; return the branch's head."""
        head = self.git("rev-parse", branch)
        self.git("checkout", "-q", "--detach", "main")
        self.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch)
        return head

    def land(self, branch: str = "change") -> str:
        """Merge a branch into main, as after an approval, and return main's new head."""
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch)
        self.git("branch", "-q", "-D", branch)
        return self.git("rev-parse", "HEAD")

    def event(self, head: str, *, fork: bool = False, number: int = 7) -> dict[str, str]:
        """Return the environment of a workflow on a pull request."""
        payload = {
            "number": number,
            "repository": {"full_name": "team/repo", "default_branch": "main"},
            "pull_request": {
                "number": number,
                "user": {"login": "author"},
                "head": {
                    "sha": head,
                    "ref": "change",
                    "repo": {"full_name": "stranger/repo" if fork else "team/repo"},
                },
                "base": {
                    "sha": self.git("rev-parse", "main"),
                    "ref": "main",
                    "repo": {"full_name": "team/repo"},
                },
            },
        }
        path = self.root.parent / f"event-{len(self.events)}.json"
        path.write_text(json.dumps(payload), encoding="utf-8")
        self.events.append(path)
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_BASE_REF": "main",
            "GITHUB_REPOSITORY": "team/repo",
            "GITHUB_REF_NAME": f"{number}/merge",
            "GITHUB_WORKFLOW": "gate",
            "GITHUB_SHA": self.git("rev-parse", "HEAD"),
        }

    def pull_request(self, *, fork: bool = False, branch: str = "change") -> dict[str, str]:
        """Commit what there is, check the merge commit out, and return its environment."""
        if self.git("status", "--porcelain"):
            self.commit()
        return self.event(self.merge_commit(branch), fork=fork)

    def evalgate(self, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Run the command line in a process of its own, isolated as the action runs it."""
        done = self.start("-I", "-m", "evalgate", *arguments, env=env)
        return Result(done.returncode, done.stdout, done.stderr)

    def start(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run Python."""
        return subprocess.run(
            [self.python, *arguments],
            cwd=self.root,
            env={**os.environ, **IDENTITY, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            start_new_session=True,  # an agent that kills its group must not reach the tests
        )

    def gate(self, env: Mapping[str, str], *more: str) -> Result:
        """Gate a pull request; standard output is the report."""
        if self.action is not None and not more:
            from support.runner import Runner  # noqa: PLC0415  # it runs steps in a scratch

            return Runner(self.action, self, self.root.parent / "runner", environ={**env}).gated()
        return self.evalgate("run", "--baseline", "-q", "--format", "json", *more, env=env)


def make_repository(scratch: Scratch) -> Scratch:
    """Make a repository whose main branch holds a suite and its baseline."""
    scratch.root.mkdir(parents=True)
    scratch.git("init", "-q", "-b", "main")
    scratch.write("agents/sums.py", AGENT)
    scratch.write("evalgate.yaml", CONFIG)
    scratch.write("golden_sets/sums.jsonl", jsonl(sums()))
    scratch.write(".gitignore", ".evalgate/\n__pycache__/\n")
    scratch.write(".github/CODEOWNERS", "* @team/everybody\n/baselines/ @owner\n")
    scratch.commit("agent, golden set, policy")
    made = scratch.evalgate("baseline", "update", "--reason", "first", "-q")
    assert made.code == 0, made.err
    scratch.commit("first baseline")
    return scratch


def copy_of(template: Scratch, target: Path) -> Scratch:
    """Copy a repository that was made once."""
    shutil.copytree(template.root, target, symlinks=True)
    return replace(template, root=target, events=[])
