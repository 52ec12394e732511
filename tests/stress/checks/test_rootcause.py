"""Classing failed calls: labelled responses of real providers and clients."""

import json

import pytest

from evalgate.stress.checks.rootcause import FailedCall, classify
from evalgate.stress.simulation.causes import CAUSES, TEAMS, Cause


def _openai(code: str | None, kind: str, text: str) -> str:
    return json.dumps({"error": {"message": text, "type": kind, "param": None, "code": code}})


def _anthropic(kind: str, text: str) -> str:
    return json.dumps({"type": "error", "error": {"type": kind, "message": text}})


_REACHED = "Rate limit reached for gpt-4o in organization org-x on"

LABELLED: list[tuple[FailedCall, Cause]] = [
    (
        FailedCall(
            429,
            _openai(
                "rate_limit_exceeded",
                "tokens",
                f"{_REACHED} tokens per min (TPM): Limit 30000, Used 29937, Requested 385.",
            ),
        ),
        "throttled_tokens",
    ),
    (
        FailedCall(
            429,
            _openai(
                "rate_limit_exceeded",
                "requests",
                f"{_REACHED} requests per min (RPM): Limit 3, Used 3, Requested 1.",
            ),
        ),
        "throttled_requests",
    ),
    (
        FailedCall(
            429,
            _openai(
                "rate_limit_exceeded",
                "tokens",
                "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, "
                "Requested 51000.",
            ),
        ),
        "never_fits",
    ),
    (
        FailedCall(
            429,
            _openai(
                "insufficient_quota",
                "insufficient_quota",
                "You exceeded your current quota, please check your plan and billing details.",
            ),
        ),
        "quota_exhausted",
    ),
    (
        FailedCall(503, _openai("server_is_overloaded", "service_unavailable_error", "Overloaded")),
        "overloaded",
    ),
    (FailedCall(500, _openai(None, "server_error", "The server had an error")), "server_error"),
    (
        FailedCall(
            400,
            _openai("context_length_exceeded", "invalid_request_error", "maximum context length"),
        ),
        "bad_request",
    ),
    (
        FailedCall(
            400,
            _openai("content_filter", "invalid_request_error", "The response was filtered due to"),
        ),
        "content_filter",
    ),
    (FailedCall(401, _openai("invalid_api_key", "invalid_request_error", "Incorrect key")), "auth"),
    (
        FailedCall(
            429,
            _anthropic(
                "rate_limit_error",
                "This request would exceed your organization's rate limit of 40,000 input tokens "
                "per minute",
            ),
        ),
        "throttled_tokens",
    ),
    (
        FailedCall(
            429,
            _anthropic(
                "rate_limit_error", "Number of concurrent connections has exceeded your rate limit"
            ),
        ),
        "concurrency",
    ),
    (FailedCall(529, _anthropic("overloaded_error", "Overloaded")), "overloaded"),
    (
        FailedCall(400, _anthropic("invalid_request_error", "Your credit balance is too low")),
        "quota_exhausted",
    ),
    (
        FailedCall(
            429,
            '{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation '
            'have exceeded token rate limit of your current pricing tier."}}',
        ),
        "throttled_tokens",
    ),
    (
        FailedCall(
            429,
            '{"error":{"code":429,"message":"Quota exceeded for quota metric '
            '\'generate_requests_per_minute\'","status":"RESOURCE_EXHAUSTED"}}',
        ),
        "throttled_requests",
    ),
    (
        FailedCall(429, '{"__type":"ThrottlingException","message":"Too many requests"}'),
        "throttled_requests",
    ),
    (
        FailedCall(429, '{"__type":"ThrottlingException","message":"Too many tokens, wait"}'),
        "throttled_tokens",
    ),
    (FailedCall(429, "", {"X-RateLimit-Remaining-Tokens": "0"}), "throttled_tokens"),
    (FailedCall(429), "throttled_requests"),
    (FailedCall(502, "<html>Bad Gateway</html>"), "server_error"),
    (FailedCall(504, "upstream request timeout"), "timeout"),
    (FailedCall(None, "Request timed out.", kind="APITimeoutError"), "timeout"),
    (FailedCall(None, "", kind="ReadTimeout"), "timeout"),
    (
        FailedCall(
            None,
            "peer closed connection without sending complete message body",
            kind="RemoteProtocolError",
        ),
        "cut_stream",
    ),
    (FailedCall(None, "Connection error.", kind="APIConnectionError"), "server_error"),
    (FailedCall(None, "'order_id'", kind="KeyError"), "agent"),
    (FailedCall(None, "Recursion limit of 25 reached", kind="GraphRecursionError"), "agent"),
    (FailedCall(None, "rate limit exceeded", step="tool_call"), "tool"),
    (FailedCall(403, _openai(None, "permission_error", "no access")), "auth"),
    (FailedCall(), "unknown"),
]
"""Bodies after the providers' documents and real messages (docs/stress.md), with their causes."""


@pytest.mark.parametrize(("call", "cause"), LABELLED)
def test_labelled_responses(call: FailedCall, cause: Cause) -> None:
    """Each response goes to its cause, and with it to one team."""
    found = classify(call)
    assert (cause, TEAMS[cause]) == (found.cause, found.team)


def test_every_cause_has_one_team() -> None:
    """Nothing falls between two chairs."""
    assert set(CAUSES) == set(TEAMS)


@pytest.mark.parametrize("body", ["{", '{"a":' * 5000, "\x00", '{"error": null}', "[]"])
def test_hostile_bodies_do_no_harm(body: str) -> None:
    """A broken or deep body is classed by its status."""
    assert "server_error" == classify(FailedCall(500, body)).cause
