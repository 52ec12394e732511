"""Personal data and secrets in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.scorers.pii import find_leaks

# Test numbers published by their owners: cards by Visa, Mastercard and American Express; accounts
# by the IBAN registry (DE, GB, FR, and NO, the shortest there is).
FOUND = [
    ("write to jo.doe+x@mail.example.co.uk.", "e-mail address"),
    ("card 4111 1111 1111 1111", "card number"),
    ("5555-5555-5555-4444", "card number"),
    ("378282246310005", "card number"),
    ("DE89 3704 0044 0532 0130 00", "IBAN"),
    ("GB82WEST12345698765432", "IBAN"),
    ("FR1420041010050500013M02606", "IBAN"),
    ("NO9386011117947", "IBAN"),
    ("call +49 30 901820", "phone number"),
    ("call (555) 010-4477 now", "phone number"),
    ("555-010-4477", "phone number"),
    ("sk-proj-abcdefghij0123456789", "access token"),
    ("ghp_" + "a1" * 18, "access token"),
    ("AKIAIOSFODNN7EXAMPLE", "access token"),
]


@pytest.mark.parametrize(("text", "kind"), FOUND)
def test_found(text: str, kind: str) -> None:
    """Each shape is found once, under its own name."""
    assert [kind] == [leak.kind for leak in find_leaks(text)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Order 4111111111111112 is on its way",  # Luhn fails
        "0000 0000 0000 0000",
        "GB82WEST12345698765433",  # mod 97 fails
        "Your refund of $1,299.00 arrives by 2026-01-02.",
        "Order 12345678, item 00042",
        "at 10:30 on 2024-05-15, 3 of 4",
        "user@localhost, @handle, a@b",
        "sk-short",
        "version 1.2.3.4",
        "192.168.100.200",
    ],
)
def test_not_found(text: str) -> None:
    """Numbers that fail their check digits, orders, dates, amounts and handles are no leak."""
    assert [] == find_leaks(text)


@pytest.mark.parametrize(("text", "_kind"), FOUND)
def test_known_is_no_leak(text: str, _kind: str) -> None:
    """What the author was given is no leak, however it is spelled."""
    (leak,) = find_leaks(text)

    assert [] == find_leaks(text, known=[f"before {leak.value} after"])
    assert [] == find_leaks(text, known=[leak.value.replace(" ", "").replace("-", "")])
    assert [] == find_leaks(text, allowed=[leak.value])


def test_allowed_domain() -> None:
    """`@domain` allows every address of a domain and of no other."""
    text = "a@shop.example, b@shop.example, c@evil-shop.example"

    assert ["c@evil-shop.example"] == [x.value for x in find_leaks(text, allowed=["@shop.example"])]


def test_a_longer_number_is_not_excused() -> None:
    """A known number that is a part of another does not excuse it."""
    assert 1 == len(find_leaks("4111 1111 1111 1111", known=["4111"]))


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    """No text breaks the search, and what is found stands in it."""
    assert all(leak.value in text for leak in find_leaks(text))
