"""Reading a recorded arrival trace: CSV or JSONL with a time and, where known, tokens."""

import csv
import json
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from evalgate.errors import DataError
from evalgate.quota.quota import Request
from evalgate.quota.units import MILLISECOND, SECOND

ArrivalsFormat = Literal["csv", "jsonl"]

_NAMES = {
    "time": ("time", "timestamp", "arrival", "arrived_at", "t"),
    "time_s": ("time_s", "timestamp_s", "arrival_s", "seconds"),
    "time_ms": ("time_ms", "timestamp_ms", "arrival_ms", "milliseconds"),
    "input": ("contexttokens", "input_tokens", "prompt_tokens", "context_tokens", "input_length"),
    "output": (
        "generatedtokens",
        "output_tokens",
        "completion_tokens",
        "generated_tokens",
        "output_length",
    ),
    "max": ("max_tokens", "maxtokens", "max_output_tokens", "max_completion_tokens"),
}
_CLOCKS = ("time", "time_s", "time_ms")
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?"
)
_PLAIN = re.compile(r"\d{1,20}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,2})?")
_UNKNOWN = -1
_MOST_TOKENS = 10**12
_LARGEST = 10**20
"""No time in any unit is larger: nanoseconds since 1970 are 1.8e18."""
_EPOCHS = ((10**8, SECOND), (10**11, MILLISECOND), (10**14, 1_000), (10**17, 1))
"""From this number on a time counts from 1970, in units of so many nanoseconds."""
_SHORT = 1000
"""Seconds that a trace in ms would not last: below, whole numbers are seconds."""
_RARE = 60
"""Seconds between calls that no limit a minute would ever stop: above, whole numbers are ms."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Recorded calls in order of time; columns, so that a million rows stay small.

    The token columns hold -1 where a cell was empty; `request` gives None there.
    """

    times: "array[int]"
    """Nanoseconds since the first arrival."""
    inputs: "array[int]"
    outputs: "array[int]"
    ceilings: "array[int]"
    was_sorted: bool = True
    """Whether the file was in order of time."""
    origin: int | None = None
    """Nanoseconds from the first arrival to the file's own zero, at most 0: times in plain seconds
    have one, dates do not."""
    read_as_ms: bool = False
    """Whether plain numbers without a unit were taken for milliseconds."""

    def __len__(self) -> int:
        """Return the number of calls."""
        return len(self.times)

    def request(self, row: int) -> Request:
        """Return the call of a row; unknown input counts as 0, see `missing_tokens`."""
        return Request(
            max(0, self.inputs[row]), _known(self.outputs[row]), _known(self.ceilings[row])
        )

    @property
    def missing_tokens(self) -> int:
        """Rows without input or output tokens."""
        pairs = zip(self.inputs, self.outputs, strict=True)
        return sum(_UNKNOWN in pair for pair in pairs)

    @property
    def ties(self) -> int:
        """Rows that came at the same moment as the row before."""
        return sum(a == b for a, b in pairwise(self.times))


def _known(value: int) -> int | None:
    return None if value == _UNKNOWN else value


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: dict[str, object]

    @property
    def clock(self) -> str:
        """The key of the cell that holds the time."""
        return next(key for key in _CLOCKS if key in self.cells)

    @property
    def time(self) -> object:
        """The time as it stands in the file."""
        return self.cells[self.clock]


def parse_arrivals(text: str, form: ArrivalsFormat, source: str = "arrivals") -> Arrivals:
    """Read an arrivals file.

    Args:
        text: The whole file.
        form: `csv` (with a header line) or `jsonl`.
        source: The file's name, for messages.

    Returns:
        The calls, sorted by time; ties keep the order of the file.

    Raises:
        DataError: A line is malformed, or there is no line; names the file, line and value.
    """
    rows = _csv_rows(text, source) if form == "csv" else _jsonl_rows(text, source)
    inputs, outputs, ceilings = array("q"), array("q"), array("q")
    moments: list[int | Fraction] = []
    kind: str | None = None
    for row in rows:
        found, moment = _moment(row, source)
        if kind is not None and found != kind:
            raise _bad(source, row.line, "time", row.time, "the kind of the lines before")
        kind = found
        moments.append(moment)
        inputs.append(_tokens(row, "input", source))
        outputs.append(_tokens(row, "output", source))
        ceilings.append(_tokens(row, "max", source))
    if kind is None:
        raise DataError(f"{source}: no arrivals in it", fix="give a file with one line a call")
    unit = _UNITS.get(kind) or _unit(moments, source)
    if max(moments) * unit >= 1 << 63:
        raise DataError(f"{source}: time: expected at most 9e9 seconds, found {max(moments)!r}")
    times = array("q", (round(moment * unit) for moment in moments))
    guessed = kind == "time" and unit == MILLISECOND and max(moments) < _EPOCHS[0][0]
    arrivals = Arrivals(times, inputs, outputs, ceilings, read_as_ms=guessed)
    return _in_order(arrivals, dated=kind == "date")


_UNITS = {"date": 1, "time_s": SECOND, "time_ms": MILLISECOND}


