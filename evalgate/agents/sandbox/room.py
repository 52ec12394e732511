"""The room of one process: its scratch folder, its part of the environment, its wall."""

import shutil
import site
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalgate.agents.sandbox.policy import Observed, Policy, beyond, explained


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How the processes of an agent are kept from what they need not reach."""

    policy: Policy
    """What they may reach, beside their scratch folder."""
    wrap: Callable[[Policy, str], tuple[str, ...]] | None = None
    """Puts a program of its own before the command, where the kernel has no wall; gets the folder
    it starts in."""
    learn: Callable[[Observed], None] | None = None
    """Is told what a process opened; with it nothing is refused."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one process is started with."""

    wall: Policy | None = None
    """What it may reach; null: whatever its user may."""
    before: tuple[str, ...] = ()
    """Words before its command."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables it is started with."""
    learn: Callable[[Observed], None] | None = None
    """Is told what it opened."""
    cwd: str = "/"
    """Where it starts."""

    def explain(self, text: str) -> str:
        """Add to what an agent said which line of the configuration it lacks, where that is so."""
        why = None if self.wall is None else explained(self.wall, self.cwd, text)
        return text if why is None else f"{text}; {why}"


@contextmanager
def open_room(sandbox: Sandbox | None, cwd: Path, read: str | None = None) -> Iterator[Room]:
    """Make a scratch folder, and remove it with all that was left there.

    Args:
        sandbox: What keeps the process in; null: nothing does.
        cwd: Where it starts.
        read: A file that is meant for this process alone.
    """
    if sandbox is None:
        yield Room()
        return
    scratch = Path(tempfile.mkdtemp(prefix="evalgate-scratch-")).resolve()
    try:
        yield _room(sandbox, str(scratch), str(cwd), () if read is None else (read,))
    finally:
        with suppress(RecursionError):  # folders in folders without end; the machine keeps them
            shutil.rmtree(scratch, ignore_errors=True)


def _room(sandbox: Sandbox, scratch: str, cwd: str, read: tuple[str, ...]) -> Room:
    environment = dict.fromkeys(("HOME", "TMPDIR", "TMP", "TEMP"), scratch)
    if site.ENABLE_USER_SITE:
        environment["PYTHONUSERBASE"] = site.getuserbase()  # it would follow HOME
    opened = sandbox.policy
    policy = replace(opened, read=(*opened.read, *read), write=(*opened.write, scratch))
    learn = sandbox.learn
    if learn is not None:
        return Room(environment=environment, learn=lambda seen: learn(beyond(policy, seen)))
    if sandbox.wrap is not None:
        return Room(before=sandbox.wrap(policy, cwd), environment=environment)
    return Room(policy, environment=environment, cwd=cwd)
