"""Traces on disk: JSONL, one trace a line, `evalgate.trace/1`."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from evalgate.errors import DataError
from evalgate.schema.trace import Trace
from evalgate.store.atomic import write_text
from evalgate.store.lines import LineProblem, RawLine, data_error, read_lines, validated

_VERSION: Final = 1
_NAMED_VERSION: Final = re.compile(rb'"schema"\s*:\s*"evalgate\.trace/(\d{1,9})"')
_FIX: Final = "correct the lines listed, or make the file again with `evalgate import` or a run"


def iter_traces(path: Path) -> Iterator[tuple[int, Trace]]:
    """Yield the line and the trace of each line, one at a time.

    Memory stays that of one line. The first line that cannot be read ends the reading.

    Raises:
        DataError: With line, JSON pointer or column, what was found and what is allowed; a trace
            of a newer version says so.
    """
    for line in read_lines(path):
        match validated(line, Trace):
            case Trace() as trace:
                yield line.number, trace
            case problems:
                _refuse_newer(path, line)
                raise data_error(path, problems, fix=_FIX)


def load_traces(path: Path) -> list[Trace]:
    """Read all traces of a file, with every problem of the file named at once.

    A case and trial may occur once.

    Raises:
        DataError: As `iter_traces`, for all lines together.
    """
    traces: list[Trace] = []
    problems: list[LineProblem] = []
    first: dict[tuple[str, int], int] = {}
    for line in read_lines(path):
        match validated(line, Trace):
            case Trace() as trace:
                traces.append(trace)
                key = (trace.case_id, trace.trial)
                if key in first:
                    found = f"found trial {trace.trial} of case {trace.case_id!r} again"
                    message = f"{found}; line {first[key]} has it; expected each trial once"
                    problems.append(LineProblem(line.number, "", message))
                first.setdefault(key, line.number)
            case refused:
                _refuse_newer(path, line)
                problems += refused
    if problems:
        raise data_error(path, problems, fix=_FIX)
    return traces


def write_traces(path: Path, traces: Iterable[Trace]) -> None:
    """Write traces as JSONL, whole or not at all.

    Args:
        path: The file; it is replaced.
        traces: The traces, in the order they are written.

    Raises:
        InputError: The file cannot be written.
    """
    write_text(path, "".join(f"{trace_to_json(trace)}\n" for trace in traces))


def trace_to_json(trace: Trace) -> str:
    """Write a trace as one line of JSON; fields that are null are left out."""
    return trace.model_dump_json(by_alias=True, exclude_none=True)


def _refuse_newer(path: Path, line: RawLine) -> None:
    """Name a newer version before its unknown fields are."""
    named = _NAMED_VERSION.search(line.raw)
    if named is not None and int(named.group(1)) > _VERSION:
        raise DataError(
            f"{path}:{line.number}: found a trace of version {int(named.group(1))}; "
            f"this evalgate reads version {_VERSION}",
            fix="pip install --upgrade agent-evalgate",
        )
