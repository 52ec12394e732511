"""Shrinks a set of faults to one in which every fault is needed (Zeller's ddmin)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, TypeVar

_Fault = TypeVar("_Fault")

Fails = Callable[[tuple[_Fault, ...]], Awaitable[bool | None]]
"""Whether a set of faults still leads to the finding; null: that was not measured."""


@dataclass(frozen=True, slots=True)
class Shrunk(Generic[_Fault]):
    """What is left of a set."""

    faults: tuple[_Fault, ...]
    """A set that leads to the finding."""
    tried: int
    """Smaller sets that were played."""
    unknown: int
    """Of these, how many were not measured: with one, a smaller set may yet do."""


@dataclass(slots=True)
class _Search(Generic[_Fault]):
    fails: Fails[_Fault]
    known: dict[tuple[_Fault, ...], bool | None] = field(default_factory=dict)

    async def holds(self, faults: tuple[_Fault, ...]) -> bool:
        if faults not in self.known:
            self.known[faults] = await self.fails(faults)
        return self.known[faults] is True


async def shrink(faults: Sequence[_Fault], fails: Fails[_Fault]) -> Shrunk[_Fault]:
    """Find a smallest part of a set that still fails: without any one of its faults it does not.

    Deterministic: parts are tried in the order of the set, each once.

    Args:
        faults: A set that fails; the empty set is known not to.
        fails: Plays a part of it.
    """
    search = _Search(fails)
    left, parts = tuple(faults), 2
    while len(left) > 1:
        cut = _cut(left, parts)
        found = await _first(search, cut)
        if found is not None:
            left, parts = found, 2
            continue
        rest = [tuple(f for f in left if f not in part) for part in cut]
        found = await _first(search, rest) if parts > 2 else None
        if found is not None:
            left, parts = found, max(parts - 1, 2)
        elif parts < len(left):
            parts = min(len(left), 2 * parts)
        else:
            break
    unknown = sum(value is None for value in search.known.values())
    return Shrunk(left, len(search.known), unknown)


async def _first(
    search: _Search[_Fault], sets: Sequence[tuple[_Fault, ...]]
) -> tuple[_Fault, ...] | None:
    for one in sets:
        if await search.holds(one):
            return one
    return None


def _cut(faults: tuple[_Fault, ...], parts: int) -> list[tuple[_Fault, ...]]:
    """Cut a set into parts of about one size, in order."""
    ends = [round(number * len(faults) / parts) for number in range(parts + 1)]
    return [faults[a:b] for a, b in pairwise(ends) if a < b]
