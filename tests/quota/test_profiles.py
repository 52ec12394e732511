"""Error bodies and headers as the providers send them."""

import json
from datetime import UTC, datetime

import pytest

from evalgate.errors import ConfigError
from evalgate.quota.headers import parse_headers
from evalgate.quota.limits import Hint
from evalgate.quota.profiles import (
    PROFILES,
    Refusal,
    error_response,
    go_duration,
    rate_limit_headers,
    refusal_of,
    throttle_response,
    truncated_wait,
    with_profile,
)
from evalgate.quota.quota import (
    DimensionUse,
    Quota,
    Rejected,
    Request,
    admit,
    new_state,
    use,
)
from evalgate.quota.units import MILLISECOND, MINUTE, SECOND

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("limit", "used", "requested", "window", "expected"),
    [
        (30_000, 29_937, 385, MINUTE, 644),
        (30_000, 14_567, 24_754, MINUTE, 18_642),
        (30_000, 18_928, 11_159, MINUTE, 174),
        (10_000, 8_554, 3_082, MINUTE, 9_816),
        (1_500_000, 1_484_072, 16_144, 86_400 * SECOND, 12_441),
    ],
)
def test_real_waits(limit: int, used: int, requested: int, window: int, expected: int) -> None:
    """Spec, expected number 1: waits of real messages, truncated and not rounded."""
    assert expected == truncated_wait(limit, used, requested, window)


def test_openai_message_word_for_word() -> None:
    """The body of a real 429, as quoted in the specification."""
    refusal = Refusal("tokens", 30_000, 29_937, 385, 644 * MILLISECOND)
    response = throttle_response("openai", refusal, (), wall_clock=NOON, model="gpt-4o")
    error = json.loads(response.body)["error"]
    assert error["message"].startswith(
        "Rate limit reached for gpt-4o in organization org-evalgate on tokens per min (TPM): "
        "Limit 30000, Used 29937, Requested 385. Please try again in 644ms. "
    )
    assert [429, "tokens", None, "rate_limit_exceeded"] == [
        response.status,
        error["type"],
        error["param"],
        error["code"],
    ]
    assert {"retry-after-ms": "644", "retry-after": "1"} == response.headers


def test_openai_names_the_day() -> None:
    """A limit a day is spoken of as one, with its wait in seconds."""
    refusal = Refusal("tokens", 1_500_000, 1_484_072, 16_144, 12_441_600_000, 86_400 * SECOND)
    text = json.loads(throttle_response("openai", refusal, (), wall_clock=NOON).body)
    assert "on tokens per day (TPD): Limit 1500000" in text["error"]["message"]
    assert "try again in 12.441s." in text["error"]["message"]


def test_openai_says_too_large() -> None:
    """What never fits gets the same 429, without a hint."""
    refusal = Refusal("tokens", 100, 0, 500, None)
    response = throttle_response("openai", refusal, (), wall_clock=NOON)
    assert (429, {}) == (response.status, response.headers)
    assert "Request too large" in json.loads(response.body)["error"]["message"]


@pytest.mark.parametrize(
    ("used", "requested", "spoken"),
    [(29_937, 385, "644ms"), (14_567, 24_754, "18.642s"), (18_928, 11_159, "174ms")],
)
def test_from_decision_to_message(used: int, requested: int, spoken: str) -> None:
    """Spec, expected number 1, through the whole chain: admit, refusal, body."""
    state = new_state(Quota(tpm=30_000))
    admit(state, Request(used, 0), 0)
    request = Request(requested, 0)
    decision = admit(state, request, 0)
    assert isinstance(decision, Rejected)
    refusal = refusal_of(state, request, decision, 0)
    body = throttle_response("openai", refusal, use(state, 0), wall_clock=NOON).body.decode()
    assert f"Limit 30000, Used {used}, Requested {requested}. Please try again in {spoken}." in body


