"""What a tool answered, read for failure."""

import pytest

from evalgate.schema.base import Json
from evalgate.text.failures import literal, says_failed


@pytest.mark.parametrize(
    "content",
    [
        "Error: no such order",
        "Traceback (most recent call last):",
        '{"error": "gone"}',
        "{'error': 'gone'}",
        "{'success': False, 'reason': None}",
        " {'status': 'error'}",
        {"isError": True},
        {"ok": False},
    ],
)
def test_failures_are_seen_in_every_form(content: Json) -> None:
    """JSON, the text of a Python dict, an object, or words at the start."""
    assert says_failed(content)


@pytest.mark.parametrize(
    "content",
    ["no error", '{"error": null}', "{'error': None, 'rows': [1]}", "{'error'", 5, None, [], "[1]"],
)
def test_anything_else_is_an_answer(content: Json) -> None:
    """A word in the middle, a key that is null."""
    assert not says_failed(content)


@pytest.mark.parametrize(
    "text", ["{'a': __import__('os')}", "{1: 2}", "{'a': {1}}", "{'a': 1e999}"]
)
def test_a_literal_is_data_or_nothing(text: str) -> None:
    """Nothing is run, and what JSON cannot hold is no data."""
    assert literal(text) is None
