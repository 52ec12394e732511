"""Numbers with the word that fits them."""

import pytest

from evalgate.text.counts import number_of


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
