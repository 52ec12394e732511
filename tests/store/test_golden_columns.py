"""Golden sets in columns."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.store.golden import load_golden, write_golden
from evalgate.store.golden_columns import ColumnFormat, load_through_datasets

datasets = pytest.importorskip("datasets", reason="the extra `datasets` is not installed")

_HEADER = ["id", "input", "messages", "expected", "tags", "must_pass", "weight"]
_ROWS: list[list[object]] = [
    ["1", "007", None, '{"output": {"equals": 1}}', '["a"]', True, 2.0],
    ["b", None, '[{"role": "user", "content": "x"}]', '{"refusal": true}', None, None, None],
]


def _csv(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def _file(folder: Path, format_name: ColumnFormat) -> Path:
    path = folder / f"golden.{format_name}"
    columns = {name: [row[i] for row in _ROWS] for i, name in enumerate(_HEADER)}
    table = datasets.Dataset.from_dict(columns)
    match format_name:
        case "csv":
            return _csv(path, _HEADER, _ROWS)
        case "parquet":
            table.to_parquet(str(path))
            return path
        case _:
            table.save_to_disk(str(folder / "saved"))
            return next((folder / "saved").glob("*.arrow"))


@pytest.mark.parametrize("format_name", ["csv", "parquet", "arrow"])
def test_columns_are_the_same_cases_as_lines(tmp_path: Path, format_name: ColumnFormat) -> None:
    """Texts stay texts (007), JSON keeps its types, and the digest is that of JSONL."""
    golden = load_through_datasets(str(_file(tmp_path, format_name)), format_name)
    first, second = golden.cases
    assert ("1", "007", ("a",), True, 2.0) == (
        first.id,
        first.input,
        first.tags,
        first.must_pass,
        first.weight,
    )
    assert first.expected.output is not None
    assert 1 == first.expected.output.equals
    assert second.expected.refusal is True
    write_golden(tmp_path / "golden.jsonl", golden.cases)
    assert load_golden(tmp_path / "golden.jsonl").digest == golden.digest


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    """Row, column and pointer."""
    rows: list[list[object]] = [
        ["a", "x", '{"refusal": true, "refusal": false}'],
        ["b", "x", '{"refusl": true}'],
        ["a", "x", "{}"],
        ["a", "x", "{}"],
    ]
    path = _csv(tmp_path / "g.csv", ["id", "input", "expected"], rows)
    with pytest.raises(DataError) as caught:
        load_through_datasets(str(path), "csv")
    message = caught.value.message
    assert "g.csv: 3 problems" in message
    assert "line 1, column 'expected': found the key 'refusal' again" in message
    assert "line 2, /expected/refusl: unknown key 'refusl' (did you mean 'refusal'?)" in message
    assert "line 4, /id: found the id 'a' again; line 3 has it" in message


def test_unknown_and_missing_columns_are_named(tmp_path: Path) -> None:
    """Nothing is dropped silently."""
    path = _csv(tmp_path / "g.csv", ["id", "input", "expectd"], [["a", "x", "{}"]])
    with pytest.raises(DataError, match=r"column 'expectd' \(did you mean 'expected'\?\)"):
        load_through_datasets(str(path), "csv")
    path = _csv(tmp_path / "g.csv", ["id"], [["a"]])
    with pytest.raises(DataError, match="expected `id` and `input` at least"):
        load_through_datasets(str(path), "csv")
    with pytest.raises(DataError, match="no such file"):
        load_through_datasets(str(tmp_path / "none.csv"), "csv")
    (tmp_path / "g.parquet").write_text("no parquet")
    with pytest.raises(DataError, match="is no parquet file"):
        load_through_datasets(str(tmp_path / "g.parquet"), "parquet")


def test_a_cell_of_another_type_is_refused(tmp_path: Path) -> None:
    """A weight that is no number has no default, and "NA" is a text."""
    header = ["id", "input", "weight", "must_pass"]
    path = _csv(tmp_path / "g.csv", header, [["NA", "null", "heavy", "yes"]])
    with pytest.raises(DataError) as caught:
        load_through_datasets(str(path), "csv")
    assert "line 1, column 'must_pass': found 'yes'; expected true or false" in str(caught.value)
    assert "line 1, column 'weight': found 'heavy'; expected a number" in str(caught.value)
    path = _csv(tmp_path / "g.csv", header, [["NA", "null", "2", ""]])
    (case,) = load_through_datasets(str(path), "csv").cases
    assert ("NA", "null", 2.0, False) == (case.id, case.input, case.weight, case.must_pass)
    datasets.Dataset.from_dict({"id": ["a"], "input": ["x"], "weight": ["heavy"]}).to_parquet(
        str(tmp_path / "g.parquet")
    )
    with pytest.raises(DataError, match="weight: float64"):
        load_through_datasets(str(tmp_path / "g.parquet"), "parquet")


_WITHOUT = """
import sys
sys.modules["datasets"] = None
from evalgate.errors import MissingExtra
from evalgate.store.golden_columns import load_through_datasets
try:
    load_through_datasets("golden.parquet", "parquet")
except MissingExtra as error:
    print(error)
"""


def test_a_missing_extra_says_how_to_install_it() -> None:
    """The command holds the right name of the distribution."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT], capture_output=True, text=True, check=True
    )
    assert "pip install 'agent-evalgate[datasets]'" in done.stdout
