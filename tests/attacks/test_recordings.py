"""Recordings are what they were when the run began, and journals are recordings too."""

from datetime import date
from pathlib import Path

import pytest
from support.scratch import Scratch

from evalgate.errors import DataError
from evalgate.gateway.cassette_index import CassetteIndex
from evalgate.schema.cassette import CassetteHeader
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
    assert 0 == len(shelf.cassette("one"))
    assert 0 == len(shelf.cassette("two"))


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
