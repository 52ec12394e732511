"""`groundedness_lexical`: what an answer says that its contexts do not, by weighing words.

Deterministic, without a model and without a dependency. An answer is split into claims. A claim's
words and numbers are weighed by how uncommon they are (an inverse document frequency in five
steps, 1 for a word outside every list of common words) and by how much of each the contexts lack:
nothing if it stands there, all of it if it does not, something in between for a word of the same
family, a rounded number, or a word that the contexts only use the other way round ("not").

The unit of weight is one uncommon word. What separates grounded from hallucinated answers is the
*sum* over claims, not the share of an answer, so the sum decides, and the answer's score is that
sum on a scale from 1 (nothing unsupported) through .5 (the shipped threshold) towards 0.

It reads words, not meaning: it is not faithfulness, it misses a claim that recombines the words
of the contexts, and it is no blocker by default. Measured quality: `docs/grounding.md`.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from evalgate.text import common_words
from evalgate.text.claims import Claim, claims
from evalgate.text.numerals import rounded
from evalgate.text.stem import stem
from evalgate.text.tokens import Token, read, tokens

THRESHOLD: Final = 3.0
"""Unsupported weight, in uncommon words, from which an answer counts as not grounded.

How it was chosen stands in `docs/grounding.md`.
"""

_BANDS: Final = (
    (common_words.USUAL, 0.65),
    (common_words.FREQUENT, 0.35),
    (common_words.EVERYDAY, 0.15),
    (common_words.BOILERPLATE, 0.05),
    (common_words.FUNCTION, 0.0),
)
_UNCOMMON: Final = 1.0
_NAME: Final = 1.4  # times the weight of the word
_NUMBER: Final = 2.0
_DIGIT: Final = 1.25
_NUMBER_WORD: Final = 0.5
_INITIAL: Final = 0.3

_SIMILAR: Final = 0.2
_CONTRADICTED: Final = 0.5

_RUN: Final = 1.0  # neighbours that are both lacking weigh more: a phrase, not a paraphrased word
_PAIR: Final = 0.05  # words that never stand side by side in the contexts: not a copied span
_CONCENTRATION: Final = 0.75  # words count for more in a claim that lacks much; numbers do not

_FAMILY: Final = 5
_FAMILY_LONGEST: Final = 8
_SPAN_GAP: Final = 24
_REFERENCES: Final = frozenset(
    map(stem, ("passage", "document", "source", "context", "excerpt", "article", "step", "section"))
)


@dataclass(frozen=True, slots=True)
class ClaimGrounding:
    """How far the contexts support one claim."""

    text: str
    """The claim as written."""
    start: int
    """Offset of its first character in the answer."""
    end: int
    """Offset after its last character."""
    score: float
    """Supported share of its weight, in [0, 1]."""
    unsupported_weight: float
    """What it adds to the answer's unsupported weight: uncommon words, >= 0."""
    unsupported: tuple[str, ...]
    """The words, numbers and runs of words that the contexts lack, as written."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """How far the contexts support an answer."""

    score: float
    """`THRESHOLD / (THRESHOLD + unsupported_weight)`, in (0, 1]: .5 at the shipped threshold."""
    unsupported_weight: float
    """Sum over the claims, in uncommon words, >= 0."""
    checked_weight: float
    """Weight of all that was looked up, > 0; near 0 for a refusal, which claims next to nothing."""
    claims: tuple[ClaimGrounding, ...]
    """The claims that hold anything to look up, in order."""


@dataclass(frozen=True, slots=True)
class NoClaims:
    """The answer is empty or holds nothing to look up ("Yes."): the scorer must abstain."""


@dataclass(frozen=True, slots=True)
class NoContexts:
    """There is no context with a word in it: the scorer must abstain."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """Contexts made ready by `prepare`, to be used for many answers."""

    affirmed: AbstractSet[str]
    """Keys of what stands outside every "not"."""
    denied: AbstractSet[str]
    """Keys of what stands inside the scope of one, and of fields that are false."""
    families: AbstractSet[str]
    """First letters of the affirmed words, by which derived words are recognised."""
    near: AbstractSet[str]
    """Keys of what the numbers may be rounded to."""
    pairs: AbstractSet[tuple[str, str]]
    """Neighbouring words of weight within one sentence."""


def prepare(contexts: Iterable[str]) -> Contexts | NoContexts:
    """Read contexts once.

    Args:
        contexts: Passages, articles or records printed as text. Their order does not matter.

    Returns:
        What `ground` looks answers up in; `NoContexts` if no context holds a word or a number.
    """
    affirmed: set[str] = set()
    denied: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for text in contexts:
        readings = read(text)
        for _, form, is_denied, _ in readings:
            keep = denied if is_denied else affirmed
            keep.add(form.key)
            if form.also:
                keep.update(form.also)
        pairs.update(_neighbours((form.key, opens) for _, form, _, opens in readings))
    if not affirmed and not denied:
        return NoContexts()
    return Contexts(
        affirmed=affirmed,
        denied=denied,
        families={key[:_FAMILY] for key in affirmed if _FAMILY <= len(key) <= _FAMILY_LONGEST},
        near={near for key in affirmed | denied if key[0] == "#" for near in rounded(key)},
        pairs=pairs,
    )


def ground(
    answer: str, contexts: Sequence[str] | Contexts | NoContexts, question: str = ""
) -> Grounding | NoClaims | NoContexts:
    """Weigh what an answer says against its contexts.

    Less context never gives a better score, and a sentence copied from a context scores 1.

    Args:
        answer: What the agent said.
        contexts: What it was to be drawn from, or the result of `prepare` for many answers.
        question: What was asked; its words need no support, since an answer repeats them.

    Returns:
        The grounding; `NoContexts` or `NoClaims` where there is no evidence either way.
    """
    ready = contexts if isinstance(contexts, Contexts | NoContexts) else prepare(contexts)
    if isinstance(ready, NoContexts):
        return ready
    asked = {key for _, form, _, _ in read(question) for key in (form.key, *form.also)}
    weighed = [_weigh(claim, ready, asked) for claim in claims(answer)]
    found = tuple(claim for claim, checked in weighed if checked > 0)
    if not found:
        return NoClaims()
    total = sum(claim.unsupported_weight for claim in found)
    return Grounding(
        score=THRESHOLD / (THRESHOLD + total),
        unsupported_weight=total,
        checked_weight=sum(checked for _, checked in weighed),
        claims=found,
    )


def _weigh(
    claim: Claim, contexts: Contexts, asked: AbstractSet[str]
) -> tuple[ClaimGrounding, float]:
    """Return a claim's grounding and the weight that was looked up for it."""
    found = tokens(claim.text)
    words = list(_weighed(claim.text, found))
    weights = [weight for _, weight in words]
    lacks = [
        0.0 if token.key in asked else weight * _lacking(token, contexts) for token, weight in words
    ]
    pairs = list(_neighbours((token.key, token.opens) for token in found))
    strange = [pair for pair in pairs if pair not in contexts.pairs]
    checked = sum(weights) + _RUN * sum(map(min, pairwise(weights))) + _PAIR * _lesser(pairs)
    lacking = sum(lacks) + _RUN * sum(map(min, pairwise(lacks))) + _PAIR * _lesser(strange)
    share = min(1.0, lacking / checked) if checked else 0.0
    numbers = sum(
        lack for (token, _), lack in zip(words, lacks, strict=True) if token.key[0] == "#"
    )
    missing = [token for (token, weight), lack in zip(words, lacks, strict=True) if lack > _INITIAL]
    grounding = ClaimGrounding(
        *claim,
        score=1.0 - share,
        unsupported_weight=numbers + (lacking - numbers) * share**_CONCENTRATION,
        unsupported=tuple(_spans(claim.text, missing)),
    )
    return grounding, checked


