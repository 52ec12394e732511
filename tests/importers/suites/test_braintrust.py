"""Datasets of Braintrust."""

from collections import Counter
from pathlib import Path

import pytest
from support.foreign import write
from support.suites import convert


def test_a_data_set_for_a_scorer(shared_data: Path) -> None:
    """60 rows, grades 1, 0 and .6 twenty times each, mean .5333 (the file's own)."""
    made = convert("braintrust", shared_data / "foreign/braintrust/coqa_factuality.dataset.json")
    grades = Counter(case.metadata["expected"] for case in made.cases)
    assert ({1: 20, 0: 20, 0.6: 20}, 60) == (grades, len(made.traces))
    assert pytest.approx(0.5333, abs=1e-4) == sum(g * n for g, n in grades.items()) / 60  # type: ignore[operator, misc]
    assert ("What color was Cotton?", "white") == (made.cases[0].input, made.traces[0].output)
    assert "60 `expected` that are numbers" in made.left_out[0]


def test_answers(tmp_path: Path) -> None:
    """Text is an expected answer; tags and ids are kept."""
    rows = [{"id": "r1", "input": {"q": "x"}, "expected": "y", "tags": ["a"]}]
    (case,) = convert("braintrust", write(tmp_path, "d.jsonl", rows), expect="equals").cases
    output = case.expected.output
    assert ("r1", "x", "y", ("a",)) == (case.id, case.input, output and output.equals, case.tags)
