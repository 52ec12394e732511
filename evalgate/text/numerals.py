"""Numbers as prose writes them, brought to one plain spelling.

`1,100` and `1100`, `4.2 million` and `4,200,000`, `17:30`, `17:30:00` and `5:30 PM`, `2024-03-04`
and March share a key. A key is text and never a float, so nothing is lost on the way.
"""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final

from evalgate.text.stem import stem

_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth"
_TENS = "thirty forty fifty sixty seventy eighty ninety"

NUMERALS: dict[str, str] = (
    {word: f"#{value}" for value, word in enumerate(_WORDS.split())}
    | {word: f"#{value}" for value, word in enumerate(_ORDINALS.split(), start=1)}
    | {word: f"#{10 * value}" for value, word in enumerate(_TENS.split(), start=3)}
    | {"once": "#1", "twice": "#2", "half": "#0.5", "dozen": "#12", "hundred": "#100"}
    | {"thousand": "#1000", "million": "#1000000", "noon": "#12:00", "midnight": "#0:00"}
)
"""The key of each number that is written as a word."""

_SCALES = {
    "hundred": 2, "thousand": 3, "k": 3, "million": 6, "m": 6, "mn": 6, "billion": 9, "bn": 9,
    "b": 9, "trillion": 12,
}  # fmt: skip
_MONTHS = "january february march april may june july august september october november december"
NUMBER = (
    r"\d+(?:[.,:]\d+)*+"
    r"(?:-\d\d(?=-\d\d\b)|\s?[ap]\.?\s?m\b"
    r"|[\s-]?(?:hundred|thousand|(?:m|b|tr)illion|mn|bn|[kmb])\b)?"
)
"""A number and what gives it its value: AM or PM, a scale, or the month after a year; no groups."""

_PARTS = re.compile(r"([\d.,:]*\d)[\s-]?(.*)", re.DOTALL)
_DIGITS = 15
_AFTER_YEARS = 2100
_HOURS = 24

NUMBER_EDGE: Final = r"[0-9A-Za-z_\u00aa-\u058f\u1e00-\u1fff]"
"""What a number does not follow: a digit, or a letter of a script that sets blanks between words.

Chinese, Japanese, Korean, Thai or Arabic letters stand beside numbers without a blank.
"""

_CURRENCIES: Final = "USD|EUR|GBP|JPY|CNY|RMB|INR|KRW|CHF|CAD|AUD|THB|US|Rs"
_BLANKS: Final = "\u00a0\u2009\u202f"
_WRITTEN: Final = re.compile(
    rf"(?:(?<!{NUMBER_EDGE})(?:{_CURRENCIES})|(?<!{NUMBER_EDGE[:-1]}.,])|(?<=\.\.))"
    r"(?P<sign>[-+\u2212]?)[$\u20ac\u00a3\u00a5\u20b9\u20a9\u20bd\u0e3f]?"
    r"(?:(?P<whole>\d{1,3}(?:,\d{3})+(?![\d,]*\d)|\d{1,2}(?:,\d{2})+,\d{3}(?![\d,]*\d)"
    rf"|\d{{1,3}}(?:['\u2019]\d{{3}})+(?!\d)|\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+(?!\d)|\d{{1,40}})"
    r"(?P<decimals>\.\d{1,40})?|(?<!\.\.)(?P<bare>\.\d{1,40}))"
    r"(?P<exponent>[eE][-+]?\d{1,2})?(?!\d)"
)
_GROUPING: Final = re.compile(rf"[,'\u2019{_BLANKS}]")
_ARABIC_POINT: Final = str.maketrans("\u066b\u066c", ".,")


def plain_digits(text: str) -> str:
    """Write the digits of every script, full-width ones included, as 0 to 9."""
    if text.isascii():
        return text
    plain = text.translate(_ARABIC_POINT)
    return "".join(
        char if char.isascii() or not char.isdecimal() else str(unicodedata.decimal(char))
        for char in plain
    )


