"""Cassette files: strict reading, stable writing, no torn file whatever happens."""

import multiprocessing
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.errors import DataError
from evalgate.schema.cassette import CallEntry, CassetteHeader, RecordedResponse, TrialEntry
from evalgate.store.cassettes import (
    Recording,
    cassette_path,
    encode_entry,
    encode_header,
    read_cassette,
    recover,
    write_cassette,
)

HEADER = CassetteHeader(case_id="case-1")


def _call(number: int = 0, *, trial: int = 0, depth: int = 1, order: int = 0) -> CallEntry:
    return CallEntry(
        trial=trial,
        key=f"sha256:{number:064x}",
        order=order,
        start=float(number),
        end=number + 0.5,
        request={"wire": "openai_chat", "model": "m", "messages": ["Grüß Gott"] * depth},
        response=RecordedResponse(status=200, body={"a": number}, style="compact"),
    )


def _write(path: Path, *entries: CallEntry | TrialEntry) -> Path:
    write_cassette(path, HEADER, entries)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Header, calls and ends of trials come back as they were."""
    path = _write(tmp_path / "a.jsonl", _call(1), _call(2), TrialEntry(trial=0, duration=3.5))
    found = read_cassette(path)
    assert (HEADER, (_call(1), _call(2)), 3.5) == (
        found.header,
        found.calls,
        found.trials[0].duration,
    )


@given(st.permutations([_call(n, trial=n % 2, depth=n % 3 + 1) for n in range(6)]))
def test_the_order_of_recording_does_not_show(entries: list[CallEntry]) -> None:
    """Whatever the order in which calls came, the file has the same bytes."""
    with tempfile.TemporaryDirectory() as name:
        one = _write(Path(name) / "one.jsonl", *entries).read_bytes()
        two = _write(Path(name) / "two.jsonl", *sorted(entries, key=lambda e: e.key)).read_bytes()
    assert one == two


def test_two_cases_never_share_a_file(tmp_path: Path) -> None:
    """Ids that differ in case or in odd characters have files of their own, inside the folder."""
    ids = ["a", "A", "a b", "a/b", "../a", ".", "..", "ä", "a" * 200, "a" * 199 + "b", "con.jsonl"]
    paths = [cassette_path(tmp_path, case_id) for case_id in ids]
    assert len(ids) == len({path.name.lower() for path in paths})
    assert {tmp_path} == {path.parent for path in paths}
    assert not [path for path in paths if path.name.startswith(".")]


@pytest.mark.parametrize("cut", [1, 10, 80, 200])
def test_a_torn_last_line_is_left_out(tmp_path: Path, cut: int) -> None:
    """A file that ends in the middle of a line loads without it, and says so."""
    path = _write(tmp_path / "a.jsonl", _call(1), _call(2))
    path.write_bytes(path.read_bytes()[: -cut - 1])
    found = read_cassette(path)
    assert [_call(1)] == list(found.calls)
    assert f"{path}:3: the torn last line was left out" == found.warnings[0]


def test_a_last_line_without_its_newline_holds(tmp_path: Path) -> None:
    """An editor that drops the final newline has done no harm; nor has CRLF."""
    path = _write(tmp_path / "a.jsonl", _call(1), _call(2))
    path.write_bytes(path.read_bytes()[:-1].replace(b"\n", b"\r\n"))
    assert (2, ()) == (len(read_cassette(path).calls), read_cassette(path).warnings)


def test_a_torn_header_is_an_empty_cassette(tmp_path: Path) -> None:
    """A recorder that died while it wrote the header has recorded nothing."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(encode_header(HEADER)[:20])
    assert () == read_cassette(path).calls
    assert "torn" in read_cassette(path).warnings[0]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (b'"a":1', b'"a":9', ":2: the line does not match its digest"),
        (b'"start":1.0', b'"start":1.00', ":2: the line does not match its digest"),
        (b'"digest":"sha256:', b'"dig', ":2: the line has no digest at its end"),
        (b"cassette/1", b"cassette/2", "newer than this version"),
        (b"cassette/1", b"cassette/" + b"9" * 5_000, "expected the header of a cassette"),
        (b"evalgate.cassette/1", b"other/1", "expected the header of a cassette"),
    ],
)
def test_damage_is_an_error_with_its_place(
    tmp_path: Path, old: bytes, new: bytes, named: str
) -> None:
    """An edited line, a torn middle, a foreign file: file, line and the way out."""
    path = _write(tmp_path / "a.jsonl", _call(1), _call(2))
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(DataError) as caught:
        read_cassette(path)
    assert named in str(caught.value)
    assert caught.value.fix is not None


