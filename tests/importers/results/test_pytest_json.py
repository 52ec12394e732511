"""Reports of pytest-json-report."""

from pathlib import Path

import pytest
from support.foreign import foreign, rows, values


def test_a_real_report(shared_data: Path) -> None:
    """2 passed, 2 failed, 1 error, 1 skipped, 1 xfailed, 1 xpassed (the file's summary)."""
    file = foreign(shared_data / "foreign" / "pytest" / "report.json")
    expected = [1.0, 0.0, 0.0, None, None, None, 1.0, 1.0]
    assert expected == values(file, "task_success")
    assert [3] == [i for i, row in enumerate(rows(file)) if row.error is not None]
    assert "1 error, 2 failed, 2 passed, 1 skipped, 1 xfailed, 1 xpassed" in file.results.notes[0]


def test_properties(shared_data: Path) -> None:
    """Numbers are scores, a cost is a cost."""
    file = foreign(shared_data / "foreign" / "pytest" / "report.json")
    assert [1.0, 0.0, 0.0] == values(file, "score")[:3]
    assert pytest.approx(0.0012) == sum(row.cost_usd or 0 for row in rows(file))
    assert "cost_usd" not in rows(file)[0].scores
