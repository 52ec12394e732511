"""Server-sent events: split a stream of bytes into events, whatever the network cut it into."""

import json
import re
from collections.abc import Iterable

from evalgate.gateway.wire.base import Body, Event

__all__ = ["is_done", "read_events", "split_events"]

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINES = re.compile(rb"\r\n|\n|\r")


def split_events(buffer: bytes) -> tuple[list[bytes], bytes]:
    """Split off the whole events.

    Args:
        buffer: Bytes of a stream.

    Returns:
        The whole events, each with the blank line that ends it, and what is left over.
    """
    events: list[bytes] = []
    at = 0
    for match in _END.finditer(buffer):
        events.append(buffer[at : match.end()])
        at = match.end()
    return events, buffer[at:]


def _data(event: bytes) -> bytes | None:
    parts = [
        line[5:].removeprefix(b" ") for line in _LINES.split(event) if line.startswith(b"data:")
    ]
    return b"\n".join(parts) if parts else None


def is_done(event: bytes) -> bool:
    """Whether an event is OpenAI's `[DONE]`."""
    return _data(event) == b"[DONE]"


def read_events(chunks: Iterable[tuple[float, bytes]]) -> tuple[Event, ...]:
    """Read the events of a stream.

    Args:
        chunks: Seconds since the request, and the bytes that came then.

    Returns:
        The events that have data, each with the time of its last byte. `[DONE]` and data that is
        no JSON object give an event with empty data.
    """
    found: list[Event] = []
    rest = b""
    for at, chunk in chunks:
        events, rest = split_events(rest + chunk)
        for event in events:
            data = _data(event)
            if data is not None:
                found.append(Event(at, _object(data)))
    return tuple(found)


def _object(data: bytes) -> Body:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
