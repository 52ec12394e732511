"""Tests of `evalgate plugins`: what is built in, what is installed, and what is broken."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import Cli

ENTRY_POINTS = """\
[evalgate.renderers]
shout = shouting:render
broken = missing_module:render
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a distribution with a renderer that works and one that does not."""
    info = tmp_path / "shouting-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    code = "def render(reports, style):\n    return reports.verdict.upper() + '!\\n'\n"
    (tmp_path / "shouting.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def evalgate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run evalgate in a process that finds the distribution."""
    command = [sys.executable, "-m", "evalgate", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_built_ins_are_listed(cli: Cli) -> None:
    """Every renderer and importer stands with where it lives."""
    result = cli("plugins")
    assert 0 == result.code
    for name in ("terminal", "markdown", "json", "junit", "github", "tau-bench", "chat"):
        assert f" {name} " in result.out
    assert "cannot be loaded" not in result.out


def test_an_installed_plugin_is_listed_and_used(installed: Path, recorded: Path) -> None:
    """A renderer of another distribution is asked for by name."""
    listed = evalgate(installed, "plugins")
    (line,) = [row for row in listed.stdout.splitlines() if " shout " in row]
    assert "shouting:render  (shouting)" in line
    ran = evalgate(recorded, "run", "--format", "shout")
    assert (0, "PASS!\n") == (ran.returncode, ran.stdout)


def test_a_broken_plugin_is_a_line_until_it_is_used(installed: Path, recorded: Path) -> None:
    """It is named in the list, hides nothing, and is an error of its own when asked for."""
    listed = evalgate(installed, "plugins")
    (line,) = [row for row in listed.stdout.splitlines() if " broken " in row]
    assert (0, True) == (listed.returncode, "cannot be loaded" in line)
    ran = evalgate(recorded, "run", "--format", "broken")
    assert 2 == ran.returncode
    assert "renderer 'broken'" in ran.stderr
    assert "missing_module" in ran.stderr
