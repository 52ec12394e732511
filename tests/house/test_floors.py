"""The floors of the house hold: each layer knows only what lies below it."""

import subprocess
import sys
import tomllib
from pathlib import Path

from support.source import ROOT

_PURE = (
    *("gate", "matching", "metrics", "output", "pricing", "quota", "schema", "scorers", "slo"),
    *("stats", "stress.checks", "stress.load", "stress.planning", "stress.simulation"),
    *("text", "usage", "users"),
)
_MOST_FILES = {False: 24, True: 30}
"""Files of a folder without, and with, rooms of its own."""


def test_the_contracts_hold() -> None:
    """import-linter finds every contract of pyproject.toml kept."""
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout
    assert " kept, 0 broken." in done.stdout


def test_every_room_has_a_floor() -> None:
    """A new package cannot be built beside the house."""
    (floors, *_) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    named = {
        part.strip(" ()").removeprefix("evalgate.")
        for layer in floors["layers"]
        for part in layer.split("|")
    }
    rooms = {
        path.stem
        for path in (ROOT / "evalgate").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__", "__main__"} <= named


def test_pure_rooms_are_pure() -> None:
    """The list of rooms without clock, disk and network is the one of the design."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (_, pure, _) = contracts["contracts"]
    assert {f"evalgate.{room}" for room in _PURE} == set(pure["source_modules"])
    assert {"os", "io", "time", "socket", "asyncio", "yaml", "click"} <= {
        *pure["forbidden_modules"]
    }


def test_no_room_is_a_corridor() -> None:
    """A folder that grows past some twenty files is divided into rooms of its own."""
    too_many = {
        str(folder.relative_to(ROOT)): count
        for folder in [ROOT / "evalgate", *(ROOT / "evalgate").rglob("*/")]
        if (count := len(list(folder.glob("*.py"))))
        > _MOST_FILES[bool(list(folder.glob("*/*.py")))]
    }
    assert {} == too_many


def test_every_room_says_what_it_is_for() -> None:
    """Its first line, and what it may import; a stranger need not read the contracts."""
    silent = [
        str(path.parent.relative_to(ROOT))
        for path in (ROOT / "evalgate").glob("*/__init__.py")
        if "may import" not in path.read_text().lower()
    ]
    assert [] == silent
