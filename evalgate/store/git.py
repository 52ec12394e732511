"""What git knows of the working tree; every answer may be unknown."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GitState", "git", "read_state"]

_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class GitState:
    """Commit and cleanliness of a working tree; null where there is no git."""

    commit: str | None
    """Full hash of HEAD."""
    dirty: bool | None
    """Whether tracked files have uncommitted changes."""


def git(root: Path, *arguments: str) -> str | None:
    """Run git and return what it printed; null where it failed or is not installed.

    Args:
        root: Folder to run it in.
        arguments: Arguments of git.
    """
    try:
        done = subprocess.run(  # noqa: S603  # fixed program, arguments are ours
            ["git", "-c", "core.quotepath=off", *arguments],  # noqa: S607  # git is found on PATH
            cwd=root,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def read_state(root: Path) -> GitState:
    """Read commit and cleanliness; untracked files do not make a tree dirty."""
    commit = git(root, "rev-parse", "HEAD")
    if commit is None:
        return GitState(None, None)
    status = git(root, "status", "--porcelain", "--untracked-files=no")
    return GitState(commit.strip(), None if status is None else bool(status.strip()))
