"""Values that importers have in common."""

import pytest

from evalgate.importers.imported import tokens_or_none
from evalgate.schema.base import Json


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12, 12),
        (12.0, 12),
        ("12", 12),
        (2**53, 2**53),
        (1.5, None),
        (-1, None),
        (True, None),
        (1e308, None),  # once an integer of 309 digits, which no file of ours can hold
        ("9" * 400, None),
    ],
)
def test_counts(value: Json, expected: int | None) -> None:
    """A number that nobody counted to is none."""
    assert expected == tokens_or_none(value)
