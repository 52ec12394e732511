"""Columns of scores, as they stand in a baseline."""

import pytest

from evalgate.schema.baseline import Column
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.stats.columns import decode_column, encode_column

YES, NO = Scored(1.0), Scored(0.0)


@pytest.mark.parametrize(
    ("scores", "column"),
    [
        ((YES, YES), "1"),
        ((YES, NO), "10"),
        ((Scored(0.25), Scored(0.5)), (0.25, 0.5)),
        ((Broken("broken"), YES), "!1"),
        ((Abstained("unknown", unknown=True), NO), "?0"),
    ],
)
def test_a_column_is_read_as_it_was_written(scores: tuple[Score, ...], column: Column) -> None:
    """One entry a trial, or one for all where they agree."""
    assert column == encode_column(scores, 2)
    assert scores == decode_column(column, 2)


def test_what_abstained_throughout_is_not_written() -> None:
    """There is nothing to compare."""
    assert None is encode_column((Abstained("abstained"),) * 2, 2)


@pytest.mark.parametrize("column", ["111", "1x", ""])
def test_a_column_of_another_shape_is_not_read(column: str) -> None:
    """Neither a score too many, nor a mark that nobody knows, nor none at all."""
    assert None is decode_column(column, 2)
