"""Which protocol a path speaks."""

import pytest

from evalgate.gateway.wire.routes import provider_of, resolve


@pytest.mark.parametrize(
    ("method", "path", "wire", "target", "model"),
    [
        ("POST", "v1/chat/completions", "openai_chat", "openai", None),
        ("POST", "v1/responses", "openai_responses", "openai", None),
        ("POST", "v1/embeddings", "openai_embeddings", "openai", None),
        ("POST", "v1/decisions", "openai_decisions", "openai", None),
        ("POST", "v1/moderations", "openai_moderations", "openai", None),
        ("POST", "v1/messages", "anthropic_messages", "anthropic", None),
        ("POST", "v1/messages/count_tokens", "anthropic_count_tokens", "anthropic", None),
        ("POST", "openai/deployments/d/chat/completions", "openai_chat", "azure", "d"),
        ("POST", "openai/deployments/d/embeddings", "openai_embeddings", "azure", "d"),
        ("POST", "openai/v1/responses", "openai_responses", "azure", None),
        ("GET", "v1/models", "openai_models", "openai", None),
        ("GET", "v1/models/ft:x/y", "openai_models", "openai", "ft:x/y"),
        ("POST", "v1beta/models/gemini-x:generateContent", "google_generate", "google", "gemini-x"),
        (
            "POST",
            "v1beta1/projects/p/locations/l/publishers/google/models/g:streamGenerateContent",
            "google_generate",
            "google",
            "g",
        ),
        ("POST", "v1beta/models/g:countTokens", "google_count_tokens", "google", "g"),
        ("POST", "api/chat", "ollama_chat", "ollama", None),
        ("POST", "api/generate", "ollama_generate", "ollama", None),
        ("POST", "api/embed", "ollama_embed", "ollama", None),
        ("POST", "model/a.b-v1:0/converse", "bedrock_converse", "bedrock", "a.b-v1:0"),
        (
            "POST",
            "model/arn:aws:x/us.a/converse-stream",
            "bedrock_converse",
            "bedrock",
            "arn:aws:x/us.a",
        ),
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
        ("POST", "model/x/invoke"),
        ("POST", "v1beta/models/gemini:embedContent"),
        ("DELETE", "v1/models/m"),
        ("POST", ""),
    ],
)
def test_unknown(method: str, path: str) -> None:
    """What has no protocol file is not recordable."""
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
