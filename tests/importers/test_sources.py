"""Files an importer is given."""

from importlib import import_module
from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.importers.sources import read_source
from evalgate.importers.traces.bfcl import import_bfcl
from evalgate.registry import built_in


def test_every_importer_is_where_it_is_said_to_be() -> None:
    """Each takes data and options; each has a test file of its name."""
    for target in built_in("importers").values():
        module, _, name = target.partition(":")
        assert callable(getattr(import_module(module), name))
        stem = module.rpartition(".")[2]
        assert (Path(__file__).parent / "traces" / f"test_{stem}.py").is_file()


def test_json_and_lines_are_read(tmp_path: Path) -> None:
    """Lines by the file's name, or because there are several documents."""
    (tmp_path / "a.json").write_text('[\n{"a": 1}\n]')
    (tmp_path / "b.jsonl").write_text('{"a": 1}\n\n{"a": 2}\n')
    (tmp_path / "c.json").write_text('{"a": 1}\n{"a": 2}\n')
    assert [{"a": 1}] == read_source(tmp_path / "a.json", "chat")
    assert [{"a": 1}, {"a": 2}] == read_source(tmp_path / "b.jsonl", "chat")
    assert [{"a": 1}, {"a": 2}] == read_source(tmp_path / "c.json", "chat")


def test_bad_files_are_named(tmp_path: Path) -> None:
    """The line is that of the file."""
    (tmp_path / "a.json").write_text('{"a": 1,\n"a": 2}')
    (tmp_path / "b.jsonl").write_text('{"a": 1}\n{"a": NaN}\n')
    with pytest.raises(DataError, match=r"a.json:2:1: found the key 'a' again"):
        read_source(tmp_path / "a.json", "chat")
    with pytest.raises(DataError, match=r"b.jsonl:2:7: found NaN"):
        read_source(tmp_path / "b.jsonl", "chat")
    with pytest.raises(DataError, match=r"none.json cannot be read: No such file"):
        read_source(tmp_path / "none.json", "chat")


def test_the_files_of_bfcl_belong_together(shared_data: Path) -> None:
    """Questions, answers and the results beside them."""
    path = shared_data / "bfcl" / "parallel.questions.jsonl"
    imported = import_bfcl(read_source(path, "bfcl"), {})
    assert (200, 200) == (len(imported.cases), len(imported.traces))


def test_results_of_two_models_are_not_mixed(tmp_path: Path) -> None:
    """Which of them is meant cannot be guessed."""
    for name in ("x.questions.jsonl", "x.answers.jsonl", "x.a.results.jsonl", "x.b.results.jsonl"):
        (tmp_path / name).write_text("")
    with pytest.raises(DataError, match="found 2 files of results"):
        read_source(tmp_path / "x.questions.jsonl", "bfcl")
    with pytest.raises(DataError, match="expected a name that ends in"):
        read_source(tmp_path / "x.answers.jsonl", "bfcl")
