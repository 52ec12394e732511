"""`recorded:FILE`: traces of trials that have already happened, one a line."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from evalgate.agents.base import Agent, Context, Opening
from evalgate.errors import DataError
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace
from evalgate.store.problems import problems_of
from evalgate.text.strict_json import Parsed, parse
from evalgate.text.suggest import did_you_mean

_SCHEMA: Final = "evalgate.trace/1"
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the file a trace stands."""

    line: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class RecordedAgent:
    """Answers each trial with the trace that is recorded for it.

    Only the places of the traces are kept in memory; each is read again when it is asked for.
    """

    path: Path
    """The file of traces."""
    places: MappingProxyType[tuple[str, int], _Place]
    """Where each trace stands, by case and trial."""
    trials: int | None
    """Trials of the case that has most of them."""

    async def run(self, case: Case, context: Context) -> Trace:
        """Return the recorded trace; `not_measured` where there is none: missing evidence."""
        place = self.places.get((case.id, context.trial))
        if place is None:
            return Trace(
                case_id=case.id,
                trial=context.trial,
                status="not_measured",
                error=f"{self.path.name} holds no trace of case {case.id!r}, trial {context.trial}",
            )
        with self.path.open("rb") as file:
            file.seek(place.offset)
            return _trace(file.read(place.length), self.path, place.line)

    async def close(self) -> None:
        """Nothing is open."""

    def check_cases(self, case_ids: frozenset[str]) -> None:
        """Hold the traces against the golden set; call it with all cases, selected or not.

        Args:
            case_ids: Ids of all cases of the golden set.

        Raises:
            DataError: Traces belong to no case, with file and line of each.
        """
        stray = [(p.line, key[0]) for key, p in self.places.items() if key[0] not in case_ids]
        if not stray:
            return
        lines = [
            f"{self.path}:{line}: a trace of case {case!r}, which the golden set does not have"
            f"{did_you_mean(case, case_ids)}"
            for line, case in sorted(stray)[:_SHOWN]
        ]
        more = [f"and {len(stray) - _SHOWN} more"] if len(stray) > _SHOWN else []
        raise DataError(
            "\n".join([*lines, *more]),
            fix="use the golden set the traces were made with, or take these lines out",
        )


@asynccontextmanager
async def open_recorded(opening: Opening) -> AsyncIterator[Agent]:
    """Open a file of traces and check every line of it.

    Raises:
        DataError: It is missing, empty or malformed, or holds one trial twice.
    """
    path = opening.root / opening.target
    places: dict[tuple[str, int], _Place] = {}
    problems: list[str] = []
    for place, raw in _lines(path):
        try:
            trace = _trace(raw, path, place.line)
        except DataError as error:
            problems.append(str(error))
            continue
        key = (trace.case_id, trace.trial)
        earlier = places.setdefault(key, place)
        if earlier is not place:
            problems.append(
                f"{path}:{place.line}: case {key[0]!r}, trial {key[1]} stands on line "
                f"{earlier.line} already; each trial needs a number of its own"
            )
    if problems:
        more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        raise DataError("\n".join([*problems[:_SHOWN], *more]))
    if not places:
        raise DataError(f"{path} holds no trace; expected one JSON object ({_SCHEMA}) a line")
    trials = max(trial for _, trial in places) + 1
    yield RecordedAgent(path, MappingProxyType(places), trials)


def _lines(path: Path) -> Iterator[tuple[_Place, bytes]]:
    """Yield every line that is not blank."""
    try:
        with path.open("rb") as file:
            offset = 0
            for number, raw in enumerate(file, start=1):
                if raw.strip():
                    yield _Place(number, offset, len(raw)), raw
                offset += len(raw)
    except FileNotFoundError:
        raise DataError(
            f"{path}: there is no such file of traces",
            fix="make one with `evalgate import`, or name traces.jsonl of a run folder",
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _trace(raw: bytes, path: Path, line: int) -> Trace:
    """Read one line strictly.

    Raises:
        DataError: It is no trace, with line, pointer, what was found and what is allowed.
    """
    parsed = parse(raw.rstrip(b"\r\n"), line=line)
    if not isinstance(parsed, Parsed):
        raise DataError(f"{path}:{parsed.line}:{parsed.column}: {parsed}")
    document: Any = parsed.value
    schema = document.get("schema", _SCHEMA) if isinstance(document, dict) else _SCHEMA
    if schema != _SCHEMA:
        raise DataError(f"{path}:{line}: schema is {schema!r}; this version reads {_SCHEMA!r}")
    try:
        return Trace.model_validate(document)
    except ValidationError as error:
        found = problems_of(error, Trace, document)
        raise DataError(
            "\n".join(f"{path}:{line}: {item.pointer or '/'}: {item.message}" for item in found[:5])
        ) from None
