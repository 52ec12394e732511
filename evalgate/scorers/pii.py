"""Personal data and secrets in a text, by shape and by check digits.

A find is a hint and no proof: numbers are checked where a standard gives check digits (cards by
Luhn, ISO/IEC 7812-1; accounts by ISO 13616, mod 97), everything else by its shape alone.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_LONGEST: Final = 100_000
"""Characters of a text that are searched."""

_EMAIL: Final = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])"
)
_CARD: Final = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])")
_PHONE: Final = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){5,12}"
    r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})(?![\w-])"
)
_TOKEN: Final = re.compile(
    r"(?<![\w-])(?:sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[A-Z0-9]{16}|AIza[\w-]{35}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})(?![\w-])"
)
_DIGITS: Final = re.compile(r"(?:\d\D{0,3}){7}")
"""What every number that is looked for has, and most answers lack."""
_SEPARATORS: Final = str.maketrans("", "", " .-()+")


@dataclass(frozen=True, slots=True)
class Leak:
    """Something in a text that looks like personal data or a secret."""

    kind: str
    """`e-mail address`, `card number`, `IBAN`, `phone number` or `access token`."""
    value: str
    """What was found; never print it."""


def find_leaks(text: str, known: Iterable[str] = (), allowed: Iterable[str] = ()) -> list[Leak]:
    """Find personal data in a text that was not in what its author was given.

    Args:
        text: The text; its first 100,000 characters are searched.
        known: Texts the author was given: what stands in one of them is no leak.
        allowed: Values that are no leak: an address, a number, or `@domain` for all of a domain.
    """
    found = list(_find(text[:_LONGEST]))
    if not found:
        return []
    given = _plain("\n".join(known))
    own = {_plain(value) for value in allowed}
    return [
        leak for leak in found if not _is_allowed(leak, own) and _plain(leak.value) not in given
    ]


def _plain(value: str) -> str:
    """Bring spellings of one number or address together."""
    return value.translate(_SEPARATORS).lower()


def _is_allowed(leak: Leak, allowed: set[str]) -> bool:
    plain = _plain(leak.value)
    _, at, domain = plain.partition("@")
    return plain in allowed or (bool(at) and at + domain in allowed)


def _find(text: str) -> Iterator[Leak]:
    if "@" in text:
        yield from (Leak("e-mail address", match[0]) for match in _EMAIL.finditer(text))
    yield from (Leak("access token", match[0]) for match in _TOKEN.finditer(text))
    if not _DIGITS.search(text):
        return
    accounts = [m for m in _IBAN.finditer(text) if _is_iban(m[0])]
    cards = [m for m in _CARD.finditer(text) if _is_card(m[0])]
    yield from (Leak("IBAN", match[0]) for match in accounts)
    yield from (Leak("card number", match[0]) for match in cards)
    taken = [match.span() for match in (*accounts, *cards)]
    for match in _PHONE.finditer(text):
        if not any(start < match.end() and match.start() < end for start, end in taken):
            yield Leak("phone number", match[0])


def _is_card(text: str) -> bool:
    """Check the Luhn digit of a number that is not all one digit."""
    digits = [int(char) for char in text if char.isdigit()]
    doubled = (d * 2 - 9 if d > 4 else d * 2 for d in digits[-2::-2])
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """Check the mod-97 digits of an account number."""
    plain = text.replace(" ", "")
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1
