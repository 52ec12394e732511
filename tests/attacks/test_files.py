"""Files that are none, folders that somebody holds, and what a killed write leaves behind."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from support.scratch import Scratch

from evalgate.errors import EvalgateError
from evalgate.store.atomic import TEMPORARY, write_text
from evalgate.store.baseline import load_baseline
from evalgate.store.cassettes import read_cassette
from evalgate.store.config import load_config
from evalgate.store.golden_sets.golden import load_golden
from evalgate.store.reports import read_reports
from evalgate.store.runs import LOCK, MANIFEST, prune_runs
from evalgate.store.waivers import load_waivers

READERS: dict[str, Callable[[Path], object]] = {
    "baseline": load_baseline,
    "cassette": read_cassette,
    "config": load_config,
    "golden": load_golden,
    "report": lambda path: list(read_reports(path)),
    "waivers": load_waivers,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", ["device", "pipe"])
def test_a_link_to_what_has_no_end(tmp_path: Path, reader: str, what: str) -> None:
    """An endless device and a pipe that nobody writes to are refused at once."""
    path = tmp_path / "file.json"
    if what == "device":
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to("pipe")
    with pytest.raises(EvalgateError) as caught:
        READERS[reader](path)
    assert 2 == caught.value.exit_code


@pytest.mark.parametrize("reader", sorted(set(READERS) - {"report"}))
def test_a_path_with_a_nul(reader: str) -> None:
    """A name that no file can have is an error of the input, not of evalgate."""
    try:
        READERS[reader](Path("a\0b.jsonl"))
    except EvalgateError as error:
        assert 2 == error.exit_code  # noqa: PT017  # one reader takes a missing file for an empty one


@pytest.mark.parametrize("weight", ["1e308", "1e999", "0", "-1", "null"])
def test_a_weight_that_no_mean_can_hold(tmp_path: Path, weight: str) -> None:
    """It is refused with its line."""
    path = tmp_path / "golden.jsonl"
    path.write_text(f'{{"id": "a", "input": "x", "weight": {weight}}}\n')
    with pytest.raises(EvalgateError, match=r"line 1") as caught:
        load_golden(path)
    assert 2 == caught.value.exit_code


def test_a_damaged_archive(tmp_path: Path) -> None:
    """Any byte of an artifact may be wrong: it is read, or refused with its name."""
    whole = tmp_path / "whole.zip"
    with ZipFile(whole, "w", ZIP_DEFLATED) as archive:
        archive.writestr("report.json", "{}" * 400)
    data = whole.read_bytes()
    path = tmp_path / "artifact.zip"
    for place in range(0, len(data), 2):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        with pytest.raises(EvalgateError, match=r"artifact\.zip") as caught:
            read_reports(path)
        assert 2 == caught.value.exit_code


def run_folder(runs: Path, name: str) -> Path:
    """Make a folder that counts as a run."""
    folder = runs / name
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text("{}")
    (folder / LOCK).write_text("")
    return folder


def test_a_run_that_writes_is_not_pruned(tmp_path: Path) -> None:
    """A folder whose lock another process holds stays, however old it is."""
    old, held, new = (run_folder(tmp_path, name) for name in ("1", "2", "3"))
    code = (
        "import fcntl, sys\nf = open(sys.argv[1]); fcntl.flock(f, 2); print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(held / LOCK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert (old,) == prune_runs(tmp_path, 1)
        assert [held, new] == sorted(tmp_path.iterdir())
        holder.kill()
    assert (held,) == prune_runs(tmp_path, 1)


def test_what_a_killed_write_leaves(repo: Scratch) -> None:
    """Git ignores it, and the next write to the folder takes it away."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom evalgate.store import atomic\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "atomic.write_text(Path(sys.argv[1]), 'x')"
    )
    target = repo.root / "baselines" / "new.json"
    assert -9 == repo.start("-c", code, str(target)).returncode
    left = target.parent / TEMPORARY
    assert 2 == len(list(left.iterdir()))
    assert "" == repo.git("status", "--porcelain")
    write_text(target, "y")
    assert ("y", False) == (target.read_text(), left.exists())
