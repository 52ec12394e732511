"""Results of Evalite."""

from pathlib import Path

import pytest
from support.foreign import foreign, rows, values


def test_a_real_file(shared_data: Path) -> None:
    """Exact 1, 0, 0; Prefix 1, 1, .25; mean of both .541667; the row that threw is errored."""
    file = foreign(shared_data / "foreign" / "evalite" / "results.json")
    exact, prefix = values(file, "Exact"), values(file, "Prefix")
    assert ([1.0, 0.0, 0.0, None], [1.0, 1.0, 0.25, None]) == (exact, prefix)
    known = [(a + b) / 2 for a, b in zip(exact[:3], prefix[:3], strict=True) if a is not None and b]
    assert pytest.approx(0.5416666666666666) == sum(known) / 3
    assert [False, False, False, True] == [row.error is not None for row in rows(file)]
