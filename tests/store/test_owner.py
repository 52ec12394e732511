"""Another distribution of the name is noticed, and named with the way out."""

from pathlib import Path

import pytest

from evalgate.errors import ConfigError
from evalgate.store.owner import refuse_other_owners

COMMAND = "[console_scripts]\nevalgate = other.cli:main\n"
MODULE = "evalgate/__init__.py,sha256=x,1\nother.py,,\n"


def install(site: Path, name: str, points: str = "", record: str = "") -> Path:
    """Leave behind what pip leaves of a distribution."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(points)
    (info / "RECORD").write_text(record)
    return site


@pytest.mark.parametrize(
    ("name", "points", "record", "what"),
    [
        ("evalgate", "", MODULE, "module"),
        ("gatekit", COMMAND, MODULE, "module"),
        ("gatekit", COMMAND, "gatekit.py,,\n", "command"),
    ],
)
def test_another_owner(tmp_path: Path, name: str, points: str, record: str, what: str) -> None:
    """Exit code 2, both names, and what to type."""
    site = install(tmp_path, name, points, record)
    with pytest.raises(ConfigError) as caught:
        refuse_other_owners([str(site)], "/venv/bin/evalgate")
    assert 2 == caught.value.exit_code
    assert all(word in str(caught.value) for word in ("'agent-evalgate'", f"'{name}'", what))
    assert f"pip uninstall {name}" in str(caught.value)


def test_our_own_command_needs_no_other(tmp_path: Path) -> None:
    """`agent-evalgate` and `python -m evalgate` are ours whoever owns the other command."""
    site = install(tmp_path, "gatekit", COMMAND)
    for program in ("/venv/bin/agent-evalgate", "/site/evalgate/__main__.py"):
        refuse_other_owners([str(site)], program)


def test_ours_and_plug_ins_are_no_others(tmp_path: Path) -> None:
    """Our own distribution, and one that only brings a plug-in, are fine; so is no folder."""
    install(tmp_path, "agent_evalgate", COMMAND, MODULE)
    install(tmp_path, "evalgate_extra", "[evalgate.renderers]\nevalgate = x:y\n", "x.py,,\n")
    refuse_other_owners([str(tmp_path), str(tmp_path / "nowhere")], "evalgate")
