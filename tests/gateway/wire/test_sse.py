"""Server-sent events, however the network cuts them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from evalgate.gateway.wire.sse import EventBuffer, is_done, read_events, split_events

STREAM = (
    b'event: a\ndata: {"n": 1}\n\n: ping\n\ndata: {"n":\ndata: 2}\r\n\r\n'
    b'data: {"text": "Gr\xc3\xbc\xc3\x9fe"}\n\ndata: [DONE]\n\n'
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_any_cut_gives_the_same_events(cuts: list[int]) -> None:
    """Chunk borders inside a line, a character or a blank line change nothing."""
    edges = sorted({0, len(STREAM), *cuts})
    chunks = [(float(b), STREAM[a:b]) for a, b in pairwise(edges)]
    found = [event.data for event in read_events(chunks)]
    assert [{"n": 1}, {"n": 2}, {"text": "Grüße"}, {}] == found


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_a_buffer_gives_each_event_once_whatever_the_pieces(cuts: list[int]) -> None:
    """Even where the blank line comes byte by byte."""
    buffer, edges = EventBuffer(), sorted({0, len(STREAM) - 1, *cuts, len(STREAM)})
    found = [event for a, b in pairwise(edges) for event in buffer.feed(STREAM[a:b])]
    assert (split_events(STREAM)[0], 0, b"") == (found, buffer.size, buffer.rest())


def test_an_event_has_the_time_of_its_last_byte() -> None:
    """What began in one chunk and ended in the next came with the next."""
    assert [2.0] == [e.at for e in read_events([(1.0, b'data: {"a"'), (2.0, b": 1}\n\n")])]


def test_what_is_not_whole_is_left_over() -> None:
    """A cut event is no event."""
    assert ([b"data: 1\n\n"], b"data: 2\n") == split_events(b"data: 1\n\ndata: 2\n")
    assert () == read_events([(0.0, b'data: {"a": 1')])


def test_the_last_event_needs_no_blank_line() -> None:
    """Some servers leave it out behind the last event; the event is whole all the same."""
    first, last = read_events([(0.0, b'data: {"a": 1}\n\n'), (1.0, b"data: [DONE]")])
    assert ({"a": 1}, True, 1.0) == (first.data, last.done, last.at)


def test_an_event_that_is_no_object_is_kept() -> None:
    """Data that nobody can read is text, and the event keeps its name."""
    (event,) = read_events([(0.0, b"event: error\ndata: overloaded\n\n")])
    assert ("error", "overloaded", {}) == (event.name, event.text, event.data)


def test_done() -> None:
    """Only the mark itself is the end."""
    assert is_done(b"data: [DONE]\n\n")
    assert not is_done(b'data: {"x": "[DONE]"}\n\n')
