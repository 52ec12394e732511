"""AWS's binary event streams, and the same events as text: what a cassette holds of them.

A frame is: its length, the length of its headers and a CRC over both (4 bytes each), headers, a
payload, and a CRC over all. A frame becomes a server-sent event whose name is the frame's type;
headers other than the usual three stand in a line of their own, so that the text gives back the
frame to the byte.
"""

import json
from collections.abc import Iterable
from struct import Struct, error
from zlib import crc32

_PRELUDE = Struct(">III")
_CRC = Struct(">I")
_SHORT = Struct(">H")
_TEXT = 7
"""The type of a header that is a text; no other is used for what a model says."""
_MAX = 24 * 1024 * 1024
"""Bytes of one frame at most."""


def split_frames(buffer: bytes) -> tuple[list[bytes], bytes]:
    """Split off the whole frames.

    Args:
        buffer: Bytes of a stream.

    Returns:
        The whole frames, and what is left over.

    Raises:
        ValueError: The bytes are no frames.
    """
    frames: list[bytes] = []
    at = 0
    while len(buffer) - at >= _PRELUDE.size:
        length, _, check = _PRELUDE.unpack_from(buffer, at)
        if check != crc32(buffer[at : at + 8]) or not 16 <= length <= _MAX:
            raise ValueError("the bytes are no event frames")
        if len(buffer) - at < length:
            break
        frames.append(buffer[at : at + length])
        at += length
    return frames, buffer[at:]


def as_text(chunks: Iterable[tuple[float, bytes]]) -> tuple[tuple[float, bytes], ...]:
    """Write frames as server-sent events.

    Args:
        chunks: Seconds since the request, and the bytes that came then.

    Returns:
        One event a frame, with the time of its last byte; a frame that was cut is left out.

    Raises:
        ValueError: The bytes are no frames, or hold what the text could not give back.
    """
    found: list[tuple[float, bytes]] = []
    rest = b""
    for at, chunk in chunks:
        frames, rest = split_frames(rest + chunk)
        found += [(at, _event(frame)) for frame in frames]
    return tuple(found)


def as_frames(text: bytes) -> bytes:
    """Write events, as `as_text` gives them, as frames again."""
    events = [event for event in text.split(b"\n\n") if event]
    return b"".join(map(_frame, events))


def _usual(name: str) -> dict[str, str]:
    return {":event-type": name, ":content-type": "application/json", ":message-type": "event"}


def _event(frame: bytes) -> bytes:
    headers, payload = _read(frame)
    name = headers.get(":event-type") or headers.get(":exception-type") or "event"
    lines = [f"event: {name}".encode()]
    if list(headers.items()) != list(_usual(name).items()):
        lines.append(b"headers: " + json.dumps(headers).encode())
    event = b"\n".join([*lines, b"data: " + payload])
    payload.decode()
    if b"\n" in payload or b"\r" in payload or "\n" in name or _frame(event) != frame:
        raise ValueError("a frame that text cannot give back")
    return event + b"\n\n"


def _read(frame: bytes) -> tuple[dict[str, str], bytes]:
    length, size, _ = _PRELUDE.unpack_from(frame)
    at, end = _PRELUDE.size, _PRELUDE.size + size
    headers: dict[str, str] = {}
    try:
        while at < end:
            name_end = at + 1 + frame[at]
            name = frame[at + 1 : name_end].decode()
            if frame[name_end] != _TEXT:
                raise ValueError(f"the header {name!r} of a frame is no text")
            (width,) = _SHORT.unpack_from(frame, name_end + 1)
            at = name_end + 3 + width
            headers[name] = frame[name_end + 3 : at].decode()
    except (IndexError, error) as broken:
        raise ValueError("the headers of a frame are broken") from broken
    return headers, frame[end : length - _CRC.size]


def _frame(event: bytes) -> bytes:
    lines = dict(line.partition(b": ")[::2] for line in event.split(b"\n"))
    given = lines.get(b"headers")
    headers = _usual(lines[b"event"].decode()) if given is None else json.loads(given)
    payload = lines.get(b"data", b"")
    packed = b"".join(_header(name, value) for name, value in headers.items())
    length = _PRELUDE.size + len(packed) + len(payload) + _CRC.size
    start = _PRELUDE.pack(length, len(packed), 0)[:8]
    body = start + _CRC.pack(crc32(start)) + packed + payload
    return body + _CRC.pack(crc32(body))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return bytes([len(key)]) + key + bytes([_TEXT]) + _SHORT.pack(len(text)) + text
