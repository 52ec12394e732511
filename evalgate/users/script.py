"""Where a simulated user leaves its script: rules that need no model.

They find what is certain: an identifier the script does not hold, another value for a fact, a text
it must never say, a stop too early or never, a user that loops or speaks for the assistant. What
only a reader can tell, a goal in other words say, is left to a judge.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from evalgate.schema.golden import SimulatedUser
from evalgate.text.counts import number_of
from evalgate.text.escape import cap
from evalgate.users.ending import ending_of, stops_of
from evalgate.users.prompt import Said

_LONGEST: Final = 10_000
"""Characters of one message of a user; more is no message of a person."""
_SAME: Final = 3
"""Equal messages in a row that are a loop."""
_SHOWN: Final = 80

_STOP_LIKE: Final = re.compile(r"###[A-Z][A-Z_-]*###")
_AS_ASSISTANT: Final = re.compile(
    r"\bhow (?:can|may|could) i (?:help|assist) you\b|\bas an ai (?:language model|assistant)\b",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(
    r"[^\s\"'`,;:!?()\[\]{}<>*|=\u2013\u2014\u2026\u201c\u201d\u2018\u2019]+"
)
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_DATE_OR_TIME: Final = re.compile(
    r"\d{4}-\d\d?-\d\d?(?:T.*)?|\d\d?[./-]\d\d?(?:[./-]\d{2,4})?|(?:19|20)\d\d(?:s|th)?"
)
_MONEY: Final = re.compile(r"[$\u20ac\u00a3\u00a5]|[%]$")
_QUANTITY: Final = re.compile(
    r"\d+(?:[.,]\d+)*(?:st|nd|rd|th|s|x|k|am|pm|h|hrs?|hours?|min|mins|sec|d|days?|gb|mb|tb|kb|kg|g|"
    r"lbs?|oz|ml|l|cm|mm|m|km|in|inch(?:es)?|ft|w|watts?|v|mah|mbps|gbps|p|fps|hz|ghz|mp|usd|eur|"
    r"gbp|-?[a-z]{3,}(?:-[a-z]+)*)?",
    re.IGNORECASE,
)
_PIECE: Final = re.compile(r"[^\W_]+")
_DIGITS: Final = re.compile(r"\d+")
_LONG_NUMBER: Final = 5
"""Digits of a number that stands for something and is no amount."""
_SHORT_NUMBER: Final = 3
"""Digits from which on a number is told from another one of the same length."""


def broken_by(user: SimulatedUser, said: Sequence[Said], text: str) -> str | None:
    """Say where a message leaves the script; null: nowhere that a rule sees.

    Args:
        user: The script.
        said: The conversation before the message.
        text: The message.
    """
    found = (
        _no_message(text)
        or _no_stop_of_its_own(user, text)
        or _too_early(user, said, text)
        or _loop(said, text)
        or _forbidden(user, text)
    )
    return found or next(_wrong_facts(user, said, text), None)


def never_stopped(user: SimulatedUser, said: Sequence[Said]) -> str:
    """Say that a user went on past its last turn."""
    count = sum(role == "user" for role, _ in said)
    return (
        f"it did not stop after {count} messages (max_turns: {user.max_turns}); expected one of "
        f"{', '.join(stops_of(user))}"
    )


def _no_message(text: str) -> str | None:
    if not text.strip():
        return "it said nothing"
    if len(text) > _LONGEST:
        return f"its message has {len(text):,} characters, more than the {_LONGEST:,} of a person's"
    if _AS_ASSISTANT.search(text):
        return f"it spoke as the assistant: {_quoted(text)}"
    return None


def _no_stop_of_its_own(user: SimulatedUser, text: str) -> str | None:
    stray = [word for word in _STOP_LIKE.findall(text) if word not in stops_of(user)]
    if not stray or ending_of(text, user) is not None:
        return None
    return f"it stopped with {stray[0]!r}; expected one of {', '.join(stops_of(user))}"


def _too_early(user: SimulatedUser, said: Sequence[Said], text: str) -> str | None:
    ending = ending_of(text, user)
    if ending is None:
        return None
    roles = [role for role, _ in said]
    if "assistant" not in roles:
        return f"it stopped ({ending}) before the agent had said anything"
    first = roles.index("user") if "user" in roles else len(roles)
    answered = roles[first:].count("assistant")
    if ending == "reached" and answered < user.min_turns:
        return (
            "it stopped as if its goal were reached after "
            f"{number_of(answered, 'answered message')}; its "
            f"script takes {user.min_turns} (min_turns)"
        )
    return None


def _loop(said: Sequence[Said], text: str) -> str | None:
    before = [_plain(old) for role, old in said if role == "user"][1 - _SAME :]
    if len(before) == _SAME - 1 and set(before) == {_plain(text)}:
        return f"it said the same thing {_SAME} times in a row: {_quoted(text)}"
    return None


def _forbidden(user: SimulatedUser, text: str) -> str | None:
    plain = _plain(text)
    for never in user.never:
        if _plain(never) in plain:
            return f"it invented a goal: its script never says {never!r}: {_quoted(text)}"
    return None


def _wrong_facts(user: SimulatedUser, said: Sequence[Said], text: str) -> Iterator[str]:
    """Find values that the user gives and does not have."""
    told = [user.goal, user.persona or "", *(str(value) for value in user.facts.values())]
    known = {piece for source in (*told, *(old for _, old in said)) for piece in _pieces(source)}
    for stop in stops_of(user):
        text = text.replace(stop, " ")
    for token in _tokens(text):
        if known & _names(token):
            continue
        fact = _same_shape(token, user)
        if fact is not None:
            yield f"it gave away {token!r}; {fact[0]!r} of its facts is {fact[1]!r}"
        elif _is_identifier(token):
            yield f"it gave away {token!r}, which its script does not hold"
    yield from _other_values(user, text)


def _tokens(text: str) -> Iterator[str]:
    for token in _TOKEN.findall(text):
        yield token.strip(".#-_/\\~+&")


def _names(token: str) -> set[str]:
    """Return what a token may be known by: the whole of it without separators."""
    whole = "".join(_PIECE.findall(token.casefold()))
    return {whole, whole.lstrip("0") or "0"}


def _pieces(text: str) -> Iterator[str]:
    """Yield all that a text makes known: tokens, their parts, and the numbers in them."""
    for token in _tokens(text):
        yield from _names(token)
        for piece in _PIECE.findall(token.casefold()):
            yield piece
            yield from _DIGITS.findall(piece)


def _is_identifier(token: str) -> bool:
    """Return whether a token stands for one thing in the world: an order, an address, a number."""
    if _EMAIL.fullmatch(token):
        return True
    if _DATE_OR_TIME.fullmatch(token) or _MONEY.search(token):
        return False
    digits = sum(c.isdigit() for c in token)
    if any(c.isalpha() for c in token):
        long_enough = digits >= _SHORT_NUMBER or (digits >= 1 and len(token) >= _LONG_NUMBER + 1)
        return long_enough and not _QUANTITY.fullmatch(token)
    return token.isdigit() and digits >= _LONG_NUMBER


def _same_shape(token: str, user: SimulatedUser) -> tuple[str, object] | None:
    """Return the fact whose value a token has the shape of, letter for letter, digit for digit."""
    if _DATE_OR_TIME.fullmatch(token) or _MONEY.search(token):
        return None
    shape = _shape(token)
    if shape.count("9") < _SHORT_NUMBER:
        return None
    for name, value in user.facts.items():
        if not isinstance(value, bool) and _shape(str(value)) == shape:
            return name, value
    return None


def _shape(text: str) -> str:
    return "".join(
        "9" if c.isdigit() else "a" if c.isalpha() else c for c in text.strip(".#-_/\\~+& ")
    )


def _other_values(user: SimulatedUser, text: str) -> Iterator[str]:
    """Find `my NAME is VALUE` with a value that is not the fact's; only for words and names."""
    for name, value in user.facts.items():
        if not isinstance(value, str) or any(c.isdigit() for c in value):
            continue
        words = r"[ _-]".join(map(re.escape, _PIECE.findall(name.casefold())))
        if not words:
            continue
        pattern = rf"\b(?i:my|the) (?i:{words})(?i: is|:) ([A-Z][^\W\d_]*(?: [A-Z][^\W\d_]*)*)"
        for given in re.findall(pattern, text):
            if not set(_PIECE.findall(given.casefold())) & set(_PIECE.findall(value.casefold())):
                yield f"it gave away {given!r}; {name!r} of its facts is {value!r}"


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _quoted(text: str) -> str:
    return repr(cap(text, _SHOWN))
