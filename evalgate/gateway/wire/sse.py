"""Server-sent events: split a stream of bytes into events, whatever the network cut it into."""

import re
from collections.abc import Iterable

from evalgate.gateway.wire.base import Body, StreamEvent
from evalgate.text.tame_json import read_json

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


class EventBuffer:
    """The events of a stream as its pieces come; a long event is searched for its end once."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._pieces: list[bytes] = []
        self._seam = b""
        self.size = 0
        """Bytes of the event that is not whole."""

    def feed(self, piece: bytes) -> list[bytes]:
        """Take a piece and return the events that it makes whole."""
        self._pieces.append(piece)
        self.size += len(piece)
        seen, self._seam = self._seam + piece, (self._seam + piece)[-3:]
        if _END.search(seen) is None:
            return []
        whole, rest = split_events(b"".join(self._pieces))
        self._pieces, self.size = [rest], len(rest)
        return whole

    def rest(self) -> bytes:
        """Return the event that the stream ended in."""
        return b"".join(self._pieces)


def _data(event: bytes) -> bytes | None:
    parts = [
        line[5:].removeprefix(b" ") for line in _LINES.split(event) if line.startswith(b"data:")
    ]
    return b"\n".join(parts) if parts else None


def is_done(event: bytes) -> bool:
    """Whether an event is OpenAI's `[DONE]`."""
    return _data(event) == b"[DONE]"


def read_events(chunks: Iterable[tuple[float, bytes]]) -> tuple[StreamEvent, ...]:
    """Read the events of a stream.

    Args:
        chunks: Seconds since the request, and the bytes that came then.

    Returns:
        The events that have data, each with the time of its last byte. `[DONE]` and data that is
        no JSON object give an event with empty data.
    """
    found: list[StreamEvent] = []
    rest, last = b"", 0.0
    for at, chunk in chunks:
        events, rest = split_events(rest + chunk)
        found += [event for raw in events if (event := _event(at, raw)) is not None]
        last = at
    # Some servers leave out the blank line behind the last event.
    final = _event(last, rest)
    return tuple(found) if final is None or final.text else (*found, final)


def _event(at: float, raw: bytes) -> StreamEvent | None:
    data = _data(raw)
    if data is None:
        return None
    done = data == b"[DONE]"
    value = {} if done else _object(data)
    text = None if value is not None else data.decode("utf-8", "replace")
    return StreamEvent(at, value or {}, _name(raw), done, text)


def _name(event: bytes) -> str | None:
    names = [line[6:].strip() for line in _LINES.split(event) if line.startswith(b"event:")]
    return names[-1].decode("utf-8", "replace") if names else None


def _object(data: bytes) -> Body | None:
    try:
        value = read_json(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