def test_a_small_burst_speaks_of_the_whole_limit() -> None:
    """60 RPM with a bucket of 1: used 60 of 60, again in a second; (60 + 1 - 60) / (60 / min)."""
    state = new_state(Quota(rpm=60, burst=1))
    admit(state, Request(), 0)
    decision = admit(state, Request(), 0)
    assert isinstance(decision, Rejected)
    expected = Refusal("requests", 60, 60, 1, SECOND)
    assert expected == refusal_of(state, Request(), decision, 0)


def test_concurrency_is_refused_without_a_hint() -> None:
    """Nobody can foretell when a slot frees."""
    state = new_state(Quota(max_concurrency=1))
    admit(state, Request(), 0)
    decision = admit(state, Request(), 0)
    assert isinstance(decision, Rejected)
    assert Refusal("concurrency", 1, 1, 1, None) == refusal_of(state, Request(), decision, 0)


def test_hints_are_rounded_up() -> None:
    """A client that obeys a header is not early."""
    refusal = Refusal("requests", 60, 60, 1, SECOND + 1)
    headers = throttle_response("openai", refusal, (), wall_clock=NOON).headers
    assert ("1001", "2") == (headers["retry-after-ms"], headers["retry-after"])


def test_anthropic_throttles_in_its_own_words() -> None:
    """rate_limit_error, retry-after in seconds, resets as moments."""
    refusal = Refusal("input_tokens", 40_000, 40_000, 10, 1_500 * MILLISECOND)
    use = (DimensionUse("input_tokens", 40_000, 40_000, 0, 61 * SECOND),)
    response = throttle_response("anthropic", refusal, use, wall_clock=NOON)
    body = json.loads(response.body)
    assert ("error", "rate_limit_error") == (body["type"], body["error"]["type"])
    assert "40,000 input tokens per minute" in body["error"]["message"]
    assert {
        "anthropic-ratelimit-input-tokens-limit": "40000",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-21T12:01:01Z",
        "retry-after": "2",
    } == response.headers


def test_azure_sends_milliseconds() -> None:
    """Azure's 429 has code 429 and both hints."""
    refusal = Refusal("requests", 10, 10, 1, 8_500 * MILLISECOND)
    response = throttle_response("azure", refusal, (), wall_clock=NOON)
    assert "8500" == response.headers["retry-after-ms"]
    error = json.loads(response.body)["error"]
    assert "429" == error["code"]
    assert "Please retry after 9 seconds" in error["message"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0s"),
        (999_999, "0s"),
        (17 * MILLISECOND, "17ms"),
        (1_200 * MILLISECOND, "1.2s"),
        (360 * SECOND, "6m0s"),
        (3_600 * SECOND, "1h0m0s"),
        (90_061 * SECOND + 5 * MILLISECOND, "25h1m1.005s"),
    ],
)
def test_go_durations(value: int, expected: str) -> None:
    """The notation of Go's time package, which resets are given in."""
    assert expected == go_duration(value)


@pytest.mark.parametrize("profile", ["openai", "anthropic", "azure"])
def test_our_own_headers_parse(profile: str) -> None:
    """What is written can be read back."""
    use = (
        DimensionUse("requests", 60, 1, 59, SECOND),
        DimensionUse("tokens", 30_000, 700, 29_300, 1_400 * MILLISECOND),
    )
    parsed = parse_headers(rate_limit_headers(profile, use, wall_clock=NOON))
    assert [(60, 59), (30_000, 29_300)] == [
        (parsed.limits[name].limit, parsed.limits[name].remaining)
        for name in ("requests", "tokens")
    ]


