"""Datasets of Langfuse."""

from pathlib import Path

from support.foreign import write
from support.suites import convert


def test_items(tmp_path: Path) -> None:
    """Input, expected output and id; archived items are left out, and said."""
    items = [
        {"id": "i1", "input": {"q": "x"}, "expectedOutput": {"a": "y"}, "status": "ACTIVE"},
        {"id": "i2", "input": "z", "expectedOutput": None, "status": "ARCHIVED"},
    ]
    made = convert("langfuse-dataset", write(tmp_path, "d.json", {"data": items}), expect="equals")
    (case,) = made.cases
    output = case.expected.output
    assert ("i1", "x", "y") == (case.id, case.input, output and output.equals)
    assert ("1 archived item",) == made.left_out
