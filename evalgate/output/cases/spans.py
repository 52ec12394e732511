"""Finds the claims of a judge in the answer they were taken from."""

import re
from collections.abc import Iterator, Sequence

from evalgate.text.claims import claims as sentences

Span = tuple[int, int, int]
"""Start and end in the answer, and the index of the claim."""

_WORD = re.compile(r"\w+")
_ALIKE = 0.5
"""Share of a claim's words that a sentence must hold to be where the claim stands."""


def claim_spans(answer: str, claims: Sequence[str]) -> tuple[Span, ...]:
    """Locate claims: word for word, else the sentence that holds most of their words.

    Judges word claims anew; one that is nowhere has no span. Spans do not overlap: the earlier
    claim keeps its place.

    Returns:
        Spans in the order of the answer.
    """
    found: list[Span] = []
    pieces = [(s.start, s.end, _words(s.text)) for s in sentences(answer)]
    for index, claim in enumerate(claims):
        for start, end in _places(answer, claim, pieces):
            if all(end <= other[0] or start >= other[1] for other in found):
                found.append((start, end, index))
                break
    return tuple(sorted(found))


def _places(
    answer: str, claim: str, pieces: Sequence[tuple[int, int, frozenset[str]]]
) -> Iterator[tuple[int, int]]:
    start = answer.find(claim) if claim else -1
    if start >= 0:
        yield start, start + len(claim)
    wanted = _words(claim)
    ranked = sorted(pieces, key=lambda piece: -len(wanted & piece[2]))
    yield from (
        (begin, end)
        for begin, end, words in ranked
        if wanted and len(wanted & words) >= _ALIKE * len(wanted)
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(text))
