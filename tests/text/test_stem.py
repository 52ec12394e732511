"""Tests for `evalgate.text.stem`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.text.stem import stem


@pytest.mark.parametrize(
    "family",
    [
        "egg eggs",
        "boil boils boiled boiling",
        "make makes making made",
        "stop stops stopped stopping",
        "city cities",
        "child children",
        "quick quickly",
        "run runs running ran",
        "large larger largest",
        "big bigger biggest",
        "operate operates operating operation",
        "tell tells telling told",
        "control controls controlled",
    ],
)
def test_forms_of_a_word_share_a_stem(family: str) -> None:
    """Plural, tense, comparison and plain derivation do not change the stem."""
    words = family.split()
    assert {stem(words[0])} == {stem(word) for word in words}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("mile", "million"),
        ("butter", "but"),
        ("summer", "sum"),
        ("used", "us"),
        ("gas", "gain"),
    ],
)
def test_other_words_keep_apart(left: str, right: str) -> None:
    """A stem does not join words that only look alike."""
    assert stem(left) != stem(right)


@given(st.text(alphabet=st.characters(categories=["Ll"]), min_size=1, max_size=60))
def test_a_stem_is_never_empty(word: str) -> None:
    """Any word has a stem, no longer than itself or the form it stands for."""
    assert stem(word)
    assert len(stem(word)) <= 40
