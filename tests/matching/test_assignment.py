"""Assignments are optimal: held against every possible one."""

from itertools import combinations, pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from evalgate.matching.assignment import align, assign


@st.composite
def _graphs(draw: st.DrawFn) -> tuple[list[list[int]], int, list[bool]]:
    left, right = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    rows = st.lists(st.sampled_from(range(right)), unique=True) if right else st.just([])
    edges = draw(st.lists(rows, min_size=left, max_size=left))
    return edges, right, draw(st.lists(st.booleans(), min_size=left, max_size=left))


def _best(edges: list[list[int]], right: int, required: list[bool]) -> tuple[int, int]:
    """Return the most pairs, and the most required pairs among those, over all assignments."""
    places = [*range(right), *[None] * len(edges)]
    found = {(0, 0)}
    for chosen in set(permutations(places, len(edges))):
        pairs = [(i, j) for i, j in enumerate(chosen) if j is not None]
        if all(j in edges[i] for i, j in pairs):
            found.add((len(pairs), sum(required[i] for i, _ in pairs)))
    return max(found)


@given(_graphs())
def test_no_assignment_has_more_pairs_or_more_required_ones(
    graph: tuple[list[list[int]], int, list[bool]],
) -> None:
    """The assignment is valid and as good as the best of all assignments."""
    edges, right, required = graph
    pairs = [(i, j) for i, j in enumerate(assign(edges, right, required)) if j is not None]
    assert all(j in edges[i] for i, j in pairs)
    assert len({j for _, j in pairs}) == len(pairs)
    found = (len(pairs), sum(required[i] for i, _ in pairs))
    assert _best(edges, right, required) == found


def test_greedy_would_lose() -> None:
    """The first left vertex gives way although it came first."""
    assert [1, 0] == assign([[0, 1], [0]], 2, [True, True])


def test_a_required_vertex_comes_first() -> None:
    """The one right vertex goes to the required left one."""
    assert [None, 0] == assign([[0], [0]], 1, [False, True])


def test_large_and_dense() -> None:
    """Three hundred left vertices that all fit anywhere are all paired."""
    size = 300
    edges = [list(range(size))] * size
    assert set(range(size)) == set(assign(edges, size, [True] * size))


def test_a_long_chain_of_exchanges() -> None:
    """The last vertex is paired by moving every other one; no recursion limit is met."""
    size = 5000
    edges = [[i, i + 1] for i in range(size - 1)] + [[0]]
    assert [*range(1, size), 0] == assign(edges, size, [True] * size)


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), max_size=4))
def test_no_alignment_is_heavier(weights: list[list[int]]) -> None:
    """The alignment does not cross and is as heavy as the heaviest of all."""
    rows = len(weights)
    pairs = align(rows, 4, lambda i, j: weights[i][j])
    assert pairs == sorted(pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))
    heaviest = max(
        sum(weights[i][j] for i, j in zip(left, right, strict=True))
        for size in range(min(rows, 4) + 1)
        for left in combinations(range(rows), size)
        for right in combinations(range(4), size)
    )
    assert heaviest == sum(weights[i][j] for i, j in pairs)
