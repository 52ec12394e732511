"""Inspect logs in both formats."""

import zipfile
from pathlib import Path

import pytest
from support.foreign import foreign, mean, rows, tokens, values, write

from evalgate.errors import DataError


def log(data: Path, name: str) -> Path:
    """Return a real log."""
    return data / "foreign" / "inspect" / name


def test_epochs_are_trials(shared_data: Path) -> None:
    """4 samples of 2 ids and 2 epochs, accuracy .75 (the header's results)."""
    file = foreign(log(shared_data, "log_streaming.eval"))
    assert {("1", 1), ("1", 2), ("2", 1), ("2", 2)} == {(r.case, r.trial) for r in rows(file)}
    assert 0.75 == mean(file, "match")


def test_no_scores_are_unscored(shared_data: Path) -> None:
    """10 samples without a score, in a log whose status is success."""
    file = foreign(log(shared_data, "popularity.eval"))
    assert [None] * 10 == values(file, "score")


def test_both_formats_read_alike(shared_data: Path) -> None:
    """One run in both formats: accuracy 0, 66 tokens in, 2 out (the log's stats)."""
    files = [foreign(log(shared_data, f"log_formats.{kind}")) for kind in ("eval", "json")]
    assert [([0.0], (66, 2))] * 2 == [(values(file, "match"), tokens(file)) for file in files]


def test_a_log_with_fewer_samples_than_its_header_says(shared_data: Path) -> None:
    """The header says 4 samples and accuracy 1; the file holds one, unscored: so is the rest."""
    file = foreign(log(shared_data, "log_tool_call_error.json"))
    assert "4 samples, and the log holds 1" in file.results.notes[0]
    assert set(values(file, "includes")) == {None}


def test_model_graded(shared_data: Path) -> None:
    """3 samples, accuracy 1, 959 tokens in and 1,033 out (the log's own)."""
    file = foreign(log(shared_data, "security-guide.json"))
    assert (1.0, (959, 1033)) == (mean(file, "model_graded_fact"), tokens(file))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("C", 1.0), ("P", 0.5), ("I", 0.0), ("N", 0.0), (True, 1.0), (0.3, 0.3), ("maybe", None)],
)
def test_values(tmp_path: Path, value: object, expected: float | None) -> None:
    """As Inspect's own reading of values, and what it cannot read is unscored."""
    sample = {"id": 1, "epoch": 1, "input": "x", "scores": {"s": {"value": value}}}
    data = {"status": "success", "eval": {}, "plan": {}, "samples": [sample]}
    assert [expected] == values(foreign(write(tmp_path, "log.json", data)), "s")


def test_an_errored_sample(tmp_path: Path) -> None:
    """Its scores are broken under the names of the run's scorers."""
    sample = {"id": 1, "epoch": 1, "input": "x", "error": {"message": "boom"}}
    results = {"scores": [{"name": "match"}]}
    data = {"status": "error", "eval": {}, "plan": {}, "results": results, "samples": [sample]}
    file = foreign(write(tmp_path, "log.json", data))
    assert ("boom", [None]) == (rows(file)[0].error, values(file, "match"))


def test_a_lost_sample_of_the_header_is_a_row(tmp_path: Path) -> None:
    """What the header names and the archive lacks is unscored, not gone."""
    path = tmp_path / "cut.eval"
    header = '{"status": "started", "eval": {"dataset": {"sample_ids": [1, 2]}}}'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_journal/start.json", header)
        archive.writestr(
            "samples/1_epoch_1.json",
            '{"id": 1, "epoch": 1, "input": "x", "scores": {"m": {"value": "C"}}}',
        )
    file = foreign(path)
    assert (["1", "2"], "cut off") == (
        [row.case for row in rows(file)],
        file.results.notes[0].rpartition("is ")[2],
    )


def test_a_cut_archive_is_one_message(shared_data: Path, tmp_path: Path) -> None:
    """Half a zip file names itself."""
    path = tmp_path / "half.eval"
    path.write_bytes(log(shared_data, "log_streaming.eval").read_bytes()[:3000])
    with pytest.raises(DataError, match=r"half\.eval: .*expected a whole zip archive"):
        foreign(path)
