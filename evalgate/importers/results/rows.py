"""What every reader of other tools' results returns: rows, and what is known of their scores."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import isfinite
from types import MappingProxyType
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.results.documents import (
    Document,
    JsonDocument,
    LinesDocument,
    TableDocument,
)
from evalgate.schema.base import Json
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.verdict import Direction

SUCCESS: Final = "task_success"
"""Score of what the tool itself calls passed or failed."""

UNSCORED: Final = Abstained("the tool gave no score", unknown=True)
"""A score that should be there and is not: it may be anything."""

_PASSED: Final[Mapping[str, float]] = MappingProxyType(
    dict.fromkeys(("pass", "passed", "true", "success", "ok", "yes", "correct"), 1.0)
    | dict.fromkeys(("fail", "failed", "false", "failure", "no", "incorrect"), 0.0)
)
_ID_LENGTH: Final = 120
_LARGEST: Final = 1e100
"""Statistics square values and add them up; no score, cost or time is larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One trial of one case, as another tool scored it."""

    case: str
    """The case; rows of one case are its trials."""
    place: str
    """Where it stands in the file, for messages."""
    scores: Mapping[str, Score]
    """Scores by name; `task_success` is the tool's own pass or fail."""
    trial: int | None = None
    """Number of the trial in the file; null: the file gives none."""
    asks: str = ""
    """What the case asks, as text; empty: unknown."""
    error: str | None = None
    """Why the trial ended without an answer; null: it did not."""
    usage: TrialUsage = field(default_factory=TrialUsage)
    """Tokens."""
    cost_usd: float | None = None
    """Cost in USD; null is unknown."""
    seconds: float | None = None
    """Duration in seconds; null is unknown."""
    output: str = ""
    """The answer."""


@dataclass(frozen=True, slots=True)
class ScoreKind:
    """What a format says about a score."""

    direction: Direction | None = "higher"
    """Which way is better; null: the file does not say."""
    bounds: tuple[float, float] | None = None
    """Lowest and highest possible value; null: the file does not say."""
    informational: bool = False
    """Whether the tool itself only shows it."""


RATIO: Final = ScoreKind(bounds=(0.0, 1.0))
"""A share of which more is better."""


@dataclass(frozen=True, slots=True)
class Results:
    """All rows of a file."""

    rows: tuple[ResultRow, ...]
    """The rows, in the order of the file."""
    kinds: Mapping[str, ScoreKind] = field(default_factory=dict)
    """What is known of the scores, by name."""
    errors: bool = False
    """Whether a row that ended in an error would say so; else nobody knows how many did."""
    repeats: bool = False
    """Whether rows of one case without a number are its trials; else a second one is an error."""
    notes: tuple[str, ...] = ()
    """What was assumed or left out, one sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What the user says of a file's columns."""

    id: str | None = None
    """Column of the case's id."""
    trial: str | None = None
    """Column of the trial's number."""
    scores: tuple[str, ...] = ()
    """Columns that hold scores."""


def number(value: Json) -> float | None:
    """Return a finite number of at most 1e100, also one written as text, else null."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value.strip().removesuffix("%")) / (
                100 if value.strip()[-1:] == "%" else 1
            )
        except ValueError:
            return None
    if not isinstance(value, int | float):
        return None
    try:
        given = float(value)
    except OverflowError:
        return None
    return given if isfinite(given) and abs(given) <= _LARGEST else None


def tokens(value: Json) -> int | None:
    """Return a count of tokens, else null."""
    given = number(value)
    return int(given) if given is not None and given >= 0 and given.is_integer() else None


def score_of(value: Json) -> Score:
    """Read a score: a number, a truth value or a word for one; anything else is unscored."""
    if isinstance(value, bool):
        return Scored(float(value))
    if isinstance(value, str) and value.strip().lower() in _PASSED:
        return Scored(_PASSED[value.strip().lower()])
    given = number(value)
    return UNSCORED if given is None else Scored(given)


def passed(value: Json) -> Score:
    """Read a pass or fail; only a truth value or a word for one is scored."""
    if isinstance(value, str):
        value = {1.0: True, 0.0: False}.get(_PASSED.get(value.strip().lower(), 0.5))
    return Scored(float(value)) if isinstance(value, bool) else UNSCORED


def broken(reason: str) -> Score:
    """Make the score of a trial or scorer that ended in an error."""
    return Broken(reason.strip()[:300] or "error")


def text_of(value: Json) -> str:
    """Write a value as one text; structure becomes JSON with sorted keys."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def case_id(*parts: Json) -> str:
    """Make an id of texts: one printable line; a long one is cut and gets a digest."""
    whole = " / ".join(text for part in parts if (text := text_of(part)))
    line = "".join(c if c.isprintable() else " " for c in " ".join(whole.split()))
    if not line:
        return ""
    if line == whole and len(line) <= _ID_LENGTH:
        return line
    digest = sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{line[:_ID_LENGTH].strip()} #{digest}" if len(line) > _ID_LENGTH else line


def objects(value: Json, where: str) -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield place and object of each item of a list.

    Raises:
        DataError: It is no list of objects.
    """
    if not isinstance(value, list):
        raise unexpected(value, where, "a list")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise unexpected(item, f"{where}/{index}", "an object")
        yield f"{where}/{index}", item


def objects_of(document: Document, *keys: str) -> list[tuple[str, dict[str, Json]]]:
    """Return place and object of each row, whatever file they stand in.

    Args:
        document: A table, JSON lines, a list, or an object that holds the list.
        keys: Names under which an object may hold the list.

    Raises:
        DataError: There is no list of objects.
    """
    match document:
        case TableDocument(header, lines):
            return [
                (f"line {line}", {k: v for k, v in zip(header, cells, strict=True) if k})
                for line, cells in lines
            ]
        case LinesDocument(values):
            found = [(f"line {line}", value) for line, value in values]
        case JsonDocument(list() as listed):
            found = [(f"/{i}", value) for i, value in enumerate(listed)]
        case JsonDocument(dict() as data):
            key = next((key for key in keys if isinstance(data.get(key), list)), None)
            if key is None:
                raise unexpected(list(data), "/", f"a list under one of {', '.join(keys)}")
            found = [(f"/{key}/{i}", value) for i, value in enumerate(items(data[key]))]
        case _:
            raise unexpected(None, "/", "rows")
    rows = []
    for where, value in found:
        if not isinstance(value, dict):
            raise unexpected(value, where, "an object")
        rows.append((where, value))
    return rows


def mapping(value: Json) -> dict[str, Json]:
    """Return an object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: Json) -> list[Json]:
    """Return a list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def first(data: Mapping[str, Json], *names: str) -> Json:
    """Return the first value under any of the names that is not null."""
    return next((data[name] for name in names if data.get(name) is not None), None)


def unexpected(value: Json, where: str, expected: str) -> DataError:
    """Make the error of a value that is something else than expected, or not there."""
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:80]}..."
    found = f"found {shown}"
    if value is None:
        found = "is missing or null" if where.strip("/") else "found a file of another kind"
    return DataError(f"{where or '/'}: {found}; expected {expected}")
