"""JSON from strangers: no NaN, no duplicate keys, no bombs; every refusal names its place.

`jiter` parses, and what it is more generous with is looked for in the whole text at once. What it
or this look refuses goes to the scanner of `json`, which decides; then the text is walked again to
find the line and column.
"""

import json
import marshal
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, NoReturn

import jiter

from evalgate.errors import DataError
from evalgate.schema.base import Json

MAX_DEPTH: Final = 100
"""Arrays and objects inside each other that are read by default."""

MAX_BYTES: Final = 256 * 1024 * 1024
"""Bytes (of UTF-8) that are read by default."""

_MAX_DIGITS: Final = 308
"""Integers with more digits do not fit a double, and no count or price needs them."""

_SHOWN: Final = 60
"""Characters of the input that a message repeats."""

_TOKEN: Final = re.compile(
    r'"(?P<string>[^"\\]*(?:\\.[^"\\]*)*)"'
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)|(?P<colon>:)"
    r"|(?P<constant>NaN|-?Infinity)"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)",
    re.DOTALL,
)
_STRING: Final = re.compile(rb'"[^"]*"')
_OTHER: Final = bytes(set(range(256)) - set(b'[]{}"'))
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_STEP: Final = {ord("["): 1, ord("]"): -1}
_NUMBERS: Final = bytes.maketrans(b"123456789+E", b"0000000000e")
"""Every digit as 0, and every exponent as `e` and digits."""
_INFINITE: Final = (b"\0\0\0\0\0\0\xf0\x7f", b"\0\0\0\0\0\0\xf0\xff")
"""Both infinities as `marshal` writes them; no UTF-8 text holds these bytes."""
_LONG: Final = b"0" * 200
"""A number of fewer digits needs an exponent of three to be infinite."""
_EXPONENT: Final = b"e000"
_BEFORE: Final = b"-,:[ \t\r\n"
"""What may stand before a number; a word may hold a digit, `e` and more digits, too."""
_NESTING: Final = 200
"""Arrays and objects inside each other that `jiter` reads; an empty one more."""
_SHALLOW: Final = 4096
"""Bytes in which brackets are counted faster than a document is put into more of them."""
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}|\\u[dD][c-fC-F]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_CONTROL: Final = re.compile(r"[\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class Parsed:
    """The data of a well-formed text."""

    value: Json


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text was refused, and where."""

    line: int
    """Line, from 1."""
    column: int
    """Column in characters, from 1."""
    found: str
    """What is there."""
    expected: str
    """What may be there."""

    def __str__(self) -> str:
        """Return the problem without its place."""
        return f"found {self.found}; expected {self.expected}"


class _RefusedError(Exception):
    """A hook met something that is no strict JSON; where is found out afterwards."""


def loads(
    text: str | bytes,
    *,
    source: str,
    line: int = 1,
    max_depth: int = MAX_DEPTH,
    max_bytes: int = MAX_BYTES,
) -> Json:
    """Read one JSON document strictly.

    Args:
        text: The document; bytes must be UTF-8 without a byte order mark.
        source: Name of the file, for messages.
        line: Line of the file on which the document starts, from 1.
        max_depth: Arrays and objects that may lie inside each other.
        max_bytes: Size that is read.

    Returns:
        The data. All numbers are finite; all strings can be written as UTF-8.

    Raises:
        DataError: For anything else, with file, line, column, what was found and what is allowed.
    """
    match parse(text, line=line, max_depth=max_depth, max_bytes=max_bytes):
        case Parsed(value):
            return value
        case Problem() as problem:
            place = f"{source}:{problem.line}:{problem.column}"
            raise DataError(f"{place}: {problem}", fix=_fix(problem))


def parse(
    text: str | bytes,
    *,
    line: int = 1,
    max_depth: int = MAX_DEPTH,
    max_bytes: int = MAX_BYTES,
) -> Parsed | Problem:
    """Read one JSON document strictly, and return the problem instead of raising it.

    Args:
        text: The document.
        line: Line on which it starts, from 1.
        max_depth: Arrays and objects that may lie inside each other.
        max_bytes: Size that is read.
    """
    if len(text) > max_bytes:
        found, expected = f"{len(text):,} bytes", f"at most {max_bytes:,} bytes"
        return Problem(line, 1, found, expected)
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    quick = _quick(raw, max_depth)
    if quick is not None:
        return quick
    decoded = _decoded(text, line) if isinstance(text, bytes) else text
    if isinstance(decoded, Problem):
        return decoded
    if (
        _too_deep(raw, max_depth)
        and (problem := _first_problem(decoded, line, max_depth)) is not None
    ):
        return problem
    return _scanned(decoded, line, max_depth)


def _scanned(text: str, line: int, max_depth: int) -> Parsed | Problem:
    """Parse with the scanner of `json`, whose hooks refuse what is not strict."""
    if text.startswith("\ufeff"):
        return Problem(line, 1, "a byte order mark (U+FEFF)", "UTF-8 without a byte order mark")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        return _malformed(text, error, line, max_depth)
    except _RefusedError:
        return _located(text, line, max_depth)
    if _SURROGATE_ESCAPE.search(text) or not (text.isascii() or _SURROGATE.search(text) is None):
        return _first_problem(text, line, max_depth) or Parsed(value)
    return Parsed(value)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise _RefusedError
    return data


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _RefusedError
    return value


def _int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise _RefusedError
    return int(digits)


def _constant(_name: str) -> NoReturn:
    raise _RefusedError


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_float, parse_int=_int, parse_constant=_constant
)


def _quick(raw: bytes, max_depth: int) -> Parsed | None:
    """Parse what is surely strict JSON; null: let the scanner say."""
    try:
        value = _nested(raw, max_depth)
    except ValueError:
        return None
    numbers = raw.translate(_NUMBERS)
    if not _may_overflow(numbers):
        return Parsed(value)
    if b"0" * (_MAX_DIGITS + 1) in numbers:
        return None
    # It reads 1e999 as infinity; of all walks through the value this is the quickest.
    written = marshal.dumps(value)
    return None if any(infinite in written for infinite in _INFINITE) else Parsed(value)


def _nested(raw: bytes, max_depth: int) -> Any:  # noqa: ANN401  # any JSON
    """Parse within so many arrays that whatever is too deep goes beyond what `jiter` reads."""
    shallow = len(raw) < _SHALLOW and raw.count(b"[") + raw.count(b"{") <= max_depth
    around = 0 if shallow else _NESTING + 1 - max_depth
    value = jiter.from_json(
        b"[" * around + raw + b"]" * around, allow_inf_nan=False, catch_duplicate_keys=True
    )
    for _ in range(around):
        [value] = value  # `1], [2` would be two
    return value


def _may_overflow(numbers: bytes) -> bool:
    """Say whether a number of a text, every digit as 0, may be too large for a double."""
    return _LONG in numbers or any(
        numbers[max(at - len(_LONG), 0) : at].rstrip(b"0.")[-1:] in _BEFORE
        for at in _places(numbers, _EXPONENT)
    )


def _places(text: bytes, part: bytes) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _too_deep(raw: bytes, max_depth: int) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= max_depth:
        return False
    escaped = raw.replace(rb"\\", b"").replace(rb"\"", b"") if b"\\" in raw else raw
    brackets = escaped.translate(_SQUARE, _OTHER).replace(b'""', b"")
    brackets = rest = _STRING.sub(b"", brackets) if b'"' in brackets else brackets
    for _ in range(max_depth):
        if not rest:
            return False
        rest = rest.replace(b"[]", b"")  # the innermost level
    return max(accumulate(_STEP.get(byte, 0) for byte in brackets), default=0) > max_depth


def _located(text: str, line: int, max_depth: int) -> Problem:
    problem = _first_problem(text, line, max_depth)
    return problem or Problem(line, 1, "a value that is no strict JSON", "strict JSON")


def _decoded(raw: bytes, line: int) -> str | Problem:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        place = _place(before, len(before), line)
        return Problem(*place, f"the byte 0x{raw[error.start]:02x}", "UTF-8 text")


def _malformed(text: str, error: json.JSONDecodeError, line: int, max_depth: int) -> Problem:
    """Name the first problem; a refused value may stand before the broken syntax."""
    at = error.pos
    earlier = _first_problem(text[:at], line, max_depth)
    if earlier is not None:
        return earlier
    place = _place(text, at, line)
    if not text.strip():
        return Problem(*place, "nothing", "a JSON value")
    if "control character" in error.msg and at < len(text):
        found = f"the control character U+{ord(text[at]):04X} inside a string"
        return Problem(*place, found, f"it escaped, as \\u{ord(text[at]):04x}")
    if error.msg.startswith("Extra data"):
        return Problem(*place, f"{_excerpt(text, at)} after the value", "one JSON value")
    if text[at:].strip() == "":
        return Problem(*place, "the end of the text", f"more: {_wanted(error)}")
    if error.msg.startswith("Unterminated string"):
        return Problem(*place, f"a string without its end: {_excerpt(text, at)}", "a closing quote")
    return Problem(*place, _excerpt(text, at), _wanted(error))


def _wanted(error: json.JSONDecodeError) -> str:
    message = error.msg.removeprefix("Expecting ")
    return {
        "value": "a JSON value",
        "property name enclosed in double quotes": "a key in double quotes",
        "',' delimiter": "a comma or the closing bracket",
        "':' delimiter": "a colon",
    }.get(message, f"valid JSON ({error.msg})")


def _excerpt(text: str, at: int) -> str:
    piece = text[at : at + _SHOWN].split("\n", 1)[0]
    return repr(piece) if at < len(text) else "the end of the text"


def _place(text: str, at: int, line: int) -> tuple[int, int]:
    above = text.count("\n", 0, at)
    return line + above, at - (text.rfind("\n", 0, at) + 1) + 1


def _first_problem(text: str, line: int, max_depth: int) -> Problem | None:
    """Walk the tokens up to the first one that strict JSON refuses."""
    for at, found, expected in _problems(text, max_depth):
        return Problem(*_place(text, at, line), found, expected)
    return None


def _problems(text: str, max_depth: int) -> Iterator[tuple[int, str, str]]:
    seen: list[dict[str, int] | None] = []
    key_next = False
    for token in _TOKEN.finditer(text):
        kind, at = token.lastgroup, token.start()
        if kind == "open":
            is_object = token.group() == "{"
            seen.append({} if is_object else None)
            key_next = is_object
            if len(seen) > max_depth:
                yield at, f"more than {max_depth} levels of nesting", f"at most {max_depth}"
                return
        elif kind == "close":
            key_next = False
            del seen[-1:]
        elif kind == "comma":
            key_next = bool(seen) and seen[-1] is not None
        elif kind == "string":
            yield from _string_problem(token)
            keys = seen[-1] if seen else None
            if key_next and keys is not None:
                yield from _key_problem(token, keys, text)
            key_next = False
        else:
            yield from _number_problem(token)


def _key_problem(
    token: re.Match[str], keys: dict[str, int], text: str
) -> Iterator[tuple[int, str, str]]:
    try:
        key = json.loads(token.group(), strict=False)
    except json.JSONDecodeError:  # the scanner says what is wrong with it
        return
    if key in keys:
        first = _place(text, keys[key], 1)
        where = f"column {first[1]}" if text.count("\n") == 0 else f"line {first[0]} of the value"
        yield token.start(), f"the key {key!r} again (first at {where})", "each key once"
    keys[key] = token.start()


def _string_problem(token: re.Match[str]) -> Iterator[tuple[int, str, str]]:
    raw = token.group()
    control = _CONTROL.search(raw)
    if control is not None:
        code = ord(control.group())
        found = f"the control character U+{code:04X} inside a string"
        yield token.start() + control.start(), found, f"it escaped, as \\u{code:04x}"
        return
    try:
        value = json.loads(raw)
    except json.JSONDecodeError:
        return
    lone = _SURROGATE.search(value)
    if lone is not None:
        code = ord(lone.group())
        yield token.start(), f"the lone surrogate U+{code:04X} in a string", "whole characters"


def _number_problem(token: re.Match[str]) -> Iterator[tuple[int, str, str]]:
    raw, at = token.group(), token.start()
    shown = raw if len(raw) <= _SHOWN else f"{raw[:20]}... ({len(raw)} characters)"
    if token.lastgroup == "constant":
        yield at, raw, "a finite number, or null"
    elif token.lastgroup == "number" and raw.lstrip("-").isdigit():
        if len(raw) > _MAX_DIGITS:
            yield at, f"the integer {shown}", f"a number of at most {_MAX_DIGITS} digits"
    elif token.lastgroup == "number" and float(raw) in (float("inf"), float("-inf")):
        yield at, f"{shown}, which is beyond the range of numbers", "a finite number"


def _fix(problem: Problem) -> str | None:
    if "byte order mark" in problem.found:
        return "save the file as UTF-8 without a byte order mark"
    if "UTF-8" in problem.expected:
        return "save the file as UTF-8"
    return None
