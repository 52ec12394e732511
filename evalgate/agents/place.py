"""Says in the same words on every machine what was raised, and on which line."""

import traceback
from collections.abc import Iterator
from pathlib import Path

_SHOWN = 2_000
"""Characters of a message."""
_CAUSES = 5
"""Exceptions of a group that are named."""
_FRAMES = 5
_CHAIN = 3
_OURS = Path(__file__).resolve().parents[1]


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


def described(error: BaseException, note: str = "") -> str:
    """Say what an agent raised and where, line by line.

    The first line has type, message, the innermost line of code and the note. Below stand the
    agent's own frames, the innermost first, then what the error came from, or what a group holds.
    """
    return "\n".join(_lines(error, note, _CHAIN))


def _lines(error: BaseException, note: str, depth: int) -> Iterator[str]:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not Path(frame.filename).is_relative_to(_OURS)
    ]
    place = f" ({place_of(frames[-1].filename, frames[-1].lineno)})" if frames else ""
    yield f"{said_by(error)}{place}{note}"
    # A comprehension is a frame of its own before Python 3.12.
    own = [f for f in frames if _is_own(f.filename) and (f.name == "<module>" or f.name[0] != "<")]
    for frame in own[::-1][:_FRAMES]:
        yield f"  in {frame.name}, {place_of(frame.filename, frame.lineno)}"
    for word, inner in _behind(error) if depth else ():
        first, *rest = _lines(inner, "", depth - 1)
        yield f"  {word} {first}"
        yield from (f"  {line}" for line in rest)


def _behind(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    """Yield what an error came from: the errors of a group, its cause, else its context."""
    if isinstance(error, BaseExceptionGroup):
        yield from (("holds", inner) for inner in _leaves(error)[:_CAUSES])
    if error.__cause__ is not None:
        yield "caused by", error.__cause__
    elif error.__context__ is not None and not error.__suppress_context__:
        yield "raised while handling", error.__context__


def _is_own(filename: str) -> bool:
    """Tell the agent's files, which lie below the working folder, from libraries."""
    path = Path(filename)
    return path.is_relative_to(Path.cwd()) and "site-packages" not in path.parts


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
