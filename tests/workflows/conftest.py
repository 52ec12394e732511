"""The repository's own action, and a repository to run its steps in."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.scratch import Scratch, copy_of, make_repository

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the repository once."""
    return make_repository(tmp_path_factory.mktemp("template") / "repo").root


@pytest.fixture
def repo(template: Path, tmp_path: Path) -> Scratch:
    """Return a copy of the repository, on a branch `change`."""
    scratch = copy_of(template, tmp_path / "repo")
    scratch.branch()
    return scratch


@pytest.fixture(scope="session")
def action() -> dict[str, Any]:
    """Read `action.yml`."""
    data: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return data


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """Return the action and every workflow."""
    return [ROOT / "action.yml", *sorted((ROOT / ".github/workflows").glob("*.yml"))]


@pytest.fixture(scope="session")
def expressions() -> re.Pattern[str]:
    """Return what finds an expression."""
    return re.compile(r"\$\{\{(.*?)\}\}")
