"""Annotations of Ragas."""

from pathlib import Path

import pytest
from support.foreign import foreign, mean, rows


@pytest.mark.parametrize(
    ("name", "metric", "value", "said"),
    [
        ("annotated_data.json", "helpfulness", 0.428571, "16 of 21 verdicts and edited 8"),
        (
            "edited_chain_runs.json",
            "answer_correctness",
            0.722222,
            "18 of 18 verdicts and edited 6",
        ),
    ],
)
def test_real_annotations(
    shared_data: Path, name: str, metric: str, value: float, said: str
) -> None:
    """Rows, mean, accepted verdicts and edited prompts, counted from the file."""
    file = foreign(shared_data / "foreign" / "ragas" / name)
    assert pytest.approx(value, abs=1e-6) == mean(file, metric)
    assert int(said.split()[2]) == len(rows(file))
    assert said in file.results.notes[0]
    assert file.results.kinds[f"{metric} accepted"].informational
