"""What a tool's answer says."""

from typing import Any

import pytest

from evalgate.gateway.tool_results import arguments_of, content_of, error_of
from evalgate.gateway.wire.base import CalledTool, ToolResult


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("22 C", None),
        ("No errors were found.", None),
        ("The train is 5 minutes late; time out of mind", None),
        ('{"error": null, "temp": 3}', None),
        ('{"errors": 0}', None),
        ('{"status": "ok"}', None),
        ("Error: no such city", "error"),
        ("ValueError: bad", "error"),
        ("Traceback (most recent call last):\n  ...", "error"),
        ('{"error": "no such city"}', "error"),
        ('{"isError": true}', "error"),
        ('{"success": false}', "error"),
        ('{"status": "timeout"}', "timeout"),
        ("Error: the request timed out", "timeout"),
        ('{"error": "context deadline exceeded"}', "timeout"),
        ([{"type": "text", "text": "Error: a"}, {"type": "text", "text": "b"}], "error"),
        (None, None),
        ({"error": "x"}, "error"),
    ],
)
def test_failures(content: Any, error: str | None) -> None:  # noqa: ANN401  any JSON
    """The usual forms of a failed result are read; ordinary text is no failure."""
    assert error == error_of(ToolResult("c", content))


def test_a_marked_failure() -> None:
    """What the protocol marks as an error is one, whatever its text."""
    assert "error" == error_of(ToolResult("c", "sunny", failed=True))
    assert "timeout" == error_of(ToolResult("c", "timed out", failed=True))


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ('{"a":1}', {"a": 1}),
        ("", {}),
        ({"a": 1}, {"a": 1}),
        ('{"a":', '{"a":'),
        ("[1]", "[1]"),
        ("[" * 99_999, "[" * 99_999),
    ],
)
def test_arguments(sent: Any, read: Any) -> None:  # noqa: ANN401  any JSON
    """Arguments are an object, or the text that is none."""
    assert read == arguments_of(CalledTool("c", "f", sent))


def test_free_text_is_no_broken_json() -> None:
    """A custom tool takes free text by design."""
    assert {"input": "SELECT 1"} == arguments_of(CalledTool("c", "f", "SELECT 1", free_text=True))


def test_text_blocks_are_one_text() -> None:
    """A list of text blocks is joined; one with an image stays as it is."""
    blocks: Any = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert "a\nb" == content_of(ToolResult("c", blocks))
    mixed: Any = [*blocks, {"type": "image"}]
    assert mixed == content_of(ToolResult("c", mixed))
