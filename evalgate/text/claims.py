"""From an answer to its claims: where a sentence, a list item or a heading ends.

Every pattern is linear in the length of the text, whatever the text.
"""

import re
from typing import NamedTuple


class Claim(NamedTuple):
    """One sentence, list item or heading of an answer."""

    text: str
    """The claim as written, without the white space and the list marker around it."""
    start: int
    """Offset of its first character in the answer."""
    end: int
    """Offset after its last character."""


_BREAK = re.compile(r"(?<![.!?])[.!?]++[\"'\u201d\u2019)\]*_]*+\s++|\n\s*+")
_MARKER = re.compile(r"\s*+(?:(?:[-*\u2022\u2013#>]++|\(?\d{1,2}[.)]|\(?[a-z][.)])\s++)*+")
_CONTENT = re.compile(r"[^\W_]")
_ABBREVIATIONS = (
    "mr mrs ms dr st jr sr prof gen col rep sen gov vs eg ie e.g i.e approx fig est jan feb mar "
    "apr jun jul aug sep sept oct nov dec"
)
_NEVER_LAST = frozenset(_ABBREVIATIONS.split())
_LONGEST_ABBREVIATION = 8


def claims(text: str) -> list[Claim]:
    """Split an answer into sentences, list items and headings.

    Args:
        text: Any text; control characters and unfinished sentences included.

    Returns:
        Claims in order, without the pieces that hold no letter and no digit.
    """
    ends = [match.end() for match in _BREAK.finditer(text) if _is_end(text, match)]
    found: list[Claim] = []
    start = 0
    for end in (*ends, len(text)):
        marker = _MARKER.match(text, start, end)
        first = marker.end() if marker else start
        piece = text[first:end].rstrip()
        if _CONTENT.search(piece):
            found.append(Claim(piece, first, first + len(piece)))
        start = end
    return found


def _is_end(text: str, boundary: re.Match[str]) -> bool:
    """Tell a full stop from the dot of an abbreviation, an initial or a list marker."""
    mark = boundary[0]
    if mark[0] != "." or "\n" in mark:
        return True
    dot, following = boundary.start(), text[boundary.end() : boundary.end() + 1]
    window = text[max(0, dot - _LONGEST_ABBREVIATION) : dot]
    word = re.split(r"[\s(]", window)[-1].lower()
    if len(word) == 1:
        return word.isdigit() and window[:-1].strip() != ""
    if word == "no":
        return not following.isdigit()
    return word not in _NEVER_LAST and not following.islower()
