"""The scores of one case under one name, as they stand in a baseline.

One entry a trial, or a single entry where all trials agree. Where every value is 0 or 1 the
column is a text of digits, else a list of numbers; `-` is abstained, `?` unknown, `!` broken.
"""

from collections.abc import Sequence
from typing import Literal, assert_never

from evalgate.schema.baseline import Column
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.stats.rounding import round4

COLUMN_MARKS = "01-?!"
"""What a column that is a text may hold."""

_Entry = float | Literal["-", "?", "!"]

_SCORES: dict[object, Score] = {
    "0": Scored(0.0),
    "1": Scored(1.0),
    "-": Abstained("abstained"),
    "?": Abstained("unknown", unknown=True),
    "!": Broken("broken"),
}


def encode_column(scores: Sequence[Score], trials: int) -> Column | None:
    """Write the scores of one case.

    Args:
        scores: One a trial, in the order of their numbers.
        trials: The smallest number of trials of any case, which is what a single entry stands
            for.

    Returns:
        The column; null where every trial abstained, which is not written.
    """
    entries = [_entry(score) for score in scores]
    if all(entry == "-" for entry in entries):
        return None
    if len(entries) == trials and len(set(entries)) == 1:
        entries = entries[:1]
    if all(entry in (0, 1) or isinstance(entry, str) for entry in entries):
        return "".join(entry if isinstance(entry, str) else str(int(entry)) for entry in entries)
    return tuple(entries)


def _entry(score: Score) -> _Entry:
    match score:
        case Scored(value):
            return round4(value)
        case Abstained(unknown=unknown):
            return "?" if unknown else "-"
        case Broken():
            return "!"
        case _:
            assert_never(score)


def decode_column(column: Column, trials: int) -> tuple[Score, ...] | None:
    """Read what `encode_column` wrote.

    Args:
        column: The column.
        trials: Trials of this case.

    Returns:
        One score a trial; null where the column has another length or an unknown mark.
    """
    if len(column) not in (1, trials):
        return None
    scores = [
        _SCORES.get(entry) if isinstance(entry, str) else Scored(float(entry)) for entry in column
    ]
    known = tuple(score for score in scores if score is not None)
    if len(known) < len(scores):
        return None
    return known if len(known) == trials else known * trials
