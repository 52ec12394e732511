"""OpenAI embeddings, read off the wire."""

from evalgate.gateway.wire.openai_embeddings import WIRE


def test_read() -> None:
    """Input tokens count, the vectors themselves are not kept."""
    reply = WIRE.read({"model": "e", "data": [{}, {}], "usage": {"prompt_tokens": 5}})
    assert (5, 0, {"vectors": 2}) == (
        reply.usage.input_tokens,
        reply.usage.output_tokens,
        reply.message,
    )


def test_garbage_is_named() -> None:
    """Neither a body without data nor a stream is an embedding."""
    assert "bad_response" == WIRE.read({}).error
    assert "bad_response" == WIRE.read_stream(()).error


def test_one_text_and_a_list_of_one() -> None:
    """The input is a list in the canonical request."""
    assert WIRE.prompt({"input": "x"}, str) == WIRE.prompt({"input": ["x"]}, str)
