"""Reading rate-limit headers as providers really send them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from evalgate.errors import DataError
from evalgate.quota.units import MILLISECOND, SECOND, nanoseconds

_UNITS = {
    "h": 3_600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": MILLISECOND,
    "us": 1_000,
    "µs": 1_000,
    "ns": 1,
}
_GO_PART = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)(h|ms|m|s|us|µs|ns)")
_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")
_FAMILIES = ("x-ratelimit-", "anthropic-ratelimit-", "ratelimit-")
_ITEM = re.compile(r'\s*(?:"([^"]*)"|([A-Za-z0-9*._-]+))\s*')
_PAIR = re.compile(r"\s*([a-z]+)\s*=\s*(?:\"?)([0-9]+)(?:\"?)\s*")
_WORDS = {"limit": "limit", "q": "limit", "remaining": "remaining", "r": "remaining"}
_TIMES = {"reset": "reset", "t": "reset", "w": "renewalperiod"}
_FIELDS = ("limit", "remaining", "reset", "renewalperiod")


@dataclass(frozen=True, slots=True)
class LimitHeader:
    """One limit as the headers state it; None: the header was not sent."""

    limit: int | None = None
    """Units a window."""
    remaining: int | None = None
    """Units left."""
    reset: int | None = None
    """Nanoseconds until nothing is in use, where the header is a duration."""
    reset_at: datetime | None = None
    """The moment of the reset, where the header is one (RFC 3339)."""
    period: int | None = None
    """Nanoseconds of the window (Azure's renewal period)."""


@dataclass(frozen=True, slots=True)
class RateLimitHeaders:
    """All that the headers of one response say about rate limits."""

    limits: dict[str, LimitHeader]
    """By dimension, in the provider's word: `requests`, `tokens`, `req-10-second`, ...; `all`
    where the header names none."""
    retry_after: int | None = None
    """Nanoseconds; `retry-after-ms` before `retry-after`."""
    other: dict[str, str] | None = None
    """Headers that are no limit, and a `retry-after` that is a date, as they came."""


def parse_duration(text: str) -> int:
    """Read a reset: a Go duration (`6m0s`, `17ms`, `1.5s`) or plain seconds.

    Args:
        text: The header's value.

    Returns:
        Nanoseconds.

    Raises:
        DataError: The text is neither.
    """
    value = text.strip()
    if _NUMBER.fullmatch(value):
        return nanoseconds(Fraction(value))
    parts = _GO_PART.findall(value)
    if not parts or "".join(n + unit for n, unit in parts) != value:
        raise DataError(f"rate-limit reset: expected a duration such as 6m0s, found {text!r}")
    return sum(int(Fraction(n) * _UNITS[unit]) for n, unit in parts)


def parse_headers(headers: Mapping[str, str]) -> RateLimitHeaders:
    """Read every rate-limit header of a response.

    Args:
        headers: Names in any case; others are ignored.

    Raises:
        DataError: A known header holds something else than it should.
    """
    found: dict[str, dict[str, str]] = {}
    other: dict[str, str] = {}
    retry: dict[str, str] = {}
    for name, value in headers.items():
        low = name.lower()
        if low in {"retry-after", "retry-after-ms"}:
            retry[low] = value
        if low in {"ratelimit", "ratelimit-policy"}:
            for dimension, fields in _structured(value):
                found.setdefault(dimension, {}).update(fields)
            continue
        split = _split(low)
        if split is not None:
            dimension, field = split
            found.setdefault(dimension, {})[field] = value
        elif low.startswith(_FAMILIES):
            other[low] = value
    limits = {dimension: _limit(dimension, fields) for dimension, fields in found.items()}
    wait = _retry_after(retry)
    if wait is None:
        other |= retry
    return RateLimitHeaders(limits, wait, other or None)


def _structured(text: str) -> list[tuple[str, dict[str, str]]]:
    """Read IETF's `ratelimit` and `ratelimit-policy`, in the forms of drafts 5 to 10.

    `limit=100, remaining=50, reset=5`, `100;w=60`, and `"name";r=50;t=5`.

    Raises:
        DataError: It is none of these.
    """
    pairs = [_PAIR.fullmatch(part) for part in text.split(",")]
    if all(pairs):
        return [("all", _fields([pair for pair in pairs if pair is not None]))]
    found = []
    for member in text.split(","):
        name, *rest = member.split(";")
        item = _ITEM.fullmatch(name)
        known = [pair for part in rest if (pair := _PAIR.fullmatch(part)) is not None]
        if item is None:
            raise DataError(f"ratelimit header: expected a policy and its numbers, found {text!r}")
        fields = _fields(known)
        bare = item[2] or ""
        if bare.isdigit():
            fields["limit"] = bare
        found.append(("all" if bare.isdigit() else item[1] or bare, fields))
    return found


def _fields(pairs: Iterable[re.Match[str]]) -> dict[str, str]:
    known = {**_WORDS, **_TIMES}
    return {known[pair[1]]: pair[2] for pair in pairs if pair[1] in known}


def _split(name: str) -> tuple[str, str] | None:
    for family in _FAMILIES:
        if name.startswith(family):
            rest = name.removeprefix(family)
            for field in _FIELDS:
                if rest == field:
                    return "all", field
                if rest.startswith(f"{field}-"):
                    return rest.removeprefix(f"{field}-"), field
                if rest.endswith(f"-{field}"):
                    return rest.removesuffix(f"-{field}"), field
    return None


def _limit(dimension: str, fields: dict[str, str]) -> LimitHeader:
    reset, reset_at = _reset(fields.get("reset"))
    period = fields.get("renewalperiod")
    return LimitHeader(
        limit=_count(dimension, fields.get("limit")),
        remaining=_count(dimension, fields.get("remaining")),
        reset=reset,
        reset_at=reset_at,
        period=None if period is None else parse_duration(period),
    )


def _count(dimension: str, text: str | None) -> int | None:
    if text is None:
        return None
    value = text.strip()
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise DataError(
            f"rate-limit header for {dimension}: expected a whole number, found {text!r}"
        )
    return int(value)


def _reset(text: str | None) -> tuple[int | None, datetime | None]:
    if text is None:
        return None, None
    value = text.strip()
    if "T" in value:
        try:
            return None, datetime.fromisoformat(value)
        except ValueError:
            raise DataError(
                f"rate-limit reset: expected an RFC 3339 time, found {text!r}"
            ) from None
    return parse_duration(value), None


def _retry_after(sent: dict[str, str]) -> int | None:
    for name, unit in (("retry-after-ms", MILLISECOND), ("retry-after", SECOND)):
        text = sent.get(name, "").strip()
        if _NUMBER.fullmatch(text):
            return round(Fraction(text) * unit)
    return None
