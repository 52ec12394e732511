"""Words and numbers of a text, each with the keys it is compared by.

English, with the shapes that retrieved contexts have: passages, news, and records printed as JSON
(`"OutdoorSeating": false` denies two words, `"WiFi": null` says nothing of any). Every pattern is
linear in the length of the text, whatever the text.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from evalgate.text.numerals import NUMBER, NUMERALS, numeral
from evalgate.text.stem import stem


class Form(NamedTuple):
    """What a word or number is, wherever it stands."""

    key: str
    """What it is compared by: the stem of a word, or `#` and the plain value of a number."""
    also: tuple[str, ...]
    """Other keys it supports: `#12` for twelve, `#5:30` for 5:30 PM, the parts of CamelCase."""
    capital: bool
    reach: int
    """Over how many words it denies; below 0, how many of those words it uses up."""


class Token(NamedTuple):
    """One word or number of a text."""

    start: int
    """Offset of its first character in the text."""
    end: int
    """Offset after its last character."""
    key: str
    """As in `Form`."""
    also: tuple[str, ...]
    """As in `Form`."""
    denied: bool
    """Whether it stands in the scope of a "not", or is the name of a field that is false."""
    name: bool
    """Whether it is a capitalised word inside a sentence."""
    opens: bool
    """Whether a sentence ends before it."""


Reading = tuple[str, Form, bool, bool]
"""A word or number as written, its form, whether it is denied, whether it opens a sentence."""

_DENY, _GRANT = "\x01", "\x02"
_TOKEN = re.compile(
    rf"[^\W\d_]+(?:['\u2019][^\W\d_]+)*+|{NUMBER}|[%$€£]|[.,;:!?()\n{_DENY}{_GRANT}]",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_FIELD = re.compile(
    r"\b(\w{1,60}+)[\"']?\s{0,3}+:\s{0,3}+[\"']?(false|no|none|null)\b"
    r"(?=[\"']?\s{0,3}(?:[,}\]\n]|$))",
    re.IGNORECASE,
)
_STOPS = frozenset(".!?\n")
_PAUSES = frozenset(",;:()")
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


def read(text: str) -> list[Reading]:
    """Return the words and numbers of a text, in order, as plain tuples.

    Args:
        text: Any text. The scope of a "not" ends with its clause.

    Returns:
        One tuple a word or number. A field whose value is null is left out: it says nothing.
    """
    if ":" in text:
        text = _FIELD.sub(_field, text)
    found: list[Reading] = []
    scope = 0
    field = opens = False
    for raw in _TOKEN.findall(text):
        form = _form(raw)
        if form is None:
            scope = 0
            opens = opens or raw in _STOPS
            if raw not in _STOPS and raw not in _PAUSES:
                field = raw == _DENY
            continue
        found.append((raw, form, field or scope > 0, opens))
        opens = False
        if form.reach > 0:
            scope = form.reach
        elif scope:
            scope = max(0, scope + form.reach)
    return found


def tokens(text: str) -> list[Token]:
    """Return what `read` returns, with the place of each word in the text."""
    return list(_located(text, read(text)))


def _located(text: str, readings: Iterable[Reading]) -> Iterable[Token]:
    end = 0
    for raw, (key, also, capital, _), denied, opens in readings:
        start = text.find(raw, end)
        end = start + len(raw)
        yield Token(start, end, key, also, denied, capital and _is_inside(text, start), opens)


def _field(match: re.Match[str]) -> str:
    """Mark the name of a field that is false, and drop one that is null."""
    return " . " if match[2].lower() in {"null", "none"} else f"{_DENY}{match[1]}{_GRANT}"


@lru_cache(maxsize=65_536)
def _form(raw: str) -> Form | None:
    """Return the form of a word or number; None for a mark."""
    first = raw[0]
    if first.isdigit():
        return Form(*numeral(raw[:_LONGEST]), capital=False, reach=0)
    if not first.isalpha() and first not in _SYMBOLS:
        return None
    raw = raw[:_LONGEST]
    word = _SYMBOLS.get(raw) or _plain(raw)
    return Form(stem(word), _other_keys(raw, word), first.isupper(), _reach(raw, word))


def _reach(raw: str, word: str) -> int:
    if word in _NOT or raw.endswith(("n't", "n\u2019t")):
        return _SCOPE
    if word == "only":  # "not only" denies nothing
        return -_SCOPE
    return -1 if len(word) > _SHORT else 0


def _plain(raw: str) -> str:
    word = raw.lower()
    if not word.isascii():
        letters = unicodedata.normalize("NFKD", word.replace("\u2019", "'"))
        word = "".join(letter for letter in letters if not unicodedata.combining(letter)) or word
    if "'" in word:
        head, _, tail = word.partition("'")
        word = head if head and len(tail) < _SHORT else word.replace("'", "")
    return word


def _is_inside(text: str, start: int) -> bool:
    """Tell a word inside a sentence from one that opens a sentence, a quote or a heading."""
    return (
        start > 1
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
