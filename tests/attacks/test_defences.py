"""Each attack is held off by a defence that `make defences` can take out."""

import ast
from pathlib import Path

import pytest
from support.source import ROOT

from scripts.defences import ATTACKS, Edit, read

FILES = sorted(set(ATTACKS.glob("test_*.py")) - {Path(__file__)})
EDITS = [
    pytest.param(edit, id=f"{path.stem}-{number}")
    for path in sorted((ATTACKS / "defences").glob("*.toml"))
    for number, defence in enumerate(read(path).defence)
    for edit in defence.edits
]


def _tests(path: Path) -> set[str]:
    """Return the names of a file's tests."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {f.name for f in body if isinstance(f, ast.FunctionDef) and f.name.startswith("test_")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_attack_names_its_defence(path: Path) -> None:
    """A test of an attack is listed with what holds it off, or as one that attacks nothing."""
    found = read(ATTACKS / "defences" / f"{path.stem.removeprefix('test_')}.toml")
    attacking = {test.partition("[")[0] for d in found.defence for test in d.tests}
    others = {*found.honest, *found.both_ways}
    assert _tests(path) == attacking | others
    assert not attacking & others


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_taken_out_is_there(edit: Edit) -> None:
    """The text that a defence consists of stands in its file, once."""
    assert 1 == (ROOT / edit.file).read_text(encoding="utf-8").count(edit.old)
