"""A file is written whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalgate.errors import InputError
from evalgate.store.atomic import write_text


def test_a_new_file_is_written_with_its_folders(tmp_path: Path) -> None:
    """Line breaks and umlauts arrive as given, with ordinary permissions."""
    path = tmp_path / "a" / "b.json"
    write_text(path, "ä\r\nb\n")
    assert "ä\r\nb\n".encode() == path.read_bytes()
    mask = os.umask(0)
    os.umask(mask)
    assert 0o666 & ~mask == path.stat().st_mode & 0o777
    assert ["b.json"] == [entry.name for entry in path.parent.iterdir()]


def test_an_old_file_keeps_its_permissions(tmp_path: Path) -> None:
    """Replacing changes the content alone."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    write_text(path, "new")
    assert ("new", 0o640) == (path.read_text(), path.stat().st_mode & 0o777)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file the link names is replaced."""
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert "new" == target.read_text()


_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from evalgate.errors import InputError
from evalgate.store.atomic import write_text
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_text(Path(sys.argv[1]), "x" * 100_000)
except InputError as error:
    print(error)
"""


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path) -> None:
    """A write that the kernel stops half-way changes nothing and leaves no litter."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    command = [sys.executable, "-c", _FULL_DISK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{path} cannot be written: File too large; the old file is untouched" in done.stdout
    assert "old" == path.read_text()
    assert ["a.txt"] == [entry.name for entry in tmp_path.iterdir()]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """The message says what is in the way."""
    with pytest.raises(InputError, match="it is a folder"):
        write_text(tmp_path, "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="no folder"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_text_that_is_no_unicode_is_refused(tmp_path: Path) -> None:
    """A lone surrogate is named before anything is opened."""
    with pytest.raises(InputError, match="'\\\\ud800' at 2"):
        write_text(tmp_path / "a.txt", "ab\ud800")
    assert [] == list(tmp_path.iterdir())
