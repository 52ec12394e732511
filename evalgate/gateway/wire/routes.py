"""Which protocol a path speaks."""

import re
from dataclasses import dataclass
from typing import Literal

from evalgate.gateway.wire import (
    anthropic_messages,
    bedrock_converse,
    google_generate,
    ollama_chat,
    ollama_embed,
    openai_chat,
    openai_decisions,
    openai_embeddings,
    openai_models,
    openai_moderations,
    openai_responses,
)
from evalgate.gateway.wire.base import ProviderName, Wire

Target = Literal["openai", "anthropic", "azure", "google", "bedrock", "ollama"]
"""Which upstream a request goes to."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request belongs."""

    wire: Wire
    target: Target
    """Its upstream."""
    model: str | None = None
    """The model, where the path names it (Azure's deployments, Gemini, Bedrock, one of a list)."""
    stream: bool = False
    """Whether the path asks for a stream; elsewhere the body does."""
    served_by: str | None = None
    """Who serves it, where that is not the one whose protocol it is."""


_POST: dict[str, tuple[Wire, Target]] = {
    "chat/completions": (openai_chat.WIRE, "openai"),
    "responses": (openai_responses.WIRE, "openai"),
    "embeddings": (openai_embeddings.WIRE, "openai"),
    "decisions": (openai_decisions.WIRE, "openai"),
    "moderations": (openai_moderations.WIRE, "openai"),
    "messages": (anthropic_messages.WIRE, "anthropic"),
    "messages/count_tokens": (anthropic_messages.COUNT_TOKENS, "anthropic"),
}
_AZURE_V1 = "openai/v1/"
_AZURE = re.compile(r"openai/deployments/([^/]+)/(chat/completions|embeddings)")
_GOOGLE = re.compile(
    r"v1(?:alpha|beta1?)?/(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?"
    r"(?:models|tunedModels)/([^/:]+):(generateContent|streamGenerateContent|countTokens)"
)
_BEDROCK = re.compile(r"model/(.+)/(converse|converse-stream)")
_MODEL = re.compile(r"v1/models/(.+)")

_OLLAMA = {
    "api/chat": Route(ollama_chat.WIRE, "ollama"),
    "api/generate": Route(ollama_chat.GENERATE, "ollama"),
    "api/embed": Route(ollama_embed.WIRE, "ollama"),
}
_POSTS = (
    {f"v1/{path}": Route(wire, target) for path, (wire, target) in _POST.items()}
    | {
        f"{_AZURE_V1}{path}": Route(wire, "azure")
        for path, (wire, target) in _POST.items()
        if target == "openai"
    }
    | _OLLAMA
)

WIRES: dict[str, Wire] = {
    wire.name: wire
    for wire in (
        *(w for w, _ in _POST.values()),
        *(route.wire for route in _OLLAMA.values()),
        openai_models.WIRE,
        google_generate.WIRE,
        google_generate.COUNT_TOKENS,
        bedrock_converse.WIRE,
    )
}
"""Every protocol by its name."""


def resolve(method: str, path: str, *, anthropic: bool = False) -> Route | None:
    """Find the protocol of a request.

    Args:
        method: HTTP method.
        path: Path behind the session's token, without the leading slash.
        anthropic: Whether the headers are those of an Anthropic client; only the list of models
            has the same path at both providers.

    Returns:
        The route; None for a path that no protocol here has.
    """
    if method == "POST":
        route = _POSTS.get(path)
        if route is not None:
            return route
        return _by_model(path)
    if method == "GET":
        target: Target = "anthropic" if anthropic else "openai"
        if path == "v1/models":
            return Route(openai_models.WIRE, target)
        match = _MODEL.fullmatch(path)
        return None if match is None else Route(openai_models.WIRE, target, match[1])
    return None


def _by_model(path: str) -> Route | None:
    """Find the protocol of a path that names a model."""
    if match := _AZURE.fullmatch(path):
        return Route(_POST[match[2]][0], "azure", match[1])
    if match := _GOOGLE.fullmatch(path):
        wire = google_generate.COUNT_TOKENS if match[2] == "countTokens" else google_generate.WIRE
        return Route(wire, "google", match[1], stream=match[2] == "streamGenerateContent")
    if match := _BEDROCK.fullmatch(path):
        return Route(
            bedrock_converse.WIRE, "bedrock", match[1], stream=match[2] == "converse-stream"
        )
    return None


def provider_of(path: str, *, anthropic: bool) -> ProviderName:
    """Guess whose errors to speak on a path that no protocol has."""
    if anthropic or path.startswith("v1/messages"):
        return "anthropic"
    if path.startswith(("v1beta/", "v1alpha/", "v1beta1/")):
        return "google"
    if path.startswith("api/"):
        return "ollama"
    return "bedrock" if path.startswith("model/") else "openai"
