"""What every importer returns, and how it reads what it is given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from evalgate.errors import ConfigError, DataError
from evalgate.schema.base import Json
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace
from evalgate.text.suggest import did_you_mean

__all__ = [
    "Imported",
    "Options",
    "check_options",
    "fingerprint",
    "list_at",
    "number_or_none",
    "object_at",
    "text_at",
    "text_or_none",
    "tokens_or_none",
]

Options = Mapping[str, str]
"""Options of an importer, by name; each importer says which it knows."""

_SHOWN: Final = 120
_HEX_DIGITS: Final = 16


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
    raise _unexpected(value, where, "an object")


def list_at(value: Json, where: str) -> list[Json]:
    """Return a list.

    Raises:
        DataError: For anything else.
    """
    if isinstance(value, list):
        return value
    raise _unexpected(value, where, "a list")


def text_at(data: Mapping[str, Json], key: str, where: str) -> str:
    """Return the text under a key; a number or truth value is none.

    Raises:
        DataError: It is missing or something else.
    """
    value = data.get(key)
    if isinstance(value, str):
        return value
    raise _unexpected(value, f"{where}/{key}", "a text")


def text_or_none(value: Json) -> str | None:
    """Return a text that is not empty, else null."""
    return value if isinstance(value, str) and value else None


def number_or_none(value: Json) -> float | None:
    """Return a number, also one written as text, else null; truth values are no numbers."""
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return None
        return number if abs(number) < float("inf") else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None


def tokens_or_none(value: Json) -> int | None:
    """Return a count of tokens, else null."""
    number = number_or_none(value)
    return int(number) if number is not None and number >= 0 and number.is_integer() else None


def fingerprint(text: str) -> str:
    """Return 16 hexadecimal digits of a text, e.g. a system prompt."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HEX_DIGITS]


def _unexpected(value: Json, where: str, expected: str) -> DataError:
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    return DataError(f"{where or '/'}: found {shown}; expected {expected}")
