"""Reading rate-limit headers of real responses."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.quota.headers import LimitHeader, parse_duration, parse_headers
from evalgate.quota.units import MILLISECOND, SECOND


def test_every_real_header_parses(shared_data: Path) -> None:
    """All 191 real responses; each x-ratelimit and anthropic-ratelimit header is accounted for."""
    path = shared_data / "http_headers" / "ratelimit_headers.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    read = sent = 0
    for row in rows:
        parsed = parse_headers(row["headers"])
        sent += sum("ratelimit" in name for name in row["headers"])
        for limit in parsed.limits.values():
            fields = (limit.limit, limit.remaining, limit.reset, limit.reset_at, limit.period)
            read += sum(field is not None for field in fields)
        read += len(parsed.other or {})
        assert (parsed.retry_after is None) == ("retry-after" not in row["headers"])
    assert (191, sent) == (len(rows), read)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6m0s", 360 * SECOND),
        ("17ms", 17 * MILLISECOND),
        ("0s", 0),
        ("1.2s", 1_200 * MILLISECOND),
        ("1h2m3s", 3_723 * SECOND),
        ("8.64s", 8_640 * MILLISECOND),
        ("500us", 500_000),
        ("2", 2 * SECOND),
        ("0.5", 500 * MILLISECOND),
    ],
)
def test_durations(text: str, expected: int) -> None:
    """Go durations and plain seconds, exactly."""
    assert expected == parse_duration(text)


@pytest.mark.parametrize(
    "text", ["", "soon", "5 s", "1.s", "-1s", "NaN", "s", "1m2", f"{9:05000}s"]
)
def test_what_is_no_duration(text: str) -> None:
    """Anything else is refused by name."""
    with pytest.raises(DataError, match="expected a duration"):
        parse_duration(text)


def test_case_does_not_matter_and_milliseconds_win() -> None:
    """`retry-after-ms` is finer than `retry-after`."""
    parsed = parse_headers(
        {"Retry-After": "1", "Retry-After-Ms": "644", "X-RateLimit-Limit-Tokens": "30000"}
    )
    assert (644 * MILLISECOND, {"tokens": LimitHeader(limit=30_000)}) == (
        parsed.retry_after,
        parsed.limits,
    )


def test_resets_as_moments() -> None:
    """Anthropic gives RFC 3339."""
    parsed = parse_headers({"anthropic-ratelimit-requests-reset": "2026-01-02T03:04:05Z"})
    assert datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) == parsed.limits["requests"].reset_at


def test_a_date_as_retry_after_is_kept_as_it_came() -> None:
    """Without a clock a date is no wait; it is not lost either."""
    parsed = parse_headers({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"})
    assert (None, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}) == (
        parsed.retry_after,
        parsed.other,
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"x-ratelimit-limit-tokens": "many"},
        {"x-ratelimit-reset-tokens": "later"},
        {"anthropic-ratelimit-requests-reset": "2026-13-02T03:04:05Z"},
    ],
)
def test_broken_headers_are_errors(headers: dict[str, str]) -> None:
    """A known header with something else in it is no silence."""
    with pytest.raises(DataError):
        parse_headers(headers)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {"RateLimit-Limit": "100", "RateLimit-Remaining": "50", "RateLimit-Reset": "30"},
            {"all": LimitHeader(100, 50, 30 * SECOND)},
        ),
        (
            {"ratelimit": "limit=100, remaining=50, reset=30", "ratelimit-policy": "100;w=60"},
            {"all": LimitHeader(100, 50, 30 * SECOND, period=60 * SECOND)},
        ),
        (
            {
                "ratelimit": '"rpm";r=50;t=30, "tpm";r=9;t=3',
                "ratelimit-policy": '"rpm";q=100;w=60',
            },
            {
                "rpm": LimitHeader(100, 50, 30 * SECOND, period=60 * SECOND),
                "tpm": LimitHeader(None, 9, 3 * SECOND),
            },
        ),
    ],
)
def test_the_drafts_of_the_ietf(headers: dict[str, str], expected: dict[str, LimitHeader]) -> None:
    """draft-ietf-httpapi-ratelimit-headers: three headers (03), one (07), structured (10)."""
    assert expected == parse_headers(headers).limits


def test_a_ratelimit_header_that_is_none_is_refused() -> None:
    """Named, not skipped."""
    with pytest.raises(DataError):
        parse_headers({"ratelimit": "soon!"})
