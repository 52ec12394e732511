"""Equality of JSON values: 1 equals 1.0, true does not equal 1, tuples equal lists."""

from collections.abc import Callable

from evalgate.schema.base import Json

Predicate = Callable[[Json], bool]
"""A test of one JSON value."""


def json_equal(left: object, right: object) -> bool:
    """Compare two JSON values as JSON does.

    Numbers compare by value (1 equals 1.0), truth values only with each other, objects without
    regard to the order of keys, arrays in order. Python's `==` says true of `True == 1` and
    false of `(1,) == [1]`; both are wrong here.
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(json_equal(value, right[key]) for key, value in left.items())
        )
    if isinstance(left, list | tuple):
        return (
            isinstance(right, list | tuple)
            and len(left) == len(right)
            and all(map(json_equal, left, right))
        )
    return left == right


def equals(wanted: Json) -> Predicate:
    """Return a test for equality with `wanted`, prepared for many calls."""
    if _confusable(wanted):
        return lambda value: json_equal(wanted, value)
    # Without truth values, zeros and ones, Python's own comparison can only err towards "unequal"
    # (tuples), so that it may answer first.
    return lambda value: value == wanted or json_equal(wanted, value)


def _confusable(value: object) -> bool:
    """Return whether Python's `==` may take a truth value for a number somewhere in `value`."""
    if isinstance(value, dict):
        return any(map(_confusable, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_confusable, value))
    return isinstance(value, int | float) and value in {0, 1}
