"""evalgate as a user has it: a wheel, installed in an environment of its own."""

import subprocess
import sys
import venv
from pathlib import Path

from support.source import ROOT


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout."""
    built = ["-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)]
    subprocess.run([sys.executable, *built], check=True)
    (wheel,) = folder.glob("agent_evalgate-*.whl")
    return wheel


def install(target: Path) -> None:
    """Install the wheel; the packages it needs are those of this environment."""
    wheel = build_wheel(target.parent)
    venv.create(target, symlinks=True)
    (site,) = target.glob("lib/python*/site-packages")
    packages = [path for path in sys.path if path.endswith("site-packages")]
    (site / "packages.pth").write_text("\n".join(packages) + "\n", encoding="utf-8")
    into = ["-m", "pip", "--python", str(target / "bin" / "python"), "install", "-q"]
    subprocess.run([sys.executable, *into, "--no-deps", "--no-index", str(wheel)], check=True)