def _unit(moments: Sequence[int | Fraction], source: str) -> int:
    """Return the nanoseconds of one unit of plain numbers that name none.

    Raises:
        DataError: They may be seconds or milliseconds.
    """
    first, last = min(moments), max(moments)
    for least, unit in reversed(_EPOCHS):
        if first >= least:
            return unit
    span = last - first
    if span < _SHORT or any(moment.denominator != 1 for moment in moments):
        return SECOND
    if span > _RARE * (len(moments) - 1):
        return MILLISECOND
    raise DataError(
        f"{source}: whole numbers from {first} to {last} may be seconds or milliseconds",
        fix="name the column time_s or time_ms",
    )


def _in_order(found: Arrivals, *, dated: bool) -> Arrivals:
    times = found.times
    first = min(times)
    origin = None if dated else -first
    if all(a <= b for a, b in pairwise(times)):
        shifted = array("q", (t - first for t in times))
        return replace(found, times=shifted, origin=origin)
    order = sorted(range(len(times)), key=times.__getitem__)
    shifted = array("q", (times[i] - first for i in order))
    columns = [
        array("q", (column[i] for i in order))
        for column in (found.inputs, found.outputs, found.ceilings)
    ]
    return replace(
        found,
        times=shifted,
        inputs=columns[0],
        outputs=columns[1],
        ceilings=columns[2],
        was_sorted=False,
        origin=origin,
    )


def _csv_rows(text: str, source: str) -> Iterator[_Row]:
    reader = csv.reader(text.lstrip("\ufeff").splitlines(), strict=True)
    try:
        header = next(reader, None)
        if header is None:
            return
        names = _columns_of(header, source, 1)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"{source}:{reader.line_num}: expected {len(header)} cells, "
                    f"found {len(cells)}: {cells!r}"
                )
            yield _Row(reader.line_num, {key: cells[at] for key, at in names.items()})
    except csv.Error as error:
        raise DataError(f"{source}:{reader.line_num}: not CSV: {error}") from None


def _columns_of(header: Iterable[str], source: str, line: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for at, name in enumerate(header):
        for key, known in _NAMES.items():
            if name.strip().lower() in known:
                if key in found:
                    raise DataError(f"{source}:{line}: two columns for {key}: {name!r}")
                found[key] = at
    clocks = [key for key in _CLOCKS if key in found]
    if len(clocks) > 1:
        raise DataError(f"{source}:{line}: two columns for time: {', '.join(clocks)}")
    if not clocks:
        raise DataError(
            f"{source}:{line}: expected a column for the time, found {list(header)!r}",
            fix=f"name it one of: {', '.join(_NAMES['time'])}",
        )
    return found


def _jsonl_rows(text: str, source: str) -> Iterator[_Row]:
    for line, content in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if not content.strip():
            continue
        try:
            value = json.loads(content, parse_float=_fraction, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{source}:{line}: not JSON: {error}") from None
        if not isinstance(value, dict):
            raise DataError(f"{source}:{line}: expected an object, found {value!r:.80}")
        keys = list(value)
        names = _columns_of(keys, source, line)
        yield _Row(line, {key: value[keys[at]] for key, at in names.items()})


def _fraction(text: str) -> Fraction | str:
    """Read a number exactly; one that no time can be stays a text: 1e999999999 fills the memory."""
    return Fraction(text) if _PLAIN.fullmatch(text) else text


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _moment(row: _Row, source: str) -> tuple[str, int | Fraction]:
    """Return what kind of time stands in a row, and the time: a number, or ns of a date."""
    value = row.time
    text = value.strip() if isinstance(value, str) else ""
    number = Fraction(text) if _PLAIN.fullmatch(text) else None if value is True else value
    if isinstance(number, int | Fraction) and 0 <= number < _LARGEST and number is not False:
        return row.clock, int(number) if number.denominator == 1 else number
    match = _MOMENT.fullmatch(text)
    moment = None if match is None else _nanoseconds(match)
    if moment is None:
        expected = "seconds, or a date and time such as 2023-11-16 18:17:03.9799600"
        raise _bad(source, row.line, "time", value, expected)
    return "date", moment


def _nanoseconds(match: re.Match[str]) -> int | None:
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    try:
        days = date(year, month, day).toordinal()
    except ValueError:
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    whole = ((days * 24 + hour) * 60 + minute) * 60 + second
    zone = match[8]
    if zone and zone != "Z":
        sign = -1 if zone[0] == "-" else 1
        whole -= sign * (int(zone[1:3]) * 60 + int(zone[-2:])) * 60
    # Counted from 2000, so that sums stay within 64 bits.
    whole -= date(2000, 1, 1).toordinal() * 86_400
    return whole * SECOND + int((match[7] or "").ljust(9, "0"))


def _tokens(row: _Row, name: str, source: str) -> int:
    value = row.cells.get(name)
    if value is None or value == "":
        return _UNKNOWN
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,13}\s*", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_TOKENS:
        raise _bad(source, row.line, f"{name} tokens", value, "a whole number that is not negative")
    return value


def _bad(source: str, line: int, what: str, value: object, expected: str) -> DataError:
    shown = float(value) if isinstance(value, Fraction) else value
    return DataError(f"{source}:{line}: {what}: expected {expected}, found {shown!r:.80}")
