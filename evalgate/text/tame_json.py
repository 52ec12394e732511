"""JSON as models and servers write it, made into data that any file can hold.

Python's reader takes NaN, numbers without end, half surrogate pairs and any depth; no file of ours
can hold them. What cannot be held becomes the text of it, so that nothing is lost and nothing
raises.
"""

import json
import math
import re
from typing import Final

from evalgate.schema.base import Json

MAX_DEPTH: Final = 60
"""Arrays and objects inside each other that are kept as data; deeper ones become text."""

_MAX_DIGITS: Final = 308
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _NotPlainError(ValueError):
    """A number that no file can hold."""


def read_json(text: str | bytes) -> Json:
    """Read JSON of any make.

    Raises:
        ValueError: It is none, or is nested beyond what can be read.
    """
    try:
        value: Json = json.loads(text, parse_int=_int, parse_float=_float, parse_constant=str)
    except RecursionError as error:
        raise ValueError("nested beyond what can be read") from error
    return tame(value)


def read_plain(text: str | bytes) -> Json:
    """Read JSON of which every part can be held as it is.

    Raises:
        ValueError: It is none.
    """
    try:
        value: Json = json.loads(
            text, parse_int=_plain_int, parse_float=_plain_float, parse_constant=_refuse
        )
    except RecursionError as error:
        raise ValueError("nested beyond what can be read") from error
    if tame(value) is not value:
        raise ValueError("holds what no file can hold")
    return value


def is_plain(text: str) -> bool:
    """Whether a text is JSON of which every part can be held as it is."""
    try:
        read_plain(text)
    except ValueError:
        return False
    return True


def tame(value: Json, depth: int = 0) -> Json:
    """Return data that any file can hold; the same object where it is that already."""
    if isinstance(value, str):
        return value if _SURROGATE.search(value) is None else _whole(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict | list) and depth >= MAX_DEPTH:
        return _whole(_dumped(value))
    if isinstance(value, list):
        items = [tame(item, depth + 1) for item in value]
        return value if all(map(_is, items, value)) else items
    if isinstance(value, dict):
        pairs = {_whole(name): tame(item, depth + 1) for name, item in value.items()}
        same = all(map(_is, pairs.values(), value.values())) and pairs.keys() == value.keys()
        return value if same else pairs
    return value


def _is(one: object, other: object) -> bool:
    return one is other


def _whole(text: str) -> str:
    """Replace halves of surrogate pairs, which stand for no character."""
    return _SURROGATE.sub("\ufffd", text)


def _dumped(value: Json) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "[nested too deep to be written]"


def _int(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _float(digits: str) -> float | str:
    value = float(digits)
    return value if math.isfinite(value) else digits


def _plain_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise _NotPlainError(digits[:20])
    return int(digits)


def _plain_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _NotPlainError(digits[:20])
    return value


def _refuse(name: str) -> float:
    raise _NotPlainError(name)
