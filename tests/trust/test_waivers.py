"""Who owns a file, by the rules of CODEOWNERS."""

from pathlib import Path

import pytest

from evalgate.trust.waivers import owners_of

FILE = "baselines/waivers.yaml"


@pytest.mark.parametrize(
    ("lines", "owners"),
    [
        ("* @all", ("@all",)),
        ("/baselines/ @dir", ("@dir",)),
        ("baselines/ @dir", ("@dir",)),
        ("/baselines/waivers.yaml @a @b", ("@a", "@b")),
        ("waivers.yaml @name", ("@name",)),
        ("*.yaml @ext", ("@ext",)),
        ("/baselines/* @star", ("@star",)),
        ("**/waivers.yaml @deep", ("@deep",)),
        ("/baselines/** @below", ("@below",)),
        ("* @all\n/baselines/ @last", ("@last",)),
        ("/baselines/ @first\n* @all # everybody", ("@all",)),
        ("* @all\n/baselines/", ()),
        ("/other/ @other", ()),
        ("/waivers.yaml @root", ()),
        ("*.json @json", ()),
        ("# nothing", ()),
    ],
)
def test_owners(tmp_path: Path, lines: str, owners: tuple[str, ...]) -> None:
    """The last line that fits decides, also one that names nobody."""
    (tmp_path / "CODEOWNERS").write_text(lines)
    assert owners == owners_of(FILE, tmp_path)


def test_the_first_place_counts(tmp_path: Path) -> None:
    """`.github/` comes before the root, as in GitHub."""
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/CODEOWNERS").write_text("* @github")
    (tmp_path / "CODEOWNERS").write_text("* @root")
    assert ("@github",) == owners_of(FILE, tmp_path)