def numbers(text: str) -> Iterator[Fraction]:
    """Yield the numbers of a text, exactly as their decimals are written.

    A number may have a sign, a currency, thousands in groups and an exponent, may begin with its
    decimal point, and may stand beside letters of a script that sets no blanks.
    """
    for match in _WRITTEN.finditer(plain_digits(text)):
        whole = _GROUPING.sub("", match["whole"] or "")
        decimals = match["decimals"] or match["bare"] or ""
        value = Fraction(f"{whole or '0'}{decimals}{match['exponent'] or ''}")
        yield -value if match["sign"] in ("-", "\u2212") else value


def numeral(raw: str) -> tuple[str, tuple[str, ...]]:
    """Return the key of a number and the keys of what else it supports.

    Args:
        raw: A number as `NUMBER` matches it.

    Returns:
        `#` and the plain value: scaled by "million", on a 24-hour clock, or the year of a date.
        Then the digits as they stand, without the scale or the half of the day; or the name and
        the number of the month.
    """
    if raw.isdecimal():
        return "#" + (raw.lstrip("0") or "0"), ()
    parts = _PARTS.match(raw)
    digits, tail = (parts[1], parts[2].lower()) if parts else (raw, "")
    value = digits.replace(",", "") if "," in digits and _is_grouped(digits) else digits
    plain = "#" + _trim(value)
    exact = _clock(value, tail) or _scaled(value, tail)
    if exact is None:
        return plain, _month(tail)
    return exact, (plain,) if plain != exact else ()


def rounded(key: str) -> tuple[str, ...]:
    """Return the keys of what a writer may round this number to; none for a year.

    Args:
        key: A key of `numeral`.

    Returns:
        Two and three significant digits of a whole number of three digits or more; the whole
        number and one decimal of a fraction.
    """
    head, _, tail = key[1:].partition(".")
    size = len(head)
    if not (size <= _DIGITS and head.isdecimal() and len(tail) <= _DIGITS):
        return ()
    whole = int(head)
    if tail.isdecimal():
        return (f"#{whole + (tail[0] >= '5')}", f"#{_trim(f'{float(key[1:]):.1f}')}")
    if size < 3 or (size == 4 and whole < _AFTER_YEARS):
        return ()
    units = [10 ** (size - kept) for kept in (2, 3) if kept < size]
    return tuple(f"#{(whole + unit // 2) // unit * unit}" for unit in units)


def _is_grouped(raw: str) -> bool:
    groups = raw.partition(".")[0].split(",")
    return len(groups) > 1 and all(len(group) == 3 for group in groups[1:])


def _clock(value: str, tail: str) -> str | None:
    hour, *rest = value.split(":")
    half = tail[:1] if tail.endswith("m") and tail[:1] in {"a", "p"} else ""
    if not (rest or half) or len(hour) > 2 or not hour.isdecimal() or int(hour) > _HOURS:
        return None
    minute = int(rest[0]) if rest and rest[0].isdecimal() and len(rest[0]) <= 2 else 0
    shift = 12 if half == "p" else 0
    return f"#{int(hour) % 12 + shift if half else int(hour)}:{minute:02d}"


def _scaled(value: str, tail: str) -> str | None:
    power = _SCALES.get(tail)
    if power is None or len(value) > _DIGITS or not value.replace(".", "", 1).isdecimal():
        return None
    return f"#{_trim(f'{Decimal(value).scaleb(power):f}')}"


def _month(tail: str) -> tuple[str, ...]:
    if len(tail) != 2 or not tail.isdecimal() or not 1 <= int(tail) <= 12:
        return ()
    return (stem(_MONTHS.split()[int(tail) - 1]), f"#{int(tail)}")


def _trim(value: str) -> str:
    """Drop what does not change the value: leading zeros, zeros after the decimals."""
    head, dot, tail = value.partition(".")
    head = head.lstrip("0") or "0"
    if not dot:
        return head
    tail = tail.rstrip("0")
    return f"{head}.{tail}" if tail else head
