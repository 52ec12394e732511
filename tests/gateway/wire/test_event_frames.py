"""AWS's binary event streams, checked against botocore's own parser."""

import json
from itertools import pairwise

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from evalgate.gateway.wire.event_frames import as_frames, as_text, split_frames

_EVENTS = b'event: messageStart\ndata: {"role":"assistant"}\n\nevent: x\ndata: {"t":"\xc3\xa9"}\n\n'


def test_botocore_reads_the_frames() -> None:
    """Lengths and checksums are AWS's, headers and payload are what was given."""
    buffer = EventStreamBuffer()
    buffer.add_data(as_frames(_EVENTS))
    found = [(event.headers[":event-type"], json.loads(event.payload)) for event in buffer]
    assert [("messageStart", {"role": "assistant"}), ("x", {"t": "é"})] == found


@given(st.lists(st.integers(0, 250), max_size=6))
def test_text_gives_back_the_frames(cuts: list[int]) -> None:
    """Whatever the network cut the frames into, their text gives them back to the byte."""
    raw = as_frames(_EVENTS)
    places = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    chunks = [(0.5, raw[a:b]) for a, b in pairwise(places)]
    text = b"".join(part for _, part in as_text(chunks))
    assert (_EVENTS, raw) == (text, as_frames(text))


@pytest.mark.parametrize("raw", [b"data: {}\n\n" * 3, b"\0" * 40])
def test_other_bytes_are_refused(raw: bytes) -> None:
    """Bytes with a wrong checksum are no frames."""
    with pytest.raises(ValueError, match="no event frames"):
        split_frames(raw)
