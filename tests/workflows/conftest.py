"""The repository's own action, and a repository to run its steps in."""

import re
from pathlib import Path
from typing import Any

import pytest
from support.runner import read_action
from support.scratch import Scratch, copy_of, make_repository

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.fixture(scope="session")
def action() -> dict[str, Any]:
    """Read `action.yml`."""
    return read_action()


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """Return the action and every workflow."""
    return [ROOT / "action.yml", *sorted((ROOT / ".github/workflows").glob("*.yml"))]


@pytest.fixture(scope="session")
def expressions() -> re.Pattern[str]:
    """Return what finds an expression."""
    return re.compile(r"\$\{\{(.*?)\}\}")
