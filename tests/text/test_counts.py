"""Numbers with the word that fits them."""

import pytest

from evalgate.text.counts import number_of, percent_text, signed_percent


@pytest.mark.parametrize(
    ("count", "words", "expected"),
    [
        (0, ("case",), "0 cases"),
        (1, ("case",), "1 case"),
        (2, ("case",), "2 cases"),
        (1000, ("trial",), "1,000 trials"),
        (1, ("process is", "processes are"), "1 process is"),
        (3, ("process is", "processes are"), "3 processes are"),
    ],
)
def test_the_word_fits_the_number(count: int, words: tuple[str, ...], expected: str) -> None:
    """One of a thing, and any other number of them."""
    assert expected == number_of(count, *words)


@pytest.mark.parametrize(
    ("share", "text", "signed"),
    [
        (0.0, "0 %", "0 %"),
        (2 / 3, "66.7 %", "+66.7 %"),
        (0.05, "5 %", "+5 %"),
        (-0.05, "-5 %", "-5 %"),
        (0.00012, "0.012 %", "+0.012 %"),
    ],
)
def test_percentages_have_one_spelling(share: float, text: str, signed: str) -> None:
    """One digit at most, none that is zero, and a space before the sign."""
    assert (text, signed) == (percent_text(share), signed_percent(share))
