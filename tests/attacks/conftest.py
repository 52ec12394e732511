"""A repository with a gated agent, made once and copied for each test.

It is gated by the wheel, installed in an environment of its own, in the steps of the action.
"""

import fcntl
from pathlib import Path

import pytest
from support.installed import install
from support.runner import read_action
from support.scratch import Scratch, copy_of, make_repository


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Build the wheel and install it, once for all workers of pytest; return its Python."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "installed"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = shared / "done"
        if not done.exists():
            install(shared / "venv")
            done.touch()
    return shared / "venv" / "bin" / "python"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Scratch:
    """Make the repository once."""
    root = tmp_path_factory.mktemp("template") / "repo"
    return make_repository(Scratch(root, python=installed, action=read_action()))


@pytest.fixture
def repo(template: Scratch, tmp_path: Path) -> Scratch:
    """Return a copy of the repository, on a branch `change`."""
    scratch = copy_of(template, tmp_path / "repo")
    scratch.branch()
    return scratch
