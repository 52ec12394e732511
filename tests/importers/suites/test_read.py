"""What converters are given is JSON, whatever file it comes from."""

from datetime import datetime
from pathlib import Path

import pytest

from evalgate.importers.results.documents import JsonDocument
from evalgate.importers.suites.read import read_suite_source


def test_days_of_yaml_are_text(tmp_path: Path) -> None:
    """As they were written; a case holds no date."""
    path = tmp_path / "promptfooconfig.yaml"
    path.write_text("day: 2026-11-29\nat: 2026-11-29T08:00:00Z\nlist: [2026-01-01]\n")
    document = read_suite_source(path).document
    assert isinstance(document, JsonDocument)
    expected = {"day": "2026-11-29", "at": "2026-11-29T08:00:00+00:00", "list": ["2026-01-01"]}
    assert expected == document.value


def test_values_of_parquet_are_json(tmp_path: Path) -> None:
    """Times, bytes and missing numbers."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    row = {"at": datetime(2026, 1, 2, 3, 4), "raw": b"a\xff", "n": float("nan"), "i": 1}  # noqa: DTZ001  # as a table has it
    parquet.write_table(arrow.Table.from_pylist([row]), tmp_path / "a.parquet")
    document = read_suite_source(tmp_path / "a.parquet").document
    assert isinstance(document, JsonDocument)
    assert [{"at": "2026-01-02T03:04:00", "raw": "a\ufffd", "n": None, "i": 1}] == document.value
