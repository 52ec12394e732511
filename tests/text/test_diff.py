"""Differences a person can read."""

from hypothesis import given
from hypothesis import strategies as st

from evalgate.schema.base import Json
from evalgate.text.diff import json_diff, pieces, unified, words


def test_lines_are_compared() -> None:
    """Old, new and context, without file headers."""
    assert ("@@ -1,3 +1,3 @@", " a", "-b", "+x", " c") == unified("a\nb\nc", "a\nx\nc")
    assert () == unified("a", "a")


def test_words_are_compared() -> None:
    """Only the words that changed are marked."""
    expected = "Refund of [-10-]{+12+}.50 USD"
    assert expected == words("Refund of 10.50 USD", "Refund of 12.50 USD")


def test_json_is_compared_by_place() -> None:
    """Pointers, absences, and numbers by value."""
    before: Json = {"a": 1, "b": [1, 2], "c/d": "x", "gone": None}
    after: Json = {"a": 1.0, "b": [1, 3, 4], "c/d": "y", "new": True}
    assert (
        "/b/1: 2 -> 3",
        "/b/2: absent -> 4",
        '/c~1d: "x" -> "y"',
        "/gone: null -> absent",
        "/new: absent -> true",
    ) == json_diff(before, after)


def test_everything_is_capped() -> None:
    """What is left out is counted."""
    many: Json = {str(index): index for index in range(30)}
    assert "… and 25 more changes" == json_diff(many, {}, max_changes=5)[-1]
    assert "… and 98 more lines" == unified("", "x\n" * 100, max_lines=3)[-1]
    assert 601 == len(words("a b " * 500, "c d " * 500, max_length=600))


@given(text=st.text(max_size=40), other=st.text(max_size=40))
def test_equal_texts_and_only_they_have_no_difference(text: str, other: str) -> None:
    """A difference is never hidden, not even one of line breaks."""
    assert (text == other) == (unified(text, other) == ())
    assert (text == other) == (json_diff(text, other) == ())


@given(st.text("ab \n", max_size=60), st.text("ab \n", max_size=60))
def test_pieces_give_both_texts_back(before: str, after: str) -> None:
    """What was taken out and left is the old text; what was put in and left the new one."""
    found = list(pieces(before, after))
    assert (before, after) == ("".join(a for a, _ in found), "".join(b for _, b in found))
