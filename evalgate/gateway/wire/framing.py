"""How the events of a stream are told apart on the way, and written in a cassette."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from evalgate.gateway.wire import event_frames, json_lines
from evalgate.gateway.wire.base import Frames
from evalgate.gateway.wire.sse import split_events

Chunks = Iterable[tuple[float, bytes]]
"""Seconds since the request, and the bytes that came then."""


@dataclass(frozen=True, slots=True)
class Framing:
    """One way; `split` and `as_text` raise `ValueError` for bytes that are none of it."""

    split: Callable[[bytes], tuple[list[bytes], bytes]]
    """Splits off the whole events."""
    as_text: Callable[[Chunks], tuple[tuple[float, bytes], ...]]
    """Writes a stream as server-sent events."""
    as_sent: Callable[[bytes], bytes]
    """Writes such events as they were sent."""


FRAMINGS: Final[Mapping[Frames, Framing]] = MappingProxyType(
    {
        "events": Framing(split_events, tuple, bytes),
        "aws": Framing(event_frames.split_frames, event_frames.as_text, event_frames.as_frames),
        "lines": Framing(json_lines.split_lines, json_lines.as_text, json_lines.as_lines),
    }
)
"""Each way by its name."""
