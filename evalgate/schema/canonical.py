"""One spelling for each JSON value, so that equal data has equal digests."""

import json
from hashlib import sha256

from evalgate.schema.base import Json


def canonical_bytes(value: Json) -> bytes:
    """Write a JSON value in its one canonical spelling.

    Keys are sorted by code point, nothing is padded, text is UTF-8, and a number is written the
    same whether it came as 1, 1.0 or 1e0. `true` is not 1.

    Args:
        value: Finite JSON data; tuples count as arrays.

    Returns:
        UTF-8 bytes; two values have the same bytes exactly when they are equal as JSON.

    Raises:
        ValueError: For a number that is not finite.
    """
    text = json.dumps(
        _normal(value),
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return text.encode("utf-8", "surrogatepass")


def digest(value: Json) -> str:
    """Return `sha256:` and 64 hexadecimal digits over the canonical spelling."""
    return f"sha256:{sha256(canonical_bytes(value)).hexdigest()}"


def _normal(value: object) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(item) for item in value]
    return value
