"""A PostgreSQL of Debian on loopback, for as long as a test session runs."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server in a folder of its own, and yield its URL; skip where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    programs = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="evalgate-pg-"))
    run_as: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        run_as = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")
    settings = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
    try:
        _run(*run_as, programs / "initdb", "-D", data, "-U", "tester", "-A", "trust")
        start = ("-l", folder / "log", "-o", settings, "-w", "start")
        _run(*run_as, programs / "pg_ctl", "-D", data, *start)
        try:
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            _run(*run_as, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert 0 == done.returncode, command
