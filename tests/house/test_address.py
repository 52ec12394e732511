"""The repository has one address, and no file names another."""

import re
import subprocess
from pathlib import Path

from evalgate.version import REPOSITORY

ROOT = Path(__file__).parents[2]


def test_no_file_names_another_owner() -> None:
    """Pages, templates, workflows, hooks and schemas name the address of `evalgate.version`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = set()
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            hosts = re.findall(r"github(?:usercontent)?\.com/([\w.-]+/agent-evalgate)", text)
            uses = re.findall(r"(?:uses:|repository ==) *'?([\w.-]+/agent-evalgate)", text)
            found |= {(name, one.removesuffix(".git")) for one in (*hosts, *uses)}
    assert set() == {(name, one) for name, one in found if one != REPOSITORY}
