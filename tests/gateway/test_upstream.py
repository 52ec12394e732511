"""Where requests go on to."""

import pytest

from evalgate.gateway.upstream import Endpoint
from evalgate.gateway.wire.routes import Target

CHAT, MESSAGES = "v1/chat/completions", "v1/messages"


@pytest.mark.parametrize(
    ("base", "path", "target", "url"),
    [
        ("https://api.openai.com/v1", CHAT, "openai", "https://api.openai.com/v1/chat/completions"),
        ("https://api.openai.com/", CHAT, "openai", "https://api.openai.com/v1/chat/completions"),
        ("http://h/v1beta/openai/", CHAT, "openai", "http://h/v1beta/openai/chat/completions"),
        ("http://h/api/paas/v4", CHAT, "openai", "http://h/api/paas/v4/chat/completions"),
        ("http://h/openai", CHAT, "openai", "http://h/openai/v1/chat/completions"),
        (
            "https://api.anthropic.com",
            MESSAGES,
            "anthropic",
            "https://api.anthropic.com/v1/messages",
        ),
        ("http://h/v1", MESSAGES, "anthropic", "http://h/v1/messages"),
        (
            "http://h/v1/me/gw/anthropic",
            MESSAGES,
            "anthropic",
            "http://h/v1/me/gw/anthropic/v1/messages",
        ),
        (
            "http://h",
            "openai/deployments/d/chat/completions?a=1",
            "azure",
            "http://h/openai/deployments/d/chat/completions?a=1",
        ),
        ("http://h/openai/v1", "openai/v1/responses", "azure", "http://h/openai/v1/responses"),
    ],
)
def test_a_base_url_keeps_its_version(base: str, path: str, target: Target, url: str) -> None:
    """Whatever version a base URL names is kept; one is added only where it names none."""
    assert url == Endpoint(base).url(path, target)


def test_a_base_url_of_a_client_is_whole() -> None:
    """What a client would use as it is gets no version of ours."""
    assert "http://h/inference/chat/completions" == Endpoint("http://h/inference", exact=True).url(
        CHAT, "openai"
    )
