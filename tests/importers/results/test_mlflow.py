"""Tables of MLflow."""

from pathlib import Path

import pytest
from support.foreign import foreign, mean, rows, values, write

from evalgate.errors import DataError


def test_a_real_table(shared_data: Path) -> None:
    """Exact 1/4; length 5.333 over 3 rows, the fourth is null (MLflow's own means)."""
    file = foreign(shared_data / "foreign" / "mlflow" / "eval_results_table.json")
    assert (0.25, pytest.approx(5.333, abs=1e-3)) == (mean(file, "exact"), mean(file, "length"))
    assert [5.0, 6.0, 5.0, None] == values(file, "length")
    assert "capital of France" == rows(file)[0].case


def test_a_short_row_is_an_error(tmp_path: Path) -> None:
    """A row that was cut names its place."""
    data = {"columns": ["inputs", "x/score"], "data": [["a", 1], ["b"]]}
    with pytest.raises(DataError, match=r"/data/1: found .*expected 2 cells"):
        foreign(write(tmp_path, "t.json", data))
