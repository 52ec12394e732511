"""Tests for `evalgate.text.synonyms`."""

import pytest

from evalgate.text.stem import stem
from evalgate.text.synonyms import synonym_groups


@pytest.mark.parametrize(
    ("left", "right"), [("buy", "purchase"), ("autumn", "fall"), ("doctors", "physician")]
)
def test_words_of_one_meaning_share_a_group(left: str, right: str) -> None:
    """A paraphrase is recognised in any form of the words."""
    groups = synonym_groups()
    assert set(groups[stem(left)]) & set(groups[stem(right)])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("increase", "decrease"),
        ("open", "close"),
        ("hot", "cold"),
        ("cat", "dog"),
        ("winter", "summer"),
        ("win", "lose"),
        ("more", "less"),
        ("before", "after"),
        ("accept", "reject"),
        ("buy", "sell"),
    ],
)
def test_opposites_and_neighbours_share_none(left: str, right: str) -> None:
    """What would hide a contradiction is in no group."""
    groups = synonym_groups()
    assert not set(groups.get(stem(left), ())) & set(groups.get(stem(right), ()))
