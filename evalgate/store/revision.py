"""Another revision of the repository: found, read and laid out as files, without a checkout."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryFile
from typing import BinaryIO, Final, NamedTuple, cast

from evalgate.errors import BaseUnknown
from evalgate.store.git import careful, git_environment

_TIMEOUT_S: Final = 300.0
_SHOWN: Final = 300
_PROGRAM: Final = "100755"
_LINK: Final = "120000"
_HEAD: Final = 3
"""Words before a file: its name, its kind, its size."""


class _File(NamedTuple):
    name: str
    mode: str
    digest: str


@dataclass(frozen=True, slots=True)
class _Done:
    ok: bool
    out: str
    said: str


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revisions of one repository."""

    top: Path
    """The folder of its working tree."""

    def commit(self, name: str) -> str | None:
        """Return the full hash of a revision; null where it is not here."""
        if not name or name.startswith("-"):
            return None
        wanted = f"{name}^{{commit}}"
        done = _git(self.top, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
        return done.out.strip() if done.ok else None

    def parents(self, commit: str) -> tuple[str, ...]:
        """Return the parents of a commit; none where they are not here."""
        done = _git(self.top, "rev-list", "--parents", "--max-count=1", commit)
        found = done.out.split()[1:] if done.ok else []
        return tuple(parent for parent in found if self.commit(parent) is not None)

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the commit two revisions come from; null where it is not here."""
        done = _git(self.top, "merge-base", one, other)
        return done.out.strip() if done.ok else None

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Say whether a commit is part of a revision's history; null where that is not known."""
        known = self.commit(older)
        if known and _git(self.top, "merge-base", "--is-ancestor", known, newer).ok:
            return True
        return None if self.shallow() else False

    def shallow(self) -> bool:
        """Say whether only a part of the history is here."""
        done = _git(self.top, "rev-parse", "--is-shallow-repository")
        return not done.ok or done.out.strip() != "false"

    def changed(self, commit: str) -> frozenset[str]:
        """Name the tracked files of the working tree that differ from a commit.

        Raises:
            BaseUnknown: git cannot tell.
        """
        how = ("--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "-z")
        done = _git(self.top, "diff", *how, "--ignore-submodules=none", commit)
        if not done.ok:
            raise BaseUnknown(f"git cannot compare the working tree with {commit}: {done.said}")
        return frozenset(name for name in done.out.split("\0") if name)

    def export(self, commit: str, target: Path) -> None:
        """Lay all files of a commit out in an empty folder, as they are stored.

        No filter and no attribute of the working tree has a say, submodules are left out.

        Raises:
            BaseUnknown: git cannot.
        """
        listed = _git(self.top, "ls-tree", "-r", "-z", "--full-tree", commit)
        if not listed.ok:
            raise _unread(commit, listed.said)
        files: list[_File] = []
        for row in filter(None, listed.out.split("\0")):
            fields, _, name = row.partition("\t")
            mode, kind, digest = fields.split()
            if kind == "blob":
                files.append(_File(name, mode, digest))
        for (name, mode, _), data in _contents(self.top, commit, files):
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if mode == _LINK:
                path.symlink_to(os.fsdecode(data))
                continue
            path.write_bytes(data)
            path.chmod(0o755 if mode == _PROGRAM else 0o644)


def _contents(top: Path, commit: str, files: Sequence[_File]) -> Iterator[tuple[_File, bytes]]:
    """Yield the bytes of every file as they are stored: no attribute shapes them."""
    with TemporaryFile() as asked, TemporaryFile() as said:
        asked.write("".join(f"{file.digest}\n" for file in files).encode())
        asked.seek(0)
        with Popen(  # noqa: S603  # fixed program, arguments are ours
            careful("cat-file", "--batch"),
            cwd=top,
            env=git_environment(os.environ),
            stdin=asked,
            stdout=PIPE,
            stderr=said,
        ) as process:
            out = cast("BinaryIO", process.stdout)
            for file in files:
                head = out.readline().split()
                if len(head) != _HEAD or head[1] != b"blob":
                    process.kill()
                    raise _unread(commit, f"{file.name!r} is not here")
                data = out.read(int(head[2]) + 1)
                if len(data) != int(head[2]) + 1:
                    raise _unread(commit, f"{file.name!r} is cut off")
                yield file, data[:-1]


def _unread(commit: str, why: str) -> BaseUnknown:
    return BaseUnknown(
        f"the files of {commit} cannot be read: {why}",
        fix="fetch the base in full (fetch-depth: 0)",
    )


def is_repository(folder: Path) -> bool:
    """Say whether a folder lies in the working tree of a repository."""
    return _git(folder, "rev-parse", "--show-toplevel").ok


def open_revisions(folder: Path) -> Revisions:
    """Find the repository a folder is in.

    Raises:
        BaseUnknown: It is in none, or git is not there.
    """
    done = _git(folder, "rev-parse", "--show-toplevel")
    if not done.ok:
        raise BaseUnknown(
            f"{folder.resolve()}: the base revision cannot be read: {done.said}",
            fix="run in a git checkout, with git installed",
        )
    return Revisions(Path(done.out.removesuffix("\n")))


def _git(folder: Path, *arguments: str) -> _Done:
    try:
        done = subprocess.run(  # noqa: S603  # fixed program, arguments are ours
            careful(*arguments),
            cwd=folder,
            env=git_environment(os.environ),
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _Done(ok=False, out="", said=f"git took more than {_TIMEOUT_S:g} s")
    except OSError as error:
        return _Done(ok=False, out="", said=f"git cannot be started: {error.strerror}")
    out, said = (stream.decode("utf-8", "surrogateescape") for stream in (done.stdout, done.stderr))
    return _Done(done.returncode == 0, out, said.strip()[:_SHOWN] or f"exit {done.returncode}")
