"""Tests of evalgate.output.numbers."""

import pytest

from evalgate.output.numbers import amount, change_text, interval_text, noise_text
from evalgate.schema.verdict import Check, Interval


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "USD", "unknown"),
        (0.0144, "USD", "$0.0144"),
        (0.855, "ratio", "85.5 %"),
        (0.0, "ratio", "0 %"),
        (1.0, "ratio", "100 %"),
        (1.2, "ratio", "1.2"),
        (0.00022, "USD", "$0.00022"),
        (1234567.0, "tokens", "1,234,567"),
        (0.00012, "ratio", "0.012 %"),
        (1.5, "s", "1.5 s"),
        (12.0, "count", "12"),
    ],
)
def test_amounts_have_their_unit(value: float | None, unit: str, text: str) -> None:
    """Unknown is a word and never zero."""
    assert text == amount(value, unit)


@pytest.mark.parametrize(
    ("direction", "change", "text"),
    [
        ("higher", 0.05, "5 % worse"),
        ("lower", 0.05, "5 % worse"),
        ("higher", -0.1, "10 % better"),
        ("lower", -0.1, "10 % better"),
        (None, 0.05, "5 % lower"),
        (None, -0.1, "10 % higher"),
        ("lower", 0.0, "no change"),
        ("lower", None, ""),
    ],
)
def test_changes_are_said_in_words(direction: str | None, change: float | None, text: str) -> None:
    """A change is worse or better, never a sign; where nobody knows which, lower or higher."""
    check = Check.model_validate(
        {
            "id": "m",
            "kind": "relative",
            "outcome": "pass",
            "direction": direction,
            "change": change,
            "reason": "",
        }
    )
    assert text == change_text(check)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.213, 0.714, "21.3 % to 71.4 % worse"),
        (0.0, 0.0, "no change"),
        (-0.2, -0.1, "20 % to 10 % better"),
        (-0.01, 0.09, "1 % better to 9 % worse"),
        (-0.01, None, "1 % better to any worse"),
        (0.1, None, "10 % worse or more"),
        (None, 0.1, "at most 10 % worse"),
        (None, None, "any change"),
    ],
)
def test_an_interval_reads_as_its_change(low: float | None, high: float | None, text: str) -> None:
    """Both ends say which way they go, as the change does."""
    assert text == interval_text(Interval(low=low, high=high))


@pytest.mark.parametrize(
    ("outcome", "settled", "text"),
    [
        ("fail", False, "not settled: noise can explain it"),
        ("pass", False, "not settled: a loss over the limit is not excluded"),
        ("inconclusive", False, "not settled: a loss over the limit is not excluded"),
        ("pass", True, "settled"),
        ("fail", None, ""),
    ],
)
def test_what_noise_leaves_open(outcome: str, settled: bool | None, text: str) -> None:  # noqa: FBT001
    """Of a pass there is nothing to explain: what it may hide is a loss."""
    check = Check.model_validate(
        {"id": "m", "kind": "relative", "outcome": outcome, "settled": settled, "reason": ""}
    )
    assert text == noise_text(check)
