"""Words and numbers of a text, each with the keys it is compared by.

English, with the shapes that retrieved contexts have: passages, news, and records printed as JSON
(`"OutdoorSeating": false` denies two words, `"WiFi": null` says nothing of any). Every pattern is
linear in the length of the text, whatever the text.
"""

import re
import unicodedata
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from evalgate.text.numerals import NUMERALS, numeral
from evalgate.text.stem import stem

__all__ = ["Token", "keys", "tokens"]


class Token(NamedTuple):
    """One word or number."""

    start: int
    """Offset of its first character in the text."""
    end: int
    """Offset after its last character."""
    key: str
    """What it is compared by: the stem of a word, or `#` and the plain value of a number."""
    also: tuple[str, ...]
    """Other keys that mean the same: `#12` for twelve, `#17:30` for 5:30 PM, CamelCase parts."""
    denied: bool
    """Whether it stands in the scope of a "not", or is the name of a field that is false."""
    name: bool
    """Whether it is a capitalised word inside a sentence."""


class _Field(Enum):
    DENIED = "its value is false"
    UNKNOWN = "its value is null, or it is such a value itself"


_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*+|\d+(?:[.,:]\d+)*+|[%$€£]")
_CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_FIELD = re.compile(
    r"\b(\w{1,60}+)[\"']?\s{0,3}+:\s{0,3}+[\"']?(false|no|none|null)\b"
    r"(?=[\"']?\s{0,3}(?:[,}\]\n]|$))",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[,;:.!?()\n]")
_SYMBOLS = {"%": "percent", "$": "dollar", "€": "euro", "£": "pound"}
_STATES = (
    "AL=alabama AK=alaska AZ=arizona AR=arkansas CA=california CO=colorado CT=connecticut "
    "DE=delaware FL=florida GA=georgia HI=hawaii ID=idaho IL=illinois IN=indiana IA=iowa "
    "KS=kansas KY=kentucky LA=louisiana ME=maine MD=maryland MA=massachusetts MI=michigan "
    "MN=minnesota MS=mississippi MO=missouri MT=montana NE=nebraska NV=nevada OH=ohio "
    "OK=oklahoma OR=oregon PA=pennsylvania TN=tennessee TX=texas UT=utah VT=vermont "
    "VA=virginia WA=washington WI=wisconsin WY=wyoming US=america UK=britain"
)
_STATE_KEYS = {pair[:2]: (stem(pair[3:]),) for pair in _STATES.split()}
_DENIALS = "not no never without cannot none neither nor lack lacks unable"
_NOT = frozenset(_DENIALS.split())
_SCOPE = 3
_SHORT = 3
_LONGEST = 200


def keys(token: Token) -> tuple[str, ...]:
    """Return every key that a token may be found under."""
    return (token.key, *token.also)


def tokens(text: str) -> list[Token]:
    """Return the words and numbers of a text, in order.

    Args:
        text: Any text, ideally one sentence: the scope of a "not" ends with a clause.

    Returns:
        Tokens with offsets into `text`. A field whose value is null is left out: it says nothing.
    """
    fields = _fields(text) if ":" in text else {}
    found: list[Token] = []
    scope = 0
    last = 0
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        raw = match[0][:_LONGEST]
        if scope and _CLAUSE_END.search(text, last, start):
            scope = 0
        last = end
        field = fields.get(start) if fields else None
        if field is _Field.UNKNOWN:
            continue
        denied = scope > 0 or field is _Field.DENIED
        if raw[0].isdigit():
            found.append(Token(start, end, *numeral(raw, text, start), denied, name=False))
            continue
        word = _SYMBOLS.get(raw) or _plain(raw)
        also = _other_keys(raw, word)
        found.append(Token(start, end, stem(word), also, denied, _is_name(raw, text, start)))
        scope = _scope_after(raw, word, scope)
    return found


def _scope_after(raw: str, word: str, scope: int) -> int:
    """Return over how many more words of weight a "not" reaches."""
    if word in _NOT or raw.endswith(("n't", "n\u2019t")):
        return _SCOPE
    if word == "only":  # "not only" denies nothing
        return 0
    return scope - 1 if scope and len(word) > _SHORT else scope


def _fields(text: str) -> Mapping[int, _Field]:
    """Return what the record says of the words that begin at these offsets."""
    states: dict[int, _Field] = {}
    for match in _FIELD.finditer(text):
        absent = match[2].lower() in {"null", "none"}
        for word in _TOKEN.finditer(text, match.start(1), match.end(1)):
            states[word.start()] = _Field.UNKNOWN if absent else _Field.DENIED
        states[match.start(2)] = _Field.UNKNOWN
    return states


def _plain(raw: str) -> str:
    word = raw.lower()
    if not word.isascii():
        letters = unicodedata.normalize("NFKD", word.replace("\u2019", "'"))
        word = "".join(letter for letter in letters if not unicodedata.combining(letter)) or word
    if "'" in word:
        head, _, tail = word.partition("'")
        word = head if head and len(tail) < _SHORT else word.replace("'", "")
    return word


def _is_name(raw: str, text: str, start: int) -> bool:
    """Tell a capital inside a sentence from the capital that opens one, a quote or a heading."""
    return (
        raw[0].isupper()
        and start > 1
        and text[start - 1] not in "\"'\u201c\u2018(*#\n"
        and text[start - 2] not in ".!?:\n-\u2022*"
    )


def _other_keys(raw: str, word: str) -> tuple[str, ...]:
    if word in NUMERALS:
        return (NUMERALS[word],)
    if len(raw) == 2 and raw in _STATE_KEYS:
        return _STATE_KEYS[raw]
    if raw.islower() or raw[1:].islower() or raw.isupper() or len(raw) == 1:
        return ()
    return tuple(stem(part.lower()) for part in _CAMEL.findall(raw))
