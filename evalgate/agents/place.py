"""Names a line of code in the same words on every machine."""

from pathlib import Path

__all__ = ["place_of"]


def place_of(filename: str, line: int | None) -> str:
    """Name a line of a file without the folders that differ between machines.

    Args:
        filename: As a traceback has it.
        line: The line; null where there is none.

    Returns:
        `FILE, line N`: relative to the working folder, or to the folder of installed packages;
        elsewhere the bare name.
    """
    path = Path(filename)
    if "site-packages" in path.parts:
        shown = Path(*path.parts[path.parts.index("site-packages") + 1 :])
    elif path.is_relative_to(Path.cwd()):
        shown = path.relative_to(Path.cwd())
    else:
        shown = Path(path.name)
    return f"{shown.as_posix()}, line {line}"