def _lacking(token: Token, contexts: Contexts) -> float:
    """Return how much of a token the contexts lack: 0 none of it, 1 all of it."""
    same, other = contexts.affirmed, contexts.denied
    if token.denied:
        same, other = other, same
    key = token.key
    if key[0] == "#":
        return _lacking_number(token, contexts)
    if key in same or not same.isdisjoint(token.also):
        return 0.0
    if _FAMILY <= len(key) <= _FAMILY_LONGEST and key[:_FAMILY] in contexts.families:
        return _CONTRADICTED if token.denied else _SIMILAR
    return _CONTRADICTED if key in other or not other.isdisjoint(token.also) else 1.0


def _lacking_number(token: Token, contexts: Contexts) -> float:
    """Return how much of a number is lacking; a "not" before a number denies something else."""
    stated = (contexts.affirmed, contexts.denied)
    if any(token.key in keys for keys in stated):
        return 0.0
    if token.key in contexts.near:
        return _SIMILAR
    # the digits are there, of another magnitude or half of the day
    if any(not keys.isdisjoint(token.also) for keys in stated):
        return _CONTRADICTED
    return 1.0


def _weighed(text: str, found: Iterable[Token]) -> Iterator[tuple[Token, float]]:
    """Yield what of a sentence has weight; "passage 2" and "[2]" only say where to look."""
    weights = _weights()
    pointing = False
    for token in found:
        key = token.key
        if key[0] == "#":
            if len(key) > 2:
                yield token, _NUMBER
            elif not pointing and not _is_bracketed(text, token):
                yield token, _DIGIT
            continue
        weight = weights.get(key, _UNCOMMON)
        pointing = key in _REFERENCES or (pointing and weight == 0)
        if token.also and token.also[0][0] == "#":
            weight = _NUMBER_WORD
        elif len(key) == 1:
            weight = min(weight, _INITIAL)
        elif token.name and weight > _INITIAL:
            weight *= _NAME
        if weight > 0:
            yield token, weight


def _is_bracketed(text: str, token: Token) -> bool:
    return text[token.start - 1 : token.start] == "[" and text[token.end : token.end + 1] == "]"


def _neighbours(found: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, str]]:
    """Yield the keys of each two words of weight that follow one another within a sentence."""
    light = _light()
    before = ""
    for key, opens in found:
        if opens:
            before = ""
        if key not in light:
            if before:
                yield before, key
            before = key


def _lesser(pairs: Iterable[tuple[str, str]]) -> float:
    """Return the sum of the lesser weight of each pair."""
    weights = _weights()
    return sum(
        min(weights.get(left, _UNCOMMON), weights.get(right, _UNCOMMON)) for left, right in pairs
    )


@cache
def _light() -> frozenset[str]:
    return frozenset(key for key, weight in _weights().items() if weight == 0)


@cache
def _weights() -> dict[str, float]:
    """Return the weight of each common stem; the commonest band of a stem counts."""
    return {stem(word): weight for words, weight in _BANDS for word in words.split()}


def _spans(text: str, missing: Sequence[Token]) -> Iterator[str]:
    """Yield unsupported words as written, those that stand close together as one."""
    start = end = -1
    for token in missing:
        if end >= 0 and token.start - end > _SPAN_GAP:
            yield text[start:end]
            start = token.start
        start = token.start if end < 0 else start
        end = token.end
    if end >= 0:
        yield text[start:end]
