"""Time stamps of other formats."""

from evalgate.importers.times import from_nanoseconds, moment, rfc3339, seconds_since


def test_times_are_read_in_utc() -> None:
    """A zone is applied; a time without one is taken as UTC; anything else is no time."""
    assert "2025-05-13T00:28:13.500000Z" == rfc3339(moment("2025-05-12T20:28:13.5-04:00"))
    assert "2025-08-01T16:20:44Z" == rfc3339(moment("2025-08-01T16:20:44"))
    assert [None, None, None] == [moment(value) for value in ("soon", 5, None)]


def test_seconds_are_counted_from_the_start() -> None:
    """Unknown on either side is unknown."""
    start, end = moment("2025-08-01T00:00:00Z"), moment("2025-08-01T00:00:01.25Z")
    assert 1.25 == seconds_since(start, end)
    assert seconds_since(None, end) is None
    assert seconds_since(start, None) is None


def test_nanoseconds_are_read() -> None:
    """Beyond the calendar there is no time."""
    assert "2025-10-09T08:53:20Z" == rfc3339(from_nanoseconds(1_760_000_000_000_000_000))
    assert from_nanoseconds(10**30) is None
    assert from_nanoseconds(None) is None
