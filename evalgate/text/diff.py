"""Readable differences of two texts or two JSON values, capped in every direction."""

import difflib
import json
import re
from collections.abc import Iterator
from typing import Final

from evalgate.schema.base import Json
from evalgate.schema.canonical import canonical_bytes

_MAX_INPUT: Final = 20_000
"""Characters of either side that are compared."""

_MAX_LINES: Final = 1_000
_MAX_WORDS: Final = 1_000
"""Lines and words of either side that are compared; difflib is cubic where all are alike, and
leaves frequent ones out only above 200."""

_MAX_LINE: Final = 200
_SHOWN_VALUE: Final = 80
_WORD: Final = re.compile(r"\s+|\w+|[^\w\s]")
_ABSENT: Final = "absent"


def unified(before: str, after: str, *, context: int = 2, max_lines: int = 60) -> tuple[str, ...]:
    """Compare two texts line by line.

    Args:
        before: The old text.
        after: The new text.
        context: Unchanged lines shown around a change.
        max_lines: Lines that are returned; a last one says how many were left out.

    Returns:
        Lines that start with `-`, `+`, a blank or `@@`; none where the texts are equal.
    """
    if before == after:
        return ()
    old = before[:_MAX_INPUT].splitlines()[:_MAX_LINES]
    new = after[:_MAX_INPUT].splitlines()[:_MAX_LINES]
    lines = [
        line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]}…"
        for line in list(difflib.unified_diff(old, new, lineterm="", n=context))[2:]
    ]
    if not lines:
        lines = ["(differs only in line breaks or beyond what is compared)"]
    return _capped(lines, max_lines, "lines")


def pieces(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Compare two texts word by word.

    Args:
        before: The old text.
        after: The new text.

    Returns:
        What was taken out and what was put in, stretch by stretch; equal texts where nothing was.
        Beyond 20,000 characters or 1,000 words a side nothing is compared, and nothing returned.
    """
    old = _WORD.findall(before[:_MAX_INPUT])[:_MAX_WORDS]
    new = _WORD.findall(after[:_MAX_INPUT])[:_MAX_WORDS]
    for _, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new).get_opcodes():
        yield "".join(old[i1:i2]), "".join(new[j1:j2])


def words(before: str, after: str, *, max_length: int = 600) -> str:
    """Compare two texts word by word: `[-old-]` was taken out, `{+new+}` put in.

    Args:
        before: The old text.
        after: The new text.
        max_length: Characters that are returned.

    Returns:
        One text with the changes marked; long unchanged stretches are shortened.
    """
    marked: list[str] = []
    for gone, come in pieces(before, after):
        if gone == come:
            marked.append(gone if len(gone) <= _SHOWN_VALUE else f"{gone[:30]} … {gone[-30:]}")
            continue
        marked.append((f"[-{gone}-]" if gone else "") + (f"{{+{come}+}}" if come else ""))
    if any(_is_cut(text) for text in (before, after)):
        marked.append(" … (the rest was not compared)")
    text = "".join(marked)
    return text if len(text) <= max_length else f"{text[:max_length]}…"


def _is_cut(text: str) -> bool:
    return len(_WORD.findall(text[:_MAX_INPUT])) > _MAX_WORDS


def json_diff(before: Json, after: Json, *, max_changes: int = 20) -> tuple[str, ...]:
    """Compare two JSON values place by place.

    Args:
        before: The old value.
        after: The new value.
        max_changes: Lines that are returned; a last one says how many were left out.

    Returns:
        One line a changed place, `/json/pointer: old -> new`; numbers compare by value.
    """
    return _capped(list(_changes(before, after, "")), max_changes, "changes")


def _changes(before: Json, after: Json, at: str) -> Iterator[str]:
    match before, after:
        case dict(), dict():
            for key in dict.fromkeys((*before, *after)):
                inner = f"{at}/{key.replace('~', '~0').replace('/', '~1')}"
                if key not in after:
                    yield f"{inner}: {_shown(before[key])} -> {_ABSENT}"
                elif key not in before:
                    yield f"{inner}: {_ABSENT} -> {_shown(after[key])}"
                else:
                    yield from _changes(before[key], after[key], inner)
        case list(), list():
            for index, (old, new) in enumerate(zip(before, after, strict=False)):
                yield from _changes(old, new, f"{at}/{index}")
            for index in range(len(after), len(before)):
                yield f"{at}/{index}: {_shown(before[index])} -> {_ABSENT}"
            for index in range(len(before), len(after)):
                yield f"{at}/{index}: {_ABSENT} -> {_shown(after[index])}"
        case _ if canonical_bytes(before) != canonical_bytes(after):
            yield f"{at or '/'}: {_shown(before)} -> {_shown(after)}"
        case _:
            pass


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_VALUE else f"{text[:_SHOWN_VALUE]}…"


def _capped(lines: list[str], limit: int, what: str) -> tuple[str, ...]:
    if len(lines) <= limit:
        return tuple(lines)
    return (*lines[:limit], f"… and {len(lines) - limit:,} more {what}")
