"""Says in the same words on every machine what was raised, and on which line."""

from pathlib import Path

__all__ = ["place_of", "said_by"]

_SHOWN = 2_000
"""Characters of a message."""
_CAUSES = 5
"""Exceptions of a group that are named."""


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


def said_by(error: BaseException) -> str:
    """Return type and message of an exception; of a group, those of the exceptions inside it."""
    inner = _leaves(error)
    if inner == [error]:
        return f"{type(error).__name__}: {_message(error)}"
    causes = "; ".join(f"{type(one).__name__}: {_message(one)}" for one in inner[:_CAUSES])
    more = f"; and {len(inner) - _CAUSES} more" if len(inner) > _CAUSES else ""
    return f"{type(error).__name__} of {len(inner)}: {causes}{more}"[: 2 * _SHOWN]


def _leaves(error: BaseException) -> list[BaseException]:
    """List the exceptions in a group that are no groups themselves, in order."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseExceptionGroup):
            waiting[:0] = one.exceptions
        else:
            found.append(one)
    return found


def _message(error: BaseException) -> str:
    try:
        return str(error)[:_SHOWN]
    except Exception:  # noqa: BLE001  # code of the user, which may raise anything
        return "(its message cannot be had)"
