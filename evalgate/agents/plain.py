"""Writes down what an agent returned, as JSON text within a size.

The text shares nothing with the agent, so that an agent that keeps a list and goes on changing it
cannot change a trial that is over. Imported by worker processes; standard library only.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


class NotPlain(Exception):
    """What the agent returned cannot be written as JSON, or is too large."""


def encode(value: object, limit: int) -> str:
    """Return `value` as JSON text in ASCII.

    Mappings, lists, tuples, dataclasses and objects with `model_dump` (pydantic) are taken apart.

    Args:
        value: Anything.
        limit: Largest size in bytes.

    Raises:
        NotPlain: It holds something that is no JSON data, refers to itself, or is too large.
    """
    try:
        text = _ENCODER.encode(value)
    except (TypeError, ValueError) as error:
        raise NotPlain(f"what the agent returned is no JSON data: {error}") from None
    except RecursionError:
        raise NotPlain("what the agent returned is nested too deep for JSON") from None
    if len(text) > limit:
        raise NotPlain(too_large(len(text), limit))
    return text


def too_large(size: int, limit: int) -> str:
    """Say that an output is too large."""
    return f"the output is {size:,} bytes; at most {limit:,} are allowed (agent.max_output_bytes)"


def is_plain(value: object) -> bool:
    """Tell whether something can be written as JSON."""
    try:
        _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _taken_apart(value: object) -> Any:  # noqa: ANN401  # anything json can write
    """Turn what `json` does not know into something it knows."""
    if not isinstance(value, type):
        dump = getattr(value, "model_dump", None)
        if callable(dump):
            return dump(mode="json")
        if is_dataclass(value):
            return {field.name: getattr(value, field.name) for field in fields(value)}
        if isinstance(value, Mapping):
            return dict(value)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise TypeError(f"{kind} object {value!r:.60}")


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_taken_apart)
