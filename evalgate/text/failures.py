"""What a tool answered, read for failure: JSON, the text of a Python dict, or words."""

import ast
import re
from typing import Final

from evalgate.schema.base import Json
from evalgate.text.strict_json import Parsed, parse

_FAILED: Final = re.compile(
    r"\s*(?:error\b|exception\b|traceback \(most recent call last\)|tool execution failed"
    r"|failed to\b|[a-z_.]*(?:error|exception): )",
    re.IGNORECASE,
)
_SHOWN: Final = 2_000
_MAX_LITERAL: Final = 100_000


def says_failed(content: Json) -> bool:
    """Whether a tool's answer reports a failure.

    Most protocols have no mark for it, so the usual forms are read: an object (also as JSON, or as
    Python writes a dict) with a truthy `error`, `is_error`, `status: error`, `success: false`; a
    text that begins like an error.
    """
    if isinstance(content, str):
        return bool(_FAILED.match(content[:_SHOWN])) or _object_failed(literal(content))
    return _object_failed(content)


def literal(text: str) -> Json:
    """Return the object or list that a text holds, as JSON or in Python's spelling, else null."""
    stripped = text.strip()
    if stripped[:1] not in ("{", "[") or len(stripped) > _MAX_LITERAL:
        return None
    match parse(stripped):
        case Parsed(value):
            return value
        case _:
            pass
    try:
        value = ast.literal_eval(stripped)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return value if _is_json(value) else None


def _object_failed(data: Json) -> bool:
    if not isinstance(data, dict):
        return False
    return (
        bool(data.get("error"))
        or data.get("is_error") is True
        or data.get("isError") is True
        or data.get("status") in ("error", "failed", "timeout")
        or data.get("success") is False
        or data.get("ok") is False
    )


def _is_json(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    # Lengths of integers and non-finite numbers are what the strict JSON reader refuses.
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return value - value == 0
    return isinstance(value, int) and abs(value) < 10**308
