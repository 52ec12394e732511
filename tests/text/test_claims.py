"""Tests for `evalgate.text.claims`."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.text.claims import claims


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("1. Boil the eggs.\n2) Peel them.", ["Boil the eggs.", "Peel them."]),
        ("- first\n* second\n\u2022 third\n# Heading", ["first", "second", "third", "Heading"]),
        ("Dr. Foo met J. K. Bar at 3 p.m. today.", ["Dr. Foo met J. K. Bar at 3 p.m. today."]),
        ("It is no. 4. So it is no. End.", ["It is no. 4.", "So it is no.", "End."]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("Use salt, e.g. sea salt. Stir.", ["Use salt, e.g. sea salt.", "Stir."]),
        ("It costs 3.5 million. Pay.", ["It costs 3.5 million.", "Pay."]),
        ("\n\n  ...  \n--\n", []),
        ("", []),
    ],
)  # fmt: skip
def test_claims(text: str, expected: list[str]) -> None:
    """Sentences, items and headings are claims; abbreviations and numbers do not end one."""
    assert expected == [claim.text for claim in claims(text)]


@given(st.text(alphabet="aB1 .!?\n-*\"'()\u2019\x00\x01\x02", max_size=80))
def test_offsets_point_at_the_text(text: str) -> None:
    """The offsets of a claim give its text, claims are in order, and no letter is lost."""
    found = claims(text)
    assert [claim.text for claim in found] == [text[claim.start : claim.end] for claim in found]
    assert [claim.start for claim in found] == sorted(claim.start for claim in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@pytest.mark.parametrize(
    "unit", ["!", "\n", " ", ". ", "a. ", "- ", '"', "1. ", "(", "\u2019)", "a", ".)", "*_"]
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    """Half a million characters of anything are split within seconds."""
    begun = time.process_time()
    claims(unit * (500_000 // len(unit)) + "x")
    assert time.process_time() - begun < 5
