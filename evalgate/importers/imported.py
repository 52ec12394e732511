"""What every importer returns, and how it reads what it is given."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from typing import Final, TypeVar

from pydantic import ValidationError

from evalgate.errors import ConfigError, DataError
from evalgate.schema.base import Json
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace
from evalgate.text.suggest import did_you_mean

Options = Mapping[str, str]
"""Options of an importer, by name; each importer says which it knows."""

_SHOWN: Final = 120
_HEX_DIGITS: Final = 16
_MAX_COUNT: Final = 2**53
"""A larger count is none."""
_MAX_ID: Final = 200
"""Longest id of a case, as in the schema."""
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Imported:
    """A golden set, traces, and what a person should know about them."""

    cases: tuple[Case, ...] = ()
    """Cases; the same task gives the same case whichever run it was read from."""
    traces: tuple[Trace, ...] = ()
    """Traces of these cases, ordered by case and trial as in the file."""
    notes: tuple[str, ...] = ()
    """What was assumed, left out or found odd, one sentence each."""


def check_options(options: Options, known: Iterable[str]) -> None:
    """Refuse an option an importer does not know.

    Raises:
        ConfigError: With the options there are.
    """
    allowed = sorted(known)
    for name in options:
        if name not in allowed:
            there_is = f"it knows {', '.join(allowed)}" if allowed else "it knows none"
            hint = did_you_mean(name, allowed)
            raise ConfigError(f"the importer has no option {name!r}{hint}; {there_is}")


def object_at(value: Json, where: str) -> dict[str, Json]:
    """Return an object.

    Args:
        value: What is there.
        where: JSON pointer, for the message.

    Raises:
        DataError: For anything else.
    """
    if isinstance(value, dict):
        return value
    raise unexpected(value, where, "an object")


def list_at(value: Json, where: str) -> list[Json]:
    """Return a list.

    Raises:
        DataError: For anything else.
    """
    if isinstance(value, list):
        return value
    raise unexpected(value, where, "a list")


def text_at(data: Mapping[str, Json], key: str, where: str) -> str:
    """Return the text under a key; a number or truth value is none.

    Raises:
        DataError: It is missing or something else.
    """
    value = data.get(key)
    if isinstance(value, str):
        return value
    raise unexpected(value, f"{where}/{key}", "a text")


def case_id_at(value: Json, where: str) -> str:
    """Return an id as one of a case: whole, or not at all.

    Raises:
        DataError: It is no text or number, is empty, too long, or holds control characters.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise unexpected(value, where, "a text or a number")
    if not text or len(text) > _MAX_ID or any(char < " " or char == "\x7f" for char in text):
        expected = f"an id of 1 to {_MAX_ID} characters, none of them a control character"
        found = f"{len(text)} characters, {text[:_SHOWN]!r}" if len(text) > _MAX_ID else repr(text)
        message = f"{where}: found {found}; expected {expected}"
        raise DataError(message, fix="give it another id in the file")
    return text


def once(seen: dict[_Key, str], key: _Key, where: str, what: str) -> None:
    """Refuse what occurs a second time.

    Args:
        seen: What occurred, and where; `key` is added.
        key: What may occur once.
        where: JSON pointer of this occurrence.
        what: Its name in the message.

    Raises:
        DataError: With both places.
    """
    if key in seen:
        raise DataError(f"{where}: found {what} again; {seen[key]} has it; expected it once")
    seen[key] = where


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Name the place of a value that no case and no trace can hold.

    Raises:
        DataError: For what the schema refuses, or a number out of range.
    """
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        field = "/".join(str(part) for part in first["loc"])
        shown = repr(first["input"])
        found = f"found {shown[:_SHOWN]} as {field}" if field else f"found {shown[:_SHOWN]}"
        raise DataError(f"{where or '/'}: {found}; {first['msg']}") from error
    except OverflowError as error:
        raise DataError(f"{where or '/'}: found a number that is too large ({error})") from error


def text_or_none(value: Json) -> str | None:
    """Return a text that is not empty, else null."""
    return value if isinstance(value, str) and value else None


def number_or_none(value: Json) -> float | None:
    """Return a number, also one written as text, else null; truth values are no numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def tokens_or_none(value: Json) -> int | None:
    """Return a count of tokens, else null."""
    number = number_or_none(value)
    counted = number is not None and 0 <= number <= _MAX_COUNT and number.is_integer()
    return int(number) if number is not None and counted else None


def fingerprint(text: str) -> str:
    """Return 16 hexadecimal digits of a text, e.g. a system prompt."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HEX_DIGITS]


def unexpected(value: Json, where: str, expected: str) -> DataError:
    """Make the error of a value that is something else than expected, or not there."""
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    found = "is missing or null" if value is None else f"found {shown}"
    return DataError(f"{where or '/'}: {found}; expected {expected}")
