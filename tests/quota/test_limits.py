"""The least and the largest limit there is."""

import pytest

from evalgate.errors import ConfigError
from evalgate.quota.quota import Quota


@pytest.mark.parametrize("rpm", [1, 10**12])
def test_the_ends_of_a_count_are_taken(rpm: int) -> None:
    """1 and 10^12."""
    assert rpm == Quota(rpm=rpm).rpm


@pytest.mark.parametrize("rpm", [0, 10**12 + 1, True])
def test_what_lies_beyond_is_refused(rpm: int) -> None:
    """No limit of 0, none that overflows nanoseconds, and true is no number."""
    with pytest.raises(ConfigError, match="whole number from 1"):
        Quota(rpm=rpm)


@pytest.mark.parametrize("window", [0.001, 366 * 86_400])
def test_the_ends_of_a_window_are_taken(window: float) -> None:
    """A millisecond and a leap year."""
    assert window == Quota(rpm=60, window=window).window


@pytest.mark.parametrize("window", [0.0009, 366 * 86_400 + 1])
def test_a_window_beyond_is_refused(window: float) -> None:
    """Shorter than a millisecond, longer than a year."""
    with pytest.raises(ConfigError, match=r"seconds from 0\.001"):
        Quota(rpm=60, window=window)
