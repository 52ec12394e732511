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


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (399, "agent"),
        (400, "bad_request"),
        (401, "auth"),
        (402, "quota_exhausted"),
        (403, "auth"),
        (404, "bad_request"),
        (408, "timeout"),
        (499, "bad_request"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "overloaded"),
        (504, "timeout"),
        (524, "timeout"),
        (529, "overloaded"),
        (599, "server_error"),
        (200, "agent"),
    ],
)
def test_a_status_alone(status: int, cause: Cause) -> None:
    """Without code and words the status decides, and is the evidence."""
    found = classify(FailedCall(status))
    assert cause == found.cause
    more = ", so it failed after the answer" if cause == "agent" else ""
    assert f"status {status}{more}" == found.evidence


@pytest.mark.parametrize(
    ("kind", "cause", "evidence"),
    [
        ("PoolTimeout", "timeout", "exception PoolTimeout"),
        ("IncompleteRead", "cut_stream", "exception IncompleteRead"),
        ("ConnectError", "server_error", "exception ConnectError"),
        ("SomethingElse", "agent", "exception SomethingElse without a response"),
        ("ValueError", "agent", "exception ValueError of the agent's own code"),
        (None, "unknown", "neither status nor exception is known"),
    ],
)
def test_an_exception_alone(kind: str | None, cause: Cause, evidence: str) -> None:
    """Without a response the class of the exception decides."""
    assert (cause, evidence) == _found(FailedCall(kind=kind))


def _found(call: FailedCall) -> tuple[Cause, str]:
    found = classify(call)
    return found.cause, found.evidence


def _coded(**error: object) -> str:
    return json.dumps({"error": error})


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            FailedCall(400, _coded(code="invalid_argument")),
            ("bad_request", "code invalid_argument"),
        ),
        (
            FailedCall(429, _coded(code="invalid_request_error")),
            ("throttled_requests", "429 without a named dimension"),
        ),
        (
            FailedCall(400, '{"__type": "com.amazon#ValidationException"}'),
            ("bad_request", "code validationexception"),
        ),
        (
            FailedCall(None, 'Error code: 401 - {"error": {"code": "invalid_api_key"}}'),
            ("auth", "code invalid_api_key"),
        ),
        (
            FailedCall(500, _coded(details=[{"reason": "UNAVAILABLE"}])),
            ("overloaded", "code unavailable"),
        ),
        (
            FailedCall(400, _coded(message="Your credit balance is too low", code="auth")),
            ("quota_exhausted", "credit balance is too low"),
        ),
        (
            FailedCall(None, _coded(code="tokens")),
            ("throttled_tokens", "the message names tokens"),
        ),
        (
            FailedCall(None, _coded(code="requests")),
            ("throttled_requests", "the message names requests"),
        ),
        (
            FailedCall(429, "You exceeded your current quota"),
            ("quota_exhausted", "exceeded your current quota"),
        ),
        (
            FailedCall(429, "You exceeded your current quota; retryDelay 3s"),
            ("throttled_requests", "429 without a named dimension"),
        ),
        (
            FailedCall(429, "larger than the limit"),
            ("never_fits", "the request is larger than the limit"),
        ),
        (
            FailedCall(429, "10 requests per minute"),
            ("throttled_requests", "the message names requests"),
        ),
        (FailedCall(429, "tpm 10 and rpm 3"), ("throttled_tokens", "the message names tokens")),
        (
            FailedCall(429, "too many tokens in requests"),
            ("throttled_requests", "429 without a named dimension"),
        ),
        (
            FailedCall(429, "", {"X-Remaining-Tokens": " 0 "}),
            ("throttled_tokens", "header x-remaining-tokens: 0"),
        ),
        (
            FailedCall(429, "", {"x-remaining-tokens": "1", "x-limit-tokens": "0"}),
            ("throttled_requests", "429 without a named dimension"),
        ),
        (
            FailedCall(429, "", {"x-remaining-requests": "0"}),
            ("throttled_requests", "429 without a named dimension"),
        ),
        (
            FailedCall(None, "rate limit reached"),
            ("throttled_requests", "429 without a named dimension"),
        ),
        (
            FailedCall(400, "blocked by content filter"),
            ("content_filter", "the message says 'content filter'"),
        ),
        (FailedCall(200, "it timed out"), ("agent", "status 200, so it failed after the answer")),
        (FailedCall(400, "it timed out"), ("timeout", "the message says 'timed out'")),
        (FailedCall(400, "", kind="ValueError"), ("bad_request", "status 400")),
        (FailedCall(429, step="tool_call"), ("tool", "the failed step is a tool call")),
    ],
)
def test_what_gave_it_away(call: FailedCall, expected: tuple[Cause, str]) -> None:
    """Codes before words, words before the status; each with its evidence."""
    assert expected == _found(call)


def test_only_the_beginning_of_a_body_is_read() -> None:
    """65,536 characters: what stands behind is not looked for."""
    words = "content filter"
    inside = " " * (65_536 - len(words)) + words
    assert "content_filter" == classify(FailedCall(400, inside)).cause
    assert "bad_request" == classify(FailedCall(400, f" {inside}")).cause


def test_a_body_of_many_codes_is_read_in_part() -> None:
    """A hundred codes are enough of any body."""
    many = [{"code": f"x{n}"} for n in range(200)]
    body = json.dumps({"error": [{"code": "invalid_api_key"}, *many]})
    assert "server_error" == classify(FailedCall(500, body)).cause
    few = json.dumps({"error": [{"code": "invalid_api_key"}, *many[:90]]})
    assert "auth" == classify(FailedCall(500, few)).cause
