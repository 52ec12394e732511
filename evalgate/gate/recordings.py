"""Which cases rest on the recordings that the baseline was made from, and which on new ones.

A case that replays the same recording has no noise: a difference comes from the code. A new
recording is a new sample of a noisy agent. Where the baseline does not say what it rests on, the
comparison is exact, so that no doubt softens a fail, and a reader is told.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from evalgate.stats.summary import CaseSummary


@dataclass(frozen=True, slots=True)
class Recordings:
    """The common cases by what they rest on; ids in the order given."""

    same: tuple[str, ...] = ()
    """On the recordings of the baseline."""
    anew: tuple[str, ...] = ()
    """On recordings made since."""
    unknown: tuple[str, ...] = ()
    """On recordings that the baseline does not name."""
    once: tuple[str, ...] = ()
    """Of `anew`, those with a single trial on some side."""


def sort_recordings(common: Iterable[tuple[CaseSummary, CaseSummary]]) -> Recordings:
    """Sort the common cases; one whose calls were not recorded now is in no group.

    Args:
        common: Baseline and candidate of each common case.
    """
    same: list[str] = []
    anew: list[str] = []
    unknown: list[str] = []
    once: list[str] = []
    for old, new in common:
        if not any(new.recordings):
            continue
        now, then = (dict(zip(c.numbers, c.recordings, strict=False)) for c in (new, old))
        shared = [(then.get(n), now[n]) for n in new.numbers if n in set(old.numbers)]
        if not shared or any(None in pair for pair in shared):
            unknown.append(new.id)
        elif all(before == after for before, after in shared):
            same.append(new.id)
        else:
            anew.append(new.id)
            if min(len(old.numbers), len(new.numbers)) == 1:
                once.append(new.id)
    return Recordings(tuple(same), tuple(anew), tuple(unknown), tuple(once))