def test_a_forged_line_is_still_validated(tmp_path: Path) -> None:
    """A line whose digest is right but whose content is none is refused with its field."""
    path = tmp_path / "a.jsonl"
    good = _call(1)
    bad = encode_entry(good.model_copy(update={"order": -1}))
    path.write_bytes(encode_header(HEADER) + bad)
    with pytest.raises(DataError, match=r"a\.jsonl:2: order: .* found -1"):
        read_cassette(path)


def test_two_merged_recordings_are_refused(tmp_path: Path) -> None:
    """What a text merge of two branches makes of one case is named as such."""
    path = _write(tmp_path / "a.jsonl", _call(1))
    line = path.read_bytes().split(b"\n")[1]
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(DataError, match="two recordings were merged"):
        read_cassette(path)


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    """No traceback for a file that is not there."""
    with pytest.raises(DataError, match="cannot be read"):
        read_cassette(tmp_path / "none.jsonl")


def test_commit_replaces_or_adds(tmp_path: Path) -> None:
    """`record` takes the place of the trial's lines, `auto` adds to them, others stay."""
    for number, trial in ((1, 0), (2, 1)):
        recording = Recording(tmp_path, HEADER, trial, f"r{number}")
        recording.append(_call(number, trial=trial))
        recording.commit(replace=True)
    added = Recording(tmp_path, HEADER, 0, "r3")
    added.append(_call(3))
    path = added.commit(replace=False)
    assert [1.0, 3.0, 2.0] == [call.start for call in read_cassette(path).calls]
    replaced = Recording(tmp_path, HEADER, 0, "r4")
    replaced.append(_call(4))
    replaced.commit(replace=True)
    assert [4.0, 2.0] == [call.start for call in read_cassette(path).calls]


def test_a_failed_commit_keeps_the_old_file(tmp_path: Path) -> None:
    """A cassette that cannot be read is not overwritten, and the journal stays."""
    path = tmp_path / "case-1.jsonl"
    path.write_text("precious\n")
    recording = Recording(tmp_path, HEADER, 0, "r")
    recording.append(_call(1))
    with pytest.raises(DataError):
        recording.commit(replace=True)
    assert "precious\n" == path.read_text()
    assert 1 == len(list((tmp_path / ".recording").glob("*.jsonl")))
    recording.abandon()


def test_recover_leaves_living_recorders_alone(tmp_path: Path) -> None:
    """The journal of a recorder that still runs is not touched."""
    recording = Recording(tmp_path, HEADER, 0, "r")
    recording.append(_call(1))
    assert () == recover(tmp_path)
    recording.commit(replace=True)
    assert 1 == len(read_cassette(tmp_path / "case-1.jsonl").calls)


def test_recover_does_not_touch_what_is_recorded(tmp_path: Path) -> None:
    """A leftover of a trial that has a recording is dropped, and that is said."""
    _write(tmp_path / "case-1.jsonl", _call(1))
    folder = tmp_path / ".recording"
    folder.mkdir()
    (folder / "case-1.0.x.jsonl").write_bytes(encode_header(HEADER) + encode_entry(_call(2)))
    (folder / "case-1.1.y.jsonl").write_bytes(encode_header(HEADER))
    notes = recover(tmp_path)
    assert "has a recording of trial 0" in notes[0]
    assert "nothing was recorded" in notes[1]
    assert [_call(1)] == list(read_cassette(tmp_path / "case-1.jsonl").calls)


def _record_many(folder: str, worker: int) -> None:
    for round_ in range(8):
        trial = worker * 8 + round_
        recording = Recording(Path(folder), HEADER, trial, f"w{trial}")
        for number in range(3):
            recording.append(_call(number, trial=trial))
        recording.commit(replace=True)


def test_concurrent_writers_lose_nothing(tmp_path: Path) -> None:
    """Four processes record trials of one case at once: every line of each is there."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_record_many, args=(str(tmp_path), n)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    calls = read_cassette(tmp_path / "case-1.jsonl").calls
    assert [3] * 32 == [sum(call.trial == trial for call in calls) for trial in range(32)]


def test_the_journals_are_kept_out_of_git(tmp_path: Path) -> None:
    """The folder of journals ignores itself."""
    Recording(tmp_path, HEADER, 0, "r").abandon()
    assert "*\n" == (tmp_path / ".recording" / ".gitignore").read_text()
