"""Errors in each provider's form, and their classes."""

import json
from typing import Any

import pytest

from evalgate.gateway.wire.errors import ProviderError, classify, error_body, error_headers


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (502, "api_error"),
        (529, "overloaded_error"),
    ],
)
def test_anthropic_types(status: int, kind: str) -> None:
    """The types are those of Anthropic's documentation."""
    body = json.loads(error_body("anthropic", ProviderError(status, "x", "no")))
    assert ("error", kind, "no") == (body["type"], body["error"]["type"], body["error"]["message"])


def test_openai_form() -> None:
    """Message, type, param and code, as OpenAI sends them."""
    body = json.loads(error_body("openai", ProviderError(400, "loop_limit", "no")))
    expected = {
        "message": "no",
        "type": "invalid_request_error",
        "param": None,
        "code": "loop_limit",
    }
    assert {"error": expected} == body


def test_hints_round_up() -> None:
    """Whoever obeys the hint in whole seconds is not early."""
    headers = dict(
        error_headers("openai", ProviderError(429, "x", "no", retry=None, retry_after=1.2))
    )
    assert (b"1200", b"2") == (headers[b"retry-after-ms"], headers[b"retry-after"])
    assert b"x-should-retry" not in headers


@pytest.mark.parametrize(
    ("status", "code", "named"),
    [
        (200, None, None),
        (400, "context_length_exceeded", "bad_request"),
        (400, "content_filter", "content_filter"),
        (403, None, "auth"),
        (408, None, "timeout"),
        (429, "rate_limit_exceeded", "throttled"),
        (429, "insufficient_quota", "quota_exhausted"),
        (500, "overloaded_error", "overloaded"),
        (502, None, "server_error"),
        (504, None, "timeout"),
        (529, None, "overloaded"),
    ],
)
def test_classes(status: int, code: str | None, named: str | None) -> None:
    """Throttled, overloaded and quota exhausted are told apart."""
    body: Any = {"error": {"code": code}}
    assert named == classify(status, body)