@pytest.mark.parametrize(
    ("profile", "kind", "status", "word"),
    [
        ("openai", "quota_exhausted", 429, "insufficient_quota"),
        ("openai", "overloaded", 503, "server_is_overloaded"),
        ("openai", "server_error", 500, "server_error"),
        ("anthropic", "overloaded", 529, "overloaded_error"),
        ("anthropic", "server_error", 500, "api_error"),
        ("azure", "bad_request", 400, "invalid_request_error"),
    ],
)
def test_other_errors(profile: str, kind: str, status: int, word: str) -> None:
    """Status and code of the errors that are no throttles."""
    response = error_response(profile, kind)  # type: ignore[arg-type]  # literal
    assert status == response.status
    assert word in response.body.decode()


def test_a_profile_takes_the_accounts_limits() -> None:
    """Limits replace those of the profile, the way of counting stays."""
    expected = Quota(rpm=60, charge="max", settles=False, hint="ms", profile="openai")
    assert expected == with_profile("openai", {"rpm": 60})
    assert {"openai", "anthropic", "azure", "litellm", "custom"} == set(PROFILES)


@pytest.mark.parametrize(("name", "limits"), [("opnai", {}), ("openai", {"rmp": 5})])
def test_unknown_names_are_refused(name: str, limits: dict[str, object]) -> None:
    """A misspelt profile or field is named, with the way out."""
    with pytest.raises(ConfigError) as caught:
        with_profile(name, limits)
    assert caught.value.fix is not None


def test_a_request_as_large_as_the_limit_is_not_too_large() -> None:
    """It waits, one token more never fits."""
    for requested, words in ((30_000, "Rate limit reached"), (30_001, "Request too large")):
        refusal = Refusal("tokens", 30_000, 1, requested, SECOND)
        response = throttle_response("openai", refusal, (), wall_clock=NOON, model="m")
        assert json.loads(response.body)["error"]["message"].startswith(words)


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (999 * MILLISECOND, "999ms"),
        (SECOND, "1s"),
        (1_500 * MILLISECOND, "1.5s"),
        (59_999 * MILLISECOND, "59.999s"),
        (MINUTE, "1m0s"),
        (61_250 * MILLISECOND, "1m1.25s"),
    ],
)
def test_waits_as_openai_speaks_them(wait: int, words: str) -> None:
    """Milliseconds below a second, then seconds, then minutes."""
    refusal = Refusal("tokens", 30_000, 29_937, 385, wait)
    response = throttle_response("openai", refusal, (), wall_clock=NOON, model="m")
    message = json.loads(response.body)["error"]["message"]
    assert f"Please try again in {words}. " in message


@pytest.mark.parametrize(
    ("value", "expected"),
    [(999 * MILLISECOND, "999ms"), (SECOND, "1s"), (3600 * SECOND, "1h0m0s"), (999_999, "0s")],
)
def test_the_edges_of_go_durations(value: int, expected: str) -> None:
    """A whole second and a whole hour; what is below a millisecond is nothing."""
    assert expected == go_duration(value)


@pytest.mark.parametrize(
    ("hint", "headers"),
    [
        ("none", {}),
        ("seconds", {"retry-after": "2"}),
        ("date", {"retry-after": "Sat, 21 Nov 2026 12:00:02 GMT"}),
        ("ms", {"retry-after-ms": "1001", "retry-after": "2"}),
    ],
)
def test_hints_of_every_form(hint: Hint, headers: dict[str, str]) -> None:
    """Rounded up to what the form can say."""

    def told(wait: int) -> dict[str, str]:
        refusal = Refusal("tokens", 30_000, 29_937, 385, wait)
        sent = throttle_response("openai", refusal, (), wall_clock=NOON, hint=hint).headers
        return {name: value for name, value in sent.items() if name.startswith("retry")}

    assert headers == told(1_000_000_001)
    if hint == "date":
        assert headers == told(2 * SECOND)


def test_azure_names_whole_seconds_that_are_not_early() -> None:
    """A nanosecond more than a second is two."""
    use = DimensionUse("requests", limit=60, used=60, remaining=0, reset=SECOND + 1)
    headers = rate_limit_headers("azure", (use,), wall_clock=NOON)
    assert "2" == headers["x-ratelimit-reset-requests"]
