"""What git knows of the working tree; every answer may be unknown."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_TIMEOUT = 20.0
_CAREFUL = (
    *("git", "--no-optional-locks", "--no-pager", "-c", "core.quotepath=off"),
    *("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}"),
    *("-c", "diff.external=", "-c", "core.sshCommand=false", "-c", "credential.helper="),
    *("-c", "protocol.allow=never", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
)
_LARGE = 1 << 20
_MOST_FILES = 20_000
_SOURCE = frozenset(
    f".{suffix}"
    for suffix in (
        *("py", "pyi", "js", "mjs", "cjs", "ts", "tsx", "sh", "rb", "go", "rs", "java"),
        *("toml", "yaml", "yml", "json", "jsonl", "md", "txt", "jinja", "j2", "prompt", "env"),
    )
)
_NOT_SOURCE = ("__pycache__", "node_modules", "venv")


@dataclass(frozen=True, slots=True)
class GitState:
    """Commit and cleanliness of a working tree; null where there is no git."""

    commit: str | None
    """Full hash of HEAD."""
    dirty: bool | None
    """Whether tracked files have uncommitted changes."""
    tree: str | None = None
    """Digest of what differs from the commit, untracked source files included (of all source files
    where there is no git); null: nobody knows."""


def careful(*arguments: str) -> tuple[str, ...]:
    """Return the command line of git that starts no program of the repository's configuration."""
    return (*_CAREFUL, *arguments)


def git_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which nobody but the repository itself tells git anything."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def git(root: Path, *arguments: str) -> str | None:
    """Run git and return what it printed; null where it failed or is not installed."""
    try:
        done = subprocess.run(  # noqa: S603  # fixed program, arguments are ours
            careful(*arguments),
            cwd=root,
            env=git_environment(os.environ),
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def read_state(root: Path, leave_out: Sequence[Path] = ()) -> GitState:
    """Read the commit of a working tree, and what differs from it.

    Args:
        root: A folder of the working tree.
        leave_out: Folders whose files do not count, e.g. those that a run itself writes to.
    """
    found = git(root, "rev-parse", "HEAD", "--show-toplevel")
    if found is None:
        return GitState(None, None, _walked(root, leave_out))
    commit, top = found.splitlines()[:2]
    status = git(
        root, "status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=none"
    )
    if status is None:
        return GitState(commit, None, None)
    entries = _entries(status)
    skipped = [folder.resolve() for folder in leave_out]
    files = sorted(Path(top, name) for code, name in entries if code != "??" or _is_source(name))
    kept = [file for file in files if not any(file.is_relative_to(one) for one in skipped)]
    dirty = any(code != "??" for code, _ in entries)
    return GitState(commit, dirty, _digest([(str(file), _stamp(file)) for file in kept]))


def _entries(status: str) -> list[tuple[str, str]]:
    """Split `git status --porcelain -z`; the old name of a rename follows it without a code."""
    entries, parts = [], iter(status.split("\0"))
    for part in parts:
        if part:
            entries.append((part[:2], part[3:]))
            if "R" in part[:2] or "C" in part[:2]:
                next(parts, None)
    return entries


def _is_source(name: str) -> bool:
    """Tell files that may change an agent from what it leaves behind: databases, logs, marks."""
    return Path(name).suffix in _SOURCE


def _stamp(file: Path) -> str:
    """Tell two states of a file apart: by its content, or by size and time where it is large."""
    try:
        facts = file.stat()
        if facts.st_size > _LARGE:
            return f"{facts.st_size} {facts.st_mtime_ns}"
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return "gone"


def _walked(root: Path, leave_out: Sequence[Path]) -> str | None:
    """Digest sizes and times of all files where there is no git; null where they are too many."""
    skipped = {folder.resolve() for folder in leave_out}
    rows: list[tuple[str, str]] = []
    for folder, names, files in os.walk(root.resolve()):
        names[:] = [
            name
            for name in names
            if not name.startswith(".")
            and name not in _NOT_SOURCE
            and Path(folder, name) not in skipped
        ]
        for name in filter(_is_source, files):
            facts = os.lstat(Path(folder, name))
            rows.append((str(Path(folder, name)), f"{facts.st_size} {facts.st_mtime_ns}"))
        if len(rows) > _MOST_FILES:
            return None
    return _digest(sorted(rows))


def _digest(rows: Sequence[tuple[str, str]]) -> str:
    return sha256(json.dumps(rows).encode()).hexdigest()[:16]
