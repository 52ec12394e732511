"""The pictures of docs/boards.md are those that the history and the report's charts give today."""

from importlib.util import module_from_spec, spec_from_file_location

from support.source import ROOT


def test_pictures_are_of_today() -> None:
    """What is drawn or counted otherwise needs new pictures: scripts/board_pictures.py."""
    spec = spec_from_file_location("board_pictures", ROOT / "scripts" / "board_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    kept = {path.name: path.read_text(encoding="utf-8") for path in script.PICTURES.iterdir()}
    assert script.pictures() == kept
    page = (ROOT / "docs" / "boards.md").read_text(encoding="utf-8")
    assert [] == [name for name in kept if f"](img/boards/{name})" not in page]
