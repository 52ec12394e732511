"""Numbers as prose writes them, brought to one plain spelling.

`1,100` and `1100`, `4.2 million` and `4,200,000`, `17:30`, `17:30:00` and `5:30 PM`, `2024-03-04`
and March share a key. A key is text and never a float, so nothing is lost on the way.
"""

import re
from decimal import Decimal

from evalgate.text.stem import stem

__all__ = ["NUMERALS", "numeral", "rounded"]

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
_HALF_DAY = re.compile(r"(?::\d\d)?\s{0,2}([ap])\.?\s?m\b", re.IGNORECASE)
_SCALE = re.compile(r"[\s-]?([a-z]+)\b", re.IGNORECASE)
_DATE_TAIL = re.compile(r"-(\d\d)-\d\d\b")
_DIGITS = 15
_HOURS = 24
_FIRST_YEAR, _LAST_YEAR = 1000, 2100


def numeral(raw: str, text: str, start: int) -> tuple[str, tuple[str, ...]]:
    """Return the key of a number and the other keys that mean the same.

    Args:
        raw: The digits as they stand, with inner `.`, `,` and `:`.
        text: The text around them, for "million", "PM" and the rest of a date.
        start: Offset of the first digit in `text`.

    Returns:
        `#` and the plain value; and the scaled value, the time on a 24-hour clock, or the stem of
        the month, where the number is one of these.
    """
    value = raw.replace(",", "") if _is_grouped(raw) else raw
    end = start + len(raw)
    also = (*_clock(value, text, end), *_scaled(value, text, end), *_month(value, text, end))
    return "#" + _trim(value), also


def rounded(key: str) -> tuple[str, ...]:
    """Return the keys of what a writer may round this number to; none for a year.

    Args:
        key: A key of `numeral`.

    Returns:
        To the whole number, to one decimal, and to one, two and three significant digits.
    """
    digits = key[1:]
    if len(digits) > _DIGITS or not digits.replace(".", "", 1).isdecimal():
        return ()
    exact = Decimal(digits)
    if len(digits) < 3 or ("." not in digits and _FIRST_YEAR <= exact <= _LAST_YEAR):
        return ()
    places = {exact.adjusted() - kept for kept in (0, 1, 2)} | {0, -1}
    near = {round(exact / Decimal(10) ** place) * Decimal(10) ** place for place in places}
    return tuple(sorted({f"#{_trim(f'{value:f}')}" for value in near} - {key}))


def _is_grouped(raw: str) -> bool:
    groups = raw.partition(".")[0].split(",")
    return len(groups) > 1 and all(len(group) == 3 for group in groups[1:])


def _clock(value: str, text: str, end: int) -> tuple[str, ...]:
    hour, *rest = value.split(":")
    if len(hour) > 2 or not hour.isdecimal() or int(hour) > _HOURS:
        return ()
    half = _HALF_DAY.match(text, end, end + 10)
    if half is None and not rest:
        return ()
    minute = int(rest[0]) if rest and rest[0].isdecimal() and len(rest[0]) <= 2 else 0
    shift = 12 if half is not None and half[1] in "pP" else 0
    return (f"#{int(hour) if half is None else int(hour) % 12 + shift}:{minute:02d}",)


def _scaled(value: str, text: str, end: int) -> tuple[str, ...]:
    scale = _SCALE.match(text, end, end + 10)
    power = _SCALES.get(scale[1].lower()) if scale else None
    if power is None or len(value) > _DIGITS or not value.replace(".", "", 1).isdecimal():
        return ()
    return (f"#{_trim(f'{Decimal(value).scaleb(power):f}')}",)


def _month(value: str, text: str, end: int) -> tuple[str, ...]:
    date = _DATE_TAIL.match(text, end) if len(value) == 4 else None
    return (stem(_MONTHS.split()[int(date[1]) - 1]),) if date and 1 <= int(date[1]) <= 12 else ()


def _trim(value: str) -> str:
    """Drop what does not change the value: leading zeros, zeros after the decimals."""
    head, dot, tail = value.partition(".")
    head = head.lstrip("0") or "0"
    if not dot:
        return head
    tail = tail.rstrip("0")
    return f"{head}.{tail}" if tail else head
