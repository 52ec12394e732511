"""Streams of JSON lines, and the same as server-sent events: what a cassette holds of them."""

from collections.abc import Iterable

from evalgate.text.tame_json import read_json


def split_lines(buffer: bytes) -> tuple[list[bytes], bytes]:
    """Split off the whole lines.

    Args:
        buffer: Bytes of a stream.

    Returns:
        The whole lines, each with its end, and what is left over.
    """
    *lines, rest = buffer.split(b"\n")
    return [line + b"\n" for line in lines], rest


def ends_stream(line: bytes) -> bool:
    """Whether a line says that it is the last, or that something broke."""
    try:
        value = read_json(line)
    except ValueError:
        return False
    return isinstance(value, dict) and (value.get("done") is True or bool(value.get("error")))


def as_text(chunks: Iterable[tuple[float, bytes]]) -> tuple[tuple[float, bytes], ...]:
    """Write lines as server-sent events.

    Args:
        chunks: Seconds since the request, and the bytes that came then.

    Returns:
        One event a line, with the time of its last byte; of a line that was cut the event is cut.

    Raises:
        ValueError: A line holds what an event could not give back.
    """
    found: list[tuple[float, bytes]] = []
    rest, last = b"", 0.0
    for at, chunk in chunks:
        lines, rest = split_lines(rest + chunk)
        found += [(at, b"data: " + line + b"\n") for line in lines]
        last = at
    if rest:
        found.append((last, b"data: " + rest))
    if any(b"\r" in text for _, text in found):
        raise ValueError("a line that an event cannot give back")
    return tuple(found)


def as_lines(text: bytes) -> bytes:
    """Write events, as `as_text` gives them, as lines again."""
    return b"\n".join(event.removeprefix(b"data: ") for event in text.split(b"\n\n"))
