"""Places in code are named alike on every machine."""

from pathlib import Path

import pytest

from evalgate.agents.place import place_of


def test_own_code_is_named_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder that a checkout lies in does not show."""
    monkeypatch.chdir(tmp_path)
    assert "shop/agent.py, line 3" == place_of(str(tmp_path / "shop" / "agent.py"), 3)


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("/opt/x/lib/python3.11/site-packages/client/core.py", "client/core.py, line 9"),
        ("/opt/x/lib/python3.11/json/decoder.py", "decoder.py, line 9"),
        ("<string>", "<string>, line 9"),
    ],
)
def test_other_code_is_named_without_its_home(filename: str, shown: str) -> None:
    """Installed packages, the standard library, code without a file."""
    assert shown == place_of(filename, 9)
