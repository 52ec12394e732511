"""How long is waited before asking again."""

import pytest

from evalgate.quota.backoff import backoff, hinted


@pytest.mark.parametrize(
    ("failed", "seconds"), [(1, 1.0), (2, 2.0), (5, 16.0), (6, 30.0), (10**9, 30.0)]
)
def test_waits_double_up_to_a_limit(failed: int, seconds: float) -> None:
    """Never longer than the longest, however many attempts have failed."""
    assert seconds == backoff(failed)


def test_base_and_limit_can_be_said() -> None:
    """Half a second first, ten at most."""
    assert [0.5, 1.0, 10.0] == [backoff(n, 0.5, 10.0) for n in (1, 2, 9)]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("1e9", 30.0), ("inf", 30.0), (None, 2.0), ("", 2.0)]
    + [(odd, 2.0) for odd in ("0", "-3", "nan", "soon", "Wed, 21 Oct 2026 07:28:00 GMT")],
)
def test_a_hint_is_obeyed_within_reason(header: str | None, seconds: float) -> None:
    """What is no number above 0 is no hint."""
    assert seconds == hinted(header, 2.0)
