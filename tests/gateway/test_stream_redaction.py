"""Secrets that a stream says in pieces."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalgate.gateway.stream_redaction import redact_stream
from evalgate.gateway.wire.openai_chat import WIRE
from evalgate.gateway.wire.sse import read_events
from evalgate.text.redact import Redactor

SECRET = "s3cret-val/ue"
REDACTOR = Redactor.build({"MY_TOKEN": SECRET})


def _event(delta: dict[str, Any], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n"


def _pieces(text: str, cuts: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in pairwise(edges)]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.lists(st.integers(0, 99)))
def test_clean_streams_keep_every_byte(text: str, cuts: list[int]) -> None:
    """Without a secret the chunks are the same objects."""
    whole = "".join(_event({"content": piece}) for piece in text)
    chunks = tuple((float(n), part) for n, part in enumerate(_pieces(whole, cuts)))
    assert chunks == redact_stream(chunks, REDACTOR)


@given(st.lists(st.integers(0, 99), max_size=8), st.lists(st.integers(0, 2000), max_size=5))
def test_a_secret_in_pieces_goes(cuts: list[int], network: list[int]) -> None:
    """However the model and the network cut it, the secret is gone and the rest is there."""
    said = f"it is {SECRET}, use it"
    whole = "".join(_event({"content": piece}) for piece in _pieces(said, cuts))
    whole += _event({}, "stop") + "data: [DONE]\n\n"
    chunks = tuple((float(n), part) for n, part in enumerate(_pieces(whole, network)))
    clean = redact_stream(chunks, REDACTOR)
    reply = WIRE.read_stream(read_events((at, text.encode()) for at, text in clean))
    assert {"role": "assistant", "content": "it is [redacted:MY_TOKEN], use it"} == reply.message
    assert clean[-1][1].endswith("data: [DONE]\n\n")


def test_lanes_of_tool_calls_are_apart() -> None:
    """The arguments of two calls that come interleaved are not taken for one text."""

    def part(index: int, text: str) -> str:
        function = {"name": "f", "arguments": text}
        return _event({"tool_calls": [{"index": index, "function": function}]})

    whole = part(0, '{"k":"s3cret') + part(1, '{"x":1}') + part(0, '-val/ue"}') + _event({}, "stop")
    clean = redact_stream(((0.0, whole),), REDACTOR)
    reply = WIRE.read_stream(read_events((at, text.encode()) for at, text in clean))
    assert ['{"k":"[redacted:MY_TOKEN]"}', '{"x":1}'] == [tool.arguments for tool in reply.tools]


def test_times_of_events_stay() -> None:
    """A rewritten stream has one chunk an event, each at the time its event came."""
    chunks = tuple((float(n), _event({"content": c})) for n, c in enumerate(SECRET))
    assert [float(n) for n in range(len(SECRET))] == [
        at for at, _ in redact_stream(chunks, REDACTOR)
    ]
