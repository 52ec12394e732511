"""What the base of a change says about a suite; pull requests are judged by it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from evalgate.schema.result import Report
from evalgate.schema.verdict import Check
from evalgate.schema.waiver import Waiver
from evalgate.suite.base_revision import Base


@dataclass(frozen=True, slots=True)
class Proposal:
    """A new baseline that is all a pull request brings."""

    path: Path
    deterministic: bool
    """Whether a run now must give exactly its scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the base says about one suite, and what the change would alter."""

    base: Base
    top: Path
    """Folder of the working tree's repository."""
    files: Path
    """Folder with all files of the base."""
    today: date
    """Day of the run, for waivers."""
    new: bool = False
    """Whether the base does not have the suite and lets new ones in."""
    unnamed: tuple[str, ...] = ()
    """Where a new suite would send keys, and no suite of the base does."""
    blocks: tuple[Check, ...] = ()
    """Why the verdict cannot be a pass, whatever the trials say."""
    notes: tuple[str, ...] = ()
    """What the change would alter in the policy, and other things worth knowing."""
    waivers: tuple[Waiver, ...] = ()
    """Waivers of all suites that are on the base or were approved."""
    unsandboxed: bool = False
    """Whether the agent of a fork may pass without a sandbox."""
    evidence_counts: bool = True
    """Whether recordings that the change supplies are believed."""
    proposal: Proposal | None = None
    """A new baseline under judgement; null: the agent is."""
    settled: Report | None = None
    """The report where nothing has to be run; null: run."""

    def on_base(self, path: Path) -> Path:
        """Return the base's version of a file; a file outside of the repository is itself."""
        full = path.absolute()
        for top in (self.top, self.top.resolve()):
            if full.is_relative_to(top):
                return self.files / full.relative_to(top)
        resolved = full.resolve()
        if resolved.is_relative_to(self.top.resolve()):
            return self.files / resolved.relative_to(self.top.resolve())
        return path

    def label(self, path: Path) -> str:
        """Name a file of the base for people, without the folder it is laid out in."""
        if not path.is_relative_to(self.files):
            return str(path)
        return f"{path.relative_to(self.files).as_posix()} at {self.base.commit[:12]}"
