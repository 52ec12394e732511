"""Takes a stored report apart, which holds a line a case: some cases are read at a time.

Reading a few and dropping their text keeps little in memory, which is quicker than the whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from evalgate.schema.base import Json
from evalgate.text.strict_json import MAX_BYTES, MAX_DEPTH, Parsed, parse

_START: Final = b'\n"cases":[\n'
_BETWEEN: Final = b",\n"
_END: Final = b"\n]\n}\n"
_BLOCK: Final = 1 << 16
"""Bytes of text that are read at a time, at least."""


@dataclass(frozen=True, slots=True)
class Apart:
    """A report in two parts."""

    head: dict[str, Json]
    """All but its cases."""
    cases: Iterator[Json]
    """The cases; null stands for some that are not strict JSON."""


def cases_apart(raw: bytes) -> Apart | None:
    """Take a report apart; null where it is not laid out as evalgate writes it.

    The head is parsed with no cases in it. A line break cannot stand in a string, so the marks do
    not either; where the head and each case are strict JSON, so is the whole.
    """
    start = raw.find(_START)
    if start < 0 or not raw.endswith(_END) or len(raw) > MAX_BYTES:
        return None
    match parse(raw[:start] + _START + _END):
        case Parsed(dict() as head):
            return Apart(head, _cases(raw, start + len(_START), len(raw) - len(_END)))
    return None


def _cases(raw: bytes, at: int, end: int) -> Iterator[Json]:
    while at < end:
        stop = raw.find(_BETWEEN, min(at + _BLOCK, end), end)
        stop = end if stop < 0 else stop
        match parse(b"[" + raw[at:stop] + b"]", max_depth=MAX_DEPTH - 1):
            case Parsed(list() as cases):
                yield from cases
            case _:
                yield None
        at = stop + len(_BETWEEN)
