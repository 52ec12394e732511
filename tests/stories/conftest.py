"""A repository with a gated agent, made once and copied for each test."""

from pathlib import Path

import pytest
from support.scratch import Scratch, copy_of, make_repository


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """Make the repository once."""
    return make_repository(Scratch(tmp_path_factory.mktemp("template") / "repo"))


@pytest.fixture
def repo(template: Scratch, tmp_path: Path) -> Scratch:
    """Return a copy of the repository, on a branch `change`."""
    scratch = copy_of(template, tmp_path / "repo")
    scratch.branch()
    return scratch
