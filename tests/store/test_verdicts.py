"""Files of verdicts: stable, whole, edited lines refused, writers that do not lose each other."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evalgate.errors import DataError
from evalgate.schema.judge import VerdictEntry
from evalgate.store.sealed import seal
from evalgate.store.verdicts import add_verdicts, read_verdicts, verdict_files, verdict_path

INPUTS: dict[str, Any] = {"answer": "It takes 5 days.", "contexts": ["Five days.", "Other."]}


def entry(number: int, **fields: object) -> VerdictEntry:
    """Make an entry with a key of its own."""
    values = {
        "judge": "claims",
        "key": f"sha256:{number:064x}",
        "model": "m",
        "prompt_digest": f"sha256:{0:064x}",
        "inputs": {},
        "reply": {"claims": []},
    }
    return VerdictEntry.model_validate({**values, **fields})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Entry and whole inputs come back; each context stands once in the file."""
    path = add_verdicts(tmp_path, "refund-1", [(entry(1), INPUTS), (entry(2), INPUTS)])
    found = read_verdicts(path)
    assert [INPUTS, INPUTS] == [dict(verdict.inputs) for verdict in found]
    assert {"refund-1"} == {verdict.case_id for verdict in found}
    assert 1 == path.read_text().count("Five days.")
    assert (path,) == verdict_files(tmp_path)


def test_order_of_writing_does_not_matter(tmp_path: Path) -> None:
    """The same verdicts give the same bytes, in whatever order and in how many writes."""
    one = add_verdicts(tmp_path / "a", "c", [(entry(n), INPUTS) for n in (3, 1, 2)])
    for number in (2, 3, 1, 2):
        two = add_verdicts(tmp_path / "b", "c", [(entry(number), INPUTS)])
    assert one.read_bytes() == two.read_bytes()


def test_a_newer_verdict_on_one_question_replaces_the_older(tmp_path: Path) -> None:
    """A file holds one reply a key."""
    add_verdicts(tmp_path, "c", [(entry(1), INPUTS)])
    path = add_verdicts(tmp_path, "c", [(entry(1, reply={"claims": [1]}), INPUTS)])
    assert [{"claims": [1]}] == [verdict.entry.reply for verdict in read_verdicts(path)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"reply":{"claims":[]}', b'"reply":{"claims":[0]}', "edited"),
        (b"Five days.", b"Six days.", "edited"),
        (b"evalgate.verdicts/1", b"evalgate.verdicts/9", "newer"),
        (b"evalgate.verdicts/1", b"evalgate.verdicts/" + b"9" * 5_000, "expected the header"),
        (b"evalgate.verdicts/1", b"something else", "expected the header"),
        (b'"}\n', b"", "no digest at its end"),
    ],
)
def test_a_file_that_does_not_hold_is_refused(
    old: bytes, new: bytes, said: str, tmp_path: Path
) -> None:
    """An edited, torn or foreign line is an error with the file and the line, never a miss."""
    path = add_verdicts(tmp_path, "c", [(entry(1), INPUTS)])
    data = path.read_bytes()
    cut = data[: -len(old)] if new == b"" else data.replace(old, new, 1)
    path.write_bytes(cut)
    with pytest.raises(DataError, match=said) as caught:
        read_verdicts(path)
    assert str(path) in str(caught.value)
    assert caught.value.fix


def test_a_missing_text_is_named(tmp_path: Path) -> None:
    """A verdict whose context was taken out of the file is no evidence."""
    path = add_verdicts(tmp_path, "c", [(entry(1), INPUTS)])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b"Five days." not in line))
    with pytest.raises(DataError, match="names a text"):
        read_verdicts(path)


def test_a_context_that_is_no_name_is_named(tmp_path: Path) -> None:
    """Sealed by a digest or not."""
    path = add_verdicts(tmp_path, "c", [(entry(1), {**INPUTS, "contexts": ["Five days."]})])
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b'"contexts":[' in line)
    body, _, _ = lines[at].partition(b',"digest":"sha256:')
    lines[at] = seal(re.sub(rb'"contexts":\["[^"]*"\]', b'"contexts":[{}]', body))
    path.write_bytes(b"".join(lines))
    with pytest.raises(DataError, match=r"names a text .\{"):
        read_verdicts(path)


@pytest.mark.parametrize("name", ["A/b", "..", "\u00fc", "a" * 200, "con: x"])
def test_case_ids_make_safe_distinct_names(name: str, tmp_path: Path) -> None:
    """No case leaves the folder, and none shares a file with its tidied name."""
    path = verdict_path(tmp_path, name)
    assert tmp_path == path.parent
    assert path != verdict_path(tmp_path, f"{name}!")
    assert path.name.isascii()


WRITER = """
import sys
from pathlib import Path
from evalgate.schema.judge import VerdictEntry
from evalgate.store.verdicts import add_verdicts
start = int(sys.argv[2])
for number in range(start, start + 20):
    entry = VerdictEntry(judge="claims", key=f"sha256:{number:064x}", model="m",
        prompt_digest=f"sha256:{0:064x}", inputs={}, reply={"n": number})
    add_verdicts(Path(sys.argv[1]), "c", [(entry, {"contexts": [f"text {number}"]})])
"""


def test_processes_that_write_one_case_lose_nothing(tmp_path: Path) -> None:
    """Three processes add 20 verdicts each to one file: all 60 are there."""
    started = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(start)])
        for start in (100, 200, 300)
    ]
    assert [0, 0, 0] == [process.wait() for process in started]
    assert 60 == len(read_verdicts(verdict_path(tmp_path, "c")))
