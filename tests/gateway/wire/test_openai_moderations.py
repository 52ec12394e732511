"""OpenAI moderations, read off the wire."""

from evalgate.gateway.wire.openai_moderations import WIRE


def test_read() -> None:
    """The results are the message."""
    reply = WIRE.read({"model": "mod", "results": [{"flagged": True}]})
    assert ("mod", [{"flagged": True}], None) == (reply.model, reply.message, reply.error)


def test_garbage_is_named() -> None:
    """Neither a body without results nor a stream is a moderation."""
    assert "bad_response" == WIRE.read({}).error
    assert "bad_response" == WIRE.read_stream(()).error
