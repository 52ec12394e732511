"""Recordings are what they were when the run began, and journals are recordings too."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from support.scratch import Scratch

from evalgate.errors import DataError
from evalgate.gateway.cassette_index import CaseCassette, CassetteIndex
from evalgate.schema.cassette import CallEntry, CassetteHeader
from evalgate.store.cassettes import write_cassette
from evalgate.suite.base_revision import Base
from evalgate.suite.suite import Selection, find_suites
from evalgate.suite.trust import Trust
from evalgate.trust.evidence import supplied_evidence


@pytest.fixture
def shelf(tmp_path: Path) -> CassetteIndex:
    """Return the shelf of a folder with one recorded case."""
    write_cassette(tmp_path / "one.jsonl", CassetteHeader(case_id="one"), ())
    return CassetteIndex(tmp_path)


def held(shelf: CassetteIndex, case: str) -> int:
    """Count the recorded responses of a case."""
    found = shelf.cassette(case)
    assert isinstance(found, CaseCassette)
    return len(found)


@pytest.mark.parametrize("what", ["rewritten", "removed", "added"])
def test_a_cassette_changed_during_the_run(shelf: CassetteIndex, what: str) -> None:
    """What an agent writes among the recordings is refused, before any answer of it is used."""
    shelf.seal()
    path = shelf.directory / "one.jsonl"
    match what:
        case "rewritten":
            write_cassette(path, CassetteHeader(case_id="one", source="mine"), ())
        case "removed":
            path.unlink()
        case _:
            write_cassette(shelf.directory / "two.jsonl", CassetteHeader(case_id="two"), ())
    found = shelf.cassette("two" if what == "added" else "one")
    assert isinstance(found, DataError)
    assert "rewrote it meanwhile" in str(found)


def test_a_cassette_that_stays(shelf: CassetteIndex) -> None:
    """What is there at the start is read, and what was never there is no recording."""
    shelf.seal()
    assert [0, 0] == [held(shelf, "one"), held(shelf, "two")]


def entry(trial: int) -> CallEntry:
    """Return a recorded call."""
    return CallEntry(
        trial=trial,
        key=f"sha256:{trial:064x}",
        order=0,
        start=0.0,
        end=1.0,
        request={"wire": "openai_chat", "messages": []},
        response={"status": 200, "headers": {}, "text": "x"},
    )


def record(shelf: CassetteIndex, case: str, trial: int, meanwhile: Callable[[], object]) -> None:
    """Record a call of a trial, while something else happens."""
    writer = shelf.record(case, trial, unique=f"x{trial}", case_digest=None, how="auto")
    writer.append(lambda: entry(trial))
    meanwhile()
    writer.finish(trial, 1.0)


def test_what_this_run_records_is_known(shelf: CassetteIndex) -> None:
    """Its own recordings are no forgery: the next trial of the case goes on from them."""
    shelf.seal()
    for trial in (0, 1):
        record(shelf, "one", trial, lambda: None)
        shelf.forget("one")
    assert 2 == held(shelf, "one")
    record(shelf, "two", 0, lambda: None)
    shelf.refuse_rewritten()


@pytest.mark.parametrize("what", ["cassette", "journal", "new"])
def test_a_recording_rewritten_while_it_is_made(shelf: CassetteIndex, what: str) -> None:
    """Nothing is merged with what somebody else wrote, however well it is sealed."""
    shelf.seal()
    forged = CassetteHeader(case_id="two" if what == "new" else "one", source="mine")
    folder = shelf.directory

    def attack() -> None:
        paths = {"cassette": folder / "one.jsonl", "new": folder / "two.jsonl"}
        if what == "journal":
            (path,) = (folder / ".recording").glob("one.0.*.jsonl")
            end = time.monotonic() + 10
            while b"call" not in path.read_bytes() and time.monotonic() < end:
                time.sleep(0.001)  # it is written by a thread
        else:
            path = paths[what]
        write_cassette(path, forged, [entry(7)])

    with pytest.raises(DataError, match="rewrote it meanwhile"):
        record(shelf, forged.case_id, 0, attack)


def test_a_recording_rewritten_after_it_was_made(shelf: CassetteIndex) -> None:
    """What is kept at the end of the run is what it recorded."""
    shelf.seal()
    record(shelf, "two", 0, lambda: None)
    write_cassette(shelf.directory / "two.jsonl", CassetteHeader(case_id="two"), [entry(0)])
    with pytest.raises(DataError, match=r"two\.jsonl: is not what it was"):
        shelf.refuse_rewritten()


def test_a_committed_journal_is_evidence_of_the_change(repo: Scratch) -> None:
    """A recording journal would become a cassette before the run: it is listed as one."""
    config = repo.read("evalgate.yaml") + "    gateway: {}\n"
    repo.write("evalgate.yaml", config)
    repo.write("cassettes/sums/.recording/sum-1.0.x.jsonl", "{}\n")
    (suite,) = find_suites(Selection(repo.root / "evalgate.yaml"))
    base = repo.root.parent / "base"
    base.mkdir()
    trust = Trust(
        base=Base("main", "0" * 40, fork=False),
        top=repo.root,
        files=base,
        today=date(2026, 11, 28),
    )
    listed = supplied_evidence(suite, trust, cassettes=True)
    assert ("cassettes/sums/.recording/sum-1.0.x.jsonl: a recording journal",) == listed
