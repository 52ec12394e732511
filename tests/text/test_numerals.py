"""Tests for `evalgate.text.numerals`."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.text.numerals import NUMBER, numeral, rounded


def _read(text: str) -> tuple[str, set[str]]:
    match = re.search(NUMBER, text, re.IGNORECASE)
    assert match
    key, also = numeral(match[0])
    return key, {key, *also}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1,100", "1100"),
        ("1.50", "1.5"),
        ("007", "7"),
        ("4.2 million", "4,200,000"),
        ("41m", "41 million"),
        ("17:30", "5:30 PM"),
        ("8:0", "8:00 a.m."),
        ("8:0", "8 AM"),
        ("12:00", "12 pm"),
        ("0:15", "12:15 am"),
        ("2024-03-04", "2024"),
    ],
)
def test_spellings_of_one_number_share_a_key(left: str, right: str) -> None:
    """Grouping, scales, clocks and trailing zeros do not make another number."""
    assert _read(left)[0] in _read(right)[1] or _read(right)[0] in _read(left)[1]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1,100", "1,900"),
        ("1.5", "15"),
        ("4.2 million", "4.2 billion"),
        ("17:30", "7:30 PM"),
        ("8:0", "8 PM"),
        ("8 AM", "8 PM"),
        ("56", "65"),
        ("1,2,3", "123"),
    ],
)
def test_other_numbers_share_none(left: str, right: str) -> None:
    """Two numbers that differ are told apart."""
    assert _read(left)[0] not in _read(right)[1]
    assert _read(right)[0] not in _read(left)[1]


def test_the_month_of_a_date_is_a_word() -> None:
    """A date in a record supports the name of its month."""
    assert "march" in _read("2024-03-04")[1]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("#132.89", {"#133", "#132.9"}),
        ("#13200", {"#13000", "#13200"}),
        ("#384400", {"#380000", "#384000"}),
        ("#1965", set()),
        ("#12", set()),
        ("#12:30", set()),
        ("#" + "9" * 5000, set()),
    ],
)
def test_rounded(key: str, expected: set[str]) -> None:
    """Fractions and large numbers may be rounded; years, clocks and small numbers may not."""
    assert expected == set(rounded(key))


@given(st.integers(min_value=0, max_value=10**12))
def test_grouping_never_changes_the_key(value: int) -> None:
    """`1,234,567` is `1234567`."""
    assert numeral(str(value))[0] == numeral(f"{value:,}")[0] == f"#{value}"
