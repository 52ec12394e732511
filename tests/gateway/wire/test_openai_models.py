"""OpenAI models, read off the wire."""

from evalgate.gateway.wire.openai_models import WIRE


def test_read() -> None:
    """A list gives its length, one model its name."""
    assert {"models": 2} == WIRE.read({"data": [{}, {}]}).message
    assert "m" == WIRE.read({"id": "m"}).model


def test_garbage_is_named() -> None:
    """Neither an empty body nor a stream is a list of models."""
    assert "bad_response" == WIRE.read({}).error
    assert "bad_response" == WIRE.read_stream(()).error
