"""Sets of faults, shrunk to what is needed."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from evalgate.stress.tool_faults.minimise import Shrunk, shrink

SIZES = st.integers(1, 12).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1), min_size=1))
)


def shrunk(size: int, needed: set[int], unknown: frozenset[int] = frozenset()) -> Shrunk[int]:
    """Shrink `size` faults of which some are needed, and where some sets are not recorded."""

    async def fails(faults: tuple[int, ...]) -> bool | None:
        return None if len(faults) in unknown else needed <= {*faults}

    return asyncio.run(shrink(range(size), fails))


@given(SIZES)
def test_exactly_what_is_needed_is_left(found: tuple[int, set[int]]) -> None:
    """In the order of the set, and the same again."""
    size, needed = found
    first, second = (shrunk(size, needed) for _ in range(2))
    assert tuple(sorted(needed)) == first.faults
    assert first == second


def test_sets_that_are_not_recorded_are_counted() -> None:
    """The set that is left fails for sure; that a smaller one does not is not known."""
    found = shrunk(4, {0}, frozenset({1}))
    assert (0, 1) == found.faults
    assert found.unknown == 2


def test_one_fault_is_small_enough() -> None:
    """Nothing is played for it."""
    assert Shrunk((0,), 0, 0) == shrunk(1, {0})
