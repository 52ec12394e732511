"""Tests for `evalgate.text.common_words`."""

import re

import pytest

from evalgate.text import common_words


@pytest.mark.parametrize("band", [name for name in vars(common_words) if name.isupper()])
def test_bands_are_plain_words(band: str) -> None:
    """Every entry is a lower-case word, since entries are compared by stem."""
    words = getattr(common_words, band).split()
    assert [] == [word for word in words if not re.fullmatch(r"[a-z][a-z-]*", word)]
    assert len(words) > 100
