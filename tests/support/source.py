"""The repository as data: its modules, what they declare, its tracked files, its pages."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def modules() -> dict[str, Path]:
    """Return the file of every module of the package, by its dotted name."""
    files = sorted((ROOT / "evalgate").rglob("*.py"))
    return {_dotted(path.relative_to(ROOT)): path for path in files}


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(module: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def exported(module: str) -> list[str] | None:
    """Return the `__all__` of a module; null where it has none, or there is no such module."""
    if module not in modules():
        return None
    for node in tree(module).body:
        if isinstance(node, ast.Assign) and [n.id for n in node.targets if isinstance(n, ast.Name)]:
            (name,) = [n.id for n in node.targets if isinstance(n, ast.Name)]
            if name == "__all__":
                found: list[str] = ast.literal_eval(node.value)
                return found
    return None


def imported_names(module: str) -> Iterator[tuple[str, str]]:
    """Yield module and name of everything a module imports from the package."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("evalgate"):
            for alias in node.names:
                yield node.module or "", alias.name


def tracked() -> list[Path]:
    """Return the files that git knows and that are there; none where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else []
    found = [ROOT / name for name in names if name]
    return [path for path in found if path.is_file()]


def pages() -> list[Path]:
    """Return every Markdown page a reader is meant to read."""
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [*top, *sorted((ROOT / "docs").rglob("*.md"))]
