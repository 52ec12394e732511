"""The verbs of the Makefile do what README says of them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.blocks import ROOT, blocks, scratch

_VERBS = ("gate", "test", "test-all", "mutants", "lint", "bench", "record-example", "clean")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make with this environment in the place of `.venv`."""
    command = ["make", *arguments, f"VENV={sys.prefix}", f"BIN={Path(sys.executable).parent}"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Copy the example, with a pyproject.toml that is older than any installation."""
    if shutil.which("make") is None or not (Path(sys.executable).parent / "evalgate").exists():
        pytest.skip("there is no make, or evalgate is not installed beside this Python")
    folder = scratch(tmp_path, "")
    shutil.copy(ROOT / "pyproject.toml", folder)
    os.utime(folder / "pyproject.toml", (0, 0))
    return folder


def test_the_gate_passes(example: Path) -> None:
    """The default suite against its baseline: exit 0, a report, no key."""
    done = make(example, "gate")
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("support: PASS")
    assert "replay" in done.stdout


def test_a_failed_gate_says_its_code_last(example: Path) -> None:
    """Make turns every failure into 2, so the last line before its own states ours."""
    (change,) = [
        block.text
        for block in blocks((ROOT / "README.md").read_text(encoding="utf-8"))
        if block.said.get("file") == "change.diff"
    ]
    subprocess.run(["git", "apply", "-"], input=change, text=True, cwd=example, check=True)
    done = make(example, "gate")
    said = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert (2, "evalgate exit code: 1") == (done.returncode, said[-1])


def test_every_verb_is_there() -> None:
    """Each verb has a target, and none is taken for a file."""
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    targets = re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE)
    assert {*_VERBS} <= {*targets}
    assert {*targets} == {*phony.split()}


def test_ci_does_what_a_developer_does() -> None:
    """`.ci/run` calls the same verbs and stops at the first that fails."""
    text = (ROOT / ".ci" / "run").read_text()
    assert "set -euo pipefail" in text
    assert ["make lint", "make test-all", "make gate"] == re.findall(
        r"^make .+$", text, re.MULTILINE
    )
