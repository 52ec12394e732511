"""JSON lines from disk, read strictly, with every problem of the file named at once.

A file is read line by line and each line is checked on its own, so that one bad line hides no
other. What is wrong is collected as `LineProblem`s and raised as one `DataError`.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from evalgate.errors import DataError
from evalgate.schema.base import Json
from evalgate.store.plain import open_plain
from evalgate.store.problems import Problem, problems_of
from evalgate.text import strict_json

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""Longest line that is read."""

MAX_FILE_BYTES: Final = 1024 * 1024 * 1024
"""Largest file that is read."""

_LISTED: Final = 50
"""Problems that a message lists."""

_SHOWN: Final = 120
"""Characters of a value that a message repeats."""

_BOM: Final = b"\xef\xbb\xbf"

_Record = TypeVar("_Record", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line that is not blank, without its line break."""

    number: int
    """Line of the file, from 1."""
    raw: bytes
    cut: bool
    """Whether it is the last one and has no line break: it may have been cut off."""


@dataclass(frozen=True, slots=True)
class LineProblem:
    """One thing that is wrong in one line."""

    line: int
    """Line of the file, from 1."""
    place: str
    """JSON pointer, or `column N`; empty for the whole line."""
    message: str
    """What was found and what is allowed."""

    def __str__(self) -> str:
        """Return it as a line of a list."""
        place = f", {self.place}" if self.place else ""
        return f"line {self.line}{place}: {self.message}"


def read_lines(path: Path) -> Iterator[RawLine]:
    """Yield the lines of a file that are not blank.

    LF and CRLF both end a line; the byte order mark of some editors is refused.

    Raises:
        DataError: The file is missing, unreadable, a folder, too large, or starts with a mark.
    """
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                raise DataError(f"{path}: {size:,} bytes; at most {MAX_FILE_BYTES:,} are read")
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 2):
                number += 1
                if number == 1 and line.startswith(_BOM):
                    raise DataError(
                        f"{path}:1:1: found a byte order mark; expected UTF-8 without one",
                        fix="save the file as UTF-8 without a byte order mark",
                    )
                raw = line.rstrip(b"\r\n")
                if len(raw) > MAX_LINE_BYTES:
                    limit = f"at most {MAX_LINE_BYTES:,} bytes"
                    raise DataError(f"{path}:{number}: found a longer line; expected {limit}")
                if raw.strip():
                    yield RawLine(number, raw, cut=not line.endswith(b"\n"))
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}", fix="check the path"
        ) from error


def validated(line: RawLine, model: type[_Record]) -> _Record | tuple[LineProblem, ...]:
    """Read one line as a record, or say all that is wrong with it.

    Text is not turned into numbers, nor numbers into text; unknown keys are refused.
    """
    match strict_json.parse(line.raw, line=line.number, max_bytes=MAX_LINE_BYTES):
        case strict_json.Problem(column=column) as problem:
            cut = "; the file may have been cut off here" if line.cut and _open(problem) else ""
            return (LineProblem(line.number, f"column {column}", f"{problem}{cut}"),)
        case strict_json.Parsed(value):
            pass
    if not isinstance(value, dict):
        found = f"found {_shown(value)}; expected an object, one a line"
        return (LineProblem(line.number, "", found),)
    try:
        return model.model_validate_json(line.raw, strict=True)
    except ValidationError as error:
        problems = _without_echo(problems_of(error, model, value))
        return tuple(LineProblem(line.number, each.pointer, each.message) for each in problems)


def data_error(path: Path, problems: Iterable[LineProblem], *, fix: str) -> DataError:
    """Make one error of all problems of a file."""
    listed = sorted(problems, key=lambda problem: (problem.line, problem.place))
    count = "1 problem" if len(listed) == 1 else f"{len(listed)} problems"
    lines = [f"{path}: {count}", *(f"  {problem}" for problem in listed[:_LISTED])]
    if len(listed) > _LISTED:
        lines.append(f"  ... and {len(listed) - _LISTED} more")
    return DataError("\n".join(lines), fix=fix)


def _open(problem: strict_json.Problem) -> bool:
    return "the end of the text" in problem.found or "without its end" in problem.found


def _without_echo(problems: list[Problem]) -> list[Problem]:
    """Of the branches of a choice, keep what leads furthest; join those that fail alike.

    Where a value may be a text, a list or an object, each branch reports its own failure. If one
    of them fails deeper inside, that is what the author meant.
    """
    kept: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        deeper = any(
            other.pointer.startswith(f"{problem.pointer}/")
            or (other.pointer == problem.pointer and other.message.endswith("is missing"))
            for other in problems
        )
        wants, _, found = problem.message.partition("; found ")
        is_branch = wants.startswith(("Input should be", "Tuple should"))
        if is_branch and deeper:
            continue
        kept.setdefault((problem.pointer, found if is_branch else problem.message), []).append(
            wants if is_branch else problem.message
        )
    return [_joined(pointer, found, wants) for (pointer, found), wants in kept.items()]


def _joined(pointer: str, found: str, wants: list[str]) -> Problem:
    if wants == [found]:
        return Problem(pointer, found)
    allowed = " or ".join(want.removeprefix("Input should be ") for want in wants)
    return Problem(pointer, f"found {found}; expected {allowed}")


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
