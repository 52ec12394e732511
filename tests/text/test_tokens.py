"""Tests for `evalgate.text.tokens`."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.text.tokens import read, tokens

RECORD = '{"WiFi": null, "OutdoorSeating": false, "lot": true, "hours": {"Monday": "8:0-17:30"}}'


def _denied(text: str) -> set[str]:
    return {text[token.start : token.end] for token in tokens(text) if token.denied}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It does not accept cards, and parking is free.", {"accept", "cards"}),
        ("They don\u2019t take reservations.", {"take", "reservations"}),
        ("It is not only cheap.", {"only"}),
        ("Open without appointment.", {"appointment"}),
        ("Nobody minds.", set()),
        ("pets_allowed: no", {"pets", "allowed"}),
        ('{"OutdoorSeating": false, "lot": true}', {"OutdoorSeating"}),
    ],
)
def test_scope_of_a_denial(text: str, expected: set[str]) -> None:
    """A "not" reaches over the words of its clause, and a false field denies its name."""
    assert expected == _denied(text)


def test_a_null_field_says_nothing() -> None:
    """Neither the name of a null field nor its value is a word of the record."""
    keys = {token.key for token in tokens(RECORD)}
    assert "wifi" not in keys
    assert "null" not in keys
    assert {"lot", "#8:00", "#17:30"} <= keys


def test_camel_case_parts_are_keys_too() -> None:
    """`OutdoorSeating` is found under its parts."""
    assert {"seat"} <= {key for token in tokens(RECORD) for key in token.also}


def test_names_are_capitals_inside_a_sentence() -> None:
    """The first word of a sentence is no name by its capital alone."""
    text = "The painter Judith Leyster lived there. Then Haarlem changed."
    assert ["Judith", "Leyster", "Haarlem"] == [
        text[token.start : token.end] for token in tokens(text) if token.name
    ]


def test_accents_and_possessives_do_not_matter() -> None:
    """`Rh\u00f4ne's` is `Rhone`."""
    assert [t.key for t in tokens("Rhone")] == [t.key for t in tokens("Rh\u00f4ne\u2019s")]


@given(st.text(max_size=200))
def test_offsets_give_what_was_read(text: str) -> None:
    """Tokens stand in order, and none is empty, whatever the text."""
    found = tokens(text)
    assert len(read(text)) == len(found)
    assert all(token.key and token.start < token.end for token in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "1",
        "1,",
        "1:",
        "a'",
        "\u2019",
        "not ",
        "x: no, ",
        "x: ",
        "12 m",
        "\x00",
        "\u0301",
        "A.",
    ],
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    """Half a million characters of anything are read within seconds."""
    begun = time.process_time()
    tokens(unit * (500_000 // len(unit)))
    assert time.process_time() - begun < 10
