"""Annotations of Ragas as cases."""

from pathlib import Path

import pytest
from support.suites import convert


@pytest.mark.parametrize(
    ("name", "count", "references"),
    [("annotated_data.json", 21, 0), ("edited_chain_runs.json", 18, 18)],
)
def test_annotations(shared_data: Path, name: str, count: int, references: int) -> None:
    """Questions are cases, answers traces, and a person's agreement is kept."""
    made = convert("ragas", shared_data / "foreign" / "ragas" / name)
    assert (count, count) == (len(made.cases), len(made.traces))
    assert references == sum(case.expected.output is not None for case in made.cases)
    assert {"metric", "verdict", "accepted"} == set(made.cases[0].metadata["annotation"])  # type: ignore[arg-type]
