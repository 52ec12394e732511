"""Groups cases that did not pass by what went wrong, so that one fault is read once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from evalgate.output.cases.rows import FAILED, CaseRow, State

__all__ = ["Cause", "causes"]

_VARIES = re.compile(r"\"[^\"]*\"|'[^']*'|\b[\w-]*\d[\w.:-]*\b")
"""What differs between two cases of one fault: quoted texts, ids and numbers."""

_KEY_LENGTH = 160


@dataclass(frozen=True, slots=True)
class Cause:
    """Cases that failed in the same way."""

    state: State
    """What became of them."""
    example: str
    """What is known of the first; hostile text."""
    cases: tuple[str, ...]
    """The cases, worst first."""


def causes(rows: Iterable[CaseRow]) -> tuple[Cause, ...]:
    """Group the cases that did not pass, the worst state and the largest group first.

    Args:
        rows: Cases, worst first.
    """
    groups: dict[tuple[State, str], list[CaseRow]] = {}
    order: dict[State, int] = {}
    for row in rows:
        if row.state in FAILED:
            order.setdefault(row.state, len(order))
            groups.setdefault((row.state, _key(row)), []).append(row)
    found = [
        Cause(state, members[0].why, tuple(row.id for row in members))
        for (state, _), members in groups.items()
    ]
    return tuple(sorted(found, key=lambda cause: (order[cause.state], -len(cause.cases))))


def _key(row: CaseRow) -> str:
    first = row.why.replace(row.id, "…").partition("\n")[0][:_KEY_LENGTH]
    return _VARIES.sub("…", first)
