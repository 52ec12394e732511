"""Keeping cassettes fit for review: pruning, scanning, sizes, and showing them."""

from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.schema.cassette import CallEntry, CassetteHeader, RecordedResponse, TrialEntry
from evalgate.store.cassette_care import check_size, prune, scan, show
from evalgate.store.cassettes import cassette_path, read_cassette, write_cassette
from evalgate.text.redact import Redactor


def _fill(folder: Path, case: str, said: str = "hello") -> Path:
    calls = [
        CallEntry(
            trial=trial,
            key=f"sha256:{number:064x}",
            start=0.0,
            end=0.25,
            request={"wire": "openai_chat", "model": "m", "messages": [said]},
            response=RecordedResponse(status=200, text=said),
        )
        for trial in range(2)
        for number in range(3)
    ]
    path = cassette_path(folder, case)
    ends = [TrialEntry(trial=trial, duration=1.0) for trial in range(2)]
    write_cassette(path, CassetteHeader(case_id=case, source="scripted"), [*calls, *ends])
    return path


def test_prune_takes_cases_trials_and_unused_lines(tmp_path: Path) -> None:
    """What no case, trial or replay can ask for goes; a dry run says the same and does nothing."""
    kept, gone = _fill(tmp_path, "kept"), _fill(tmp_path, "gone")

    def used(_case: str, entry: CallEntry) -> bool:
        return not entry.key.endswith("2")

    planned = prune(tmp_path, ["kept"], trials=1, used=used, dry_run=True)
    assert gone.exists()
    done = prune(tmp_path, ["kept"], trials=1, used=used)
    assert ((gone,), 5) == (planned.files, planned.entries) == (done.files, done.entries)
    assert not gone.exists()
    left = read_cassette(kept)
    assert (2, 1) == (len(left.calls), len(left.trials))


def test_prune_keeps_a_file_that_needs_nothing(tmp_path: Path) -> None:
    """A cassette of which everything is used keeps its bytes."""
    path = _fill(tmp_path, "kept")
    before = path.read_bytes()
    assert (0, 0) == (prune(tmp_path, ["kept"]).entries, prune(tmp_path, ["kept"]).freed)
    assert before == path.read_bytes()


def test_scan_finds_what_is_left(tmp_path: Path) -> None:
    """A secret that today's environment knows is found, with file and line, and is not shown."""
    path = _fill(tmp_path, "leaky", said="the key is hunter2-hunter2")
    _fill(tmp_path, "clean")
    found = scan(tmp_path, Redactor.build({"DB_PASSWORD": "hunter2-hunter2"}))
    assert {(path, "DB_PASSWORD")} == {(leak.path, leak.kind) for leak in found}
    assert {2, 3, 4, 5, 6, 7, 8} >= {leak.line for leak in found} >= {2}
    assert "hunter2" not in repr(found)


def test_the_budget_names_the_largest(tmp_path: Path) -> None:
    """Above the budget there is an error with the largest files; below, the sum."""
    _fill(tmp_path, "small")
    _fill(tmp_path, "large", said="x" * 5_000)
    assert check_size(tmp_path, 10**6) > 30_000
    with pytest.raises(DataError, match=r"the budget is 1,000; .* large\.jsonl") as raised:
        check_size(tmp_path, 1_000)
    assert "gateway.max_bytes" in str(raised.value.fix)


def test_show_is_safe_for_a_terminal(tmp_path: Path) -> None:
    """One line a response; what the model said cannot move the cursor."""
    path = _fill(tmp_path, "hostile", said="\x1b[2Jboo")
    lines = show(path)
    assert "case hostile: 6 responses, answered by scripted" == lines[0]
    assert 9 == len(lines)
    assert "\x1b" not in "".join(lines)
    assert "trial 1 took 1 s" == lines[-1]
