"""OpenAI decisions, read off the wire."""

from evalgate.gateway.wire.openai_decisions import WIRE


def test_read() -> None:
    """The answers are the message, and the tokens are counted."""
    usage = {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 1}
    answers = [{"type": "predicate", "probability": 0.5}]
    reply = WIRE.read({"model": "gpt-6-luna", "answers": answers, "usage": usage})
    assert ("gpt-6-luna", answers, None) == (reply.model, reply.message, reply.error)
    assert (5, 1) == (reply.usage.input_tokens, reply.usage.output_tokens)


def test_garbage_is_named() -> None:
    """Neither a body without answers nor a stream is a decision."""
    assert "bad_response" == WIRE.read({}).error
    assert "bad_response" == WIRE.read_stream(()).error
