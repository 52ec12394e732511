"""A scratch copy of this repository's example, to break and to record."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evalgate.gateway.server import serve_in_thread
from examples.support_agent.model_server import app

__all__ = ["ROOT", "copy_example", "edit", "scripted_model"]

ROOT = Path(__file__).resolve().parents[2]


def copy_example(target: Path) -> Path:
    """Copy the default suite: configuration, golden set, baseline, agent and cassettes."""
    for name in ("examples", "golden_sets", "baselines"):
        ignored = shutil.ignore_patterns("__pycache__", "cassettes-*")
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    shutil.copy(ROOT / "evalgate.yaml", target)
    return target


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} does not hold {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")


@contextmanager
def scripted_model(project: Path) -> Iterator[str]:
    """Serve the scripted model, and let the project's upstream be there."""
    with serve_in_thread(app) as origin:
        edit(project / "evalgate.yaml", "http://127.0.0.1:4011", origin)
        yield origin
        edit(project / "evalgate.yaml", origin, "http://127.0.0.1:4011")
