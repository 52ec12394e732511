"""Time stamps of other formats as seconds since the start of a trial."""

from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Final

from evalgate.schema.base import Json

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(value: Json) -> datetime | None:
    """Read an ISO 8601 time; one without a zone is taken as UTC.

    Returns:
        The time in UTC; null for anything that is no time.
    """
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).astimezone(UTC)


def seconds_since(start: datetime | None, value: datetime | None) -> float | None:
    """Return the seconds between two times, to the microsecond; null where one is unknown."""
    if start is None or value is None:
        return None
    seconds = round((value - start).total_seconds(), 6)
    return seconds if isfinite(seconds) else None


def from_nanoseconds(value: int | None) -> datetime | None:
    """Read nanoseconds since 1970, to the microsecond; null for a time beyond the calendar."""
    if value is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=value // 1_000)
    except OverflowError:
        return None


def to_nanoseconds(value: datetime | None) -> int | None:
    """Return nanoseconds since 1970; null for no time."""
    return None if value is None else (value - _EPOCH) // timedelta(microseconds=1) * 1_000


def rfc3339(value: datetime | None) -> str | None:
    """Write a time in UTC, with the fractions it has."""
    return None if value is None else value.isoformat().replace("+00:00", "Z")
