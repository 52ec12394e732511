"""Which protocol a path speaks."""

import pytest

from evalgate.gateway.wire.routes import provider_of, resolve


@pytest.mark.parametrize(
    ("method", "path", "wire", "target", "model"),
    [
        ("POST", "v1/chat/completions", "openai_chat", "openai", None),
        ("POST", "v1/responses", "openai_responses", "openai", None),
        ("POST", "v1/embeddings", "openai_embeddings", "openai", None),
        ("POST", "v1/moderations", "openai_moderations", "openai", None),
        ("POST", "v1/messages", "anthropic_messages", "anthropic", None),
        ("POST", "v1/messages/count_tokens", "anthropic_count_tokens", "anthropic", None),
        ("POST", "openai/deployments/d/chat/completions", "openai_chat", "azure", "d"),
        ("POST", "openai/deployments/d/embeddings", "openai_embeddings", "azure", "d"),
        ("POST", "openai/v1/responses", "openai_responses", "azure", None),
        ("GET", "v1/models", "openai_models", "openai", None),
        ("GET", "v1/models/ft:x/y", "openai_models", "openai", "ft:x/y"),
    ],
)
def test_known(method: str, path: str, wire: str, target: str, model: str | None) -> None:
    """Each path has one protocol and one upstream."""
    route = resolve(method, path)
    assert route is not None
    assert (wire, target, model) == (route.wire.name, route.target, route.model)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "v1/chat/completions"),
        ("POST", "v1/audio/speech"),
        ("POST", "v1/models"),
        ("POST", "model/x/converse"),
        ("POST", "v1beta/models/gemini:generateContent"),
        ("DELETE", "v1/models/m"),
        ("POST", ""),
    ],
)
def test_unknown(method: str, path: str) -> None:
    """Bedrock, Gemini and everything else are not recordable until they have a file."""
    assert resolve(method, path) is None


def test_headers_tell_who_lists_models() -> None:
    """The list of models has the same path at both providers."""
    route = resolve("GET", "v1/models", anthropic=True)
    assert route is not None
    assert "anthropic" == route.target
    assert ("anthropic", "openai") == (
        provider_of("v1/messages/batches", anthropic=False),
        provider_of("nope", anthropic=False),
    )
