"""What only the caller of a gate knows: the clock, the caps, the fresh trials."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from evalgate.schema.result import Report
from evalgate.schema.score import Score
from evalgate.schema.verdict import Check
from evalgate.stats.summary import OF_THE_RUN

STOPPED: Final = "the run was stopped early: "
"""How the check on the caps begins."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Facts of a run that its scores do not show."""

    fresh: Mapping[str, tuple[Score, ...]] = field(default_factory=dict)
    """`task_success` of the fresh trials of `must_pass` cases that failed, by case."""
    cap: str | None = None
    """The cap that ended the run early, in words; null: none was reached."""
    allow_partial: bool = False
    """Whether a selection of the cases may pass (`--partial`)."""
    shard: bool = False
    """Whether this is one part of several, which are judged together."""
    record: str | None = None
    """What a live run of the trials that a replay missed takes, and its command; null: no replay
    missed anything."""
    cause: str | None = None
    """Why every one of these trials missed, where all have one cause."""
    today: str | None = None
    """RFC 3339 date or time of the run, to tell a stale baseline; null: not checked."""


def cap_of(reports: Iterable[Report]) -> str | None:
    """Return the cap that ended one of these runs early, in words; null: none did."""
    checks = [check for report in reports for check in report.checks if check.id == "evidence.cap"]
    return checks[0].reason.removeprefix(STOPPED) if checks else None


def checks_of_run(reports: Iterable[Report]) -> tuple[Check, ...]:
    """Return what reports hold against their runs that no trial shows, each once."""
    found = [check for report in reports for check in report.checks if check.id in OF_THE_RUN]
    return tuple({(check.id, check.reason): check for check in found}.values())
