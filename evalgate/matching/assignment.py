"""Optimal assignment: who is paired with whom, with and without regard to order.

Without order the pairs are a maximum matching (Hopcroft and Karp 1973, "An n^5/2 algorithm for
maximum matchings in bipartite graphs"), found for the required calls first and then extended.
The sets of calls that can be matched at once are the independent sets of a transversal matroid,
so that extending in order of priority is optimal for both: as many required pairs as there can
be, and as many pairs as there can be. No weights are needed.

With order the pairs are a heaviest common subsequence, by dynamic programming.
"""

from collections.abc import Callable, Iterator, Sequence

_FAR = 1 << 60


def assign(
    edges: Sequence[Sequence[int]], right_size: int, required: Sequence[bool]
) -> list[int | None]:
    """Pair each left vertex with at most one right vertex, and the other way round.

    Args:
        edges: For each left vertex, the right vertices it may be paired with.
        right_size: Number of right vertices.
        required: For each left vertex, whether it comes before those that are not.

    Returns:
        The partner of each left vertex, or None. Among all pairings the number of pairs is
        largest, and among those the number of required left vertices that are paired.
        O(E sqrt(V)) for each of the two classes.
    """
    state = _Matching(edges, [None] * len(edges), [None] * right_size)
    state.extend([left for left, first in enumerate(required) if first])
    if not all(required):
        state.extend(range(len(edges)))
    return state.partner


class _Matching:
    """A matching that grows by shortest augmenting paths."""

    def __init__(
        self,
        edges: Sequence[Sequence[int]],
        partner: list[int | None],
        owner: list[int | None],
    ) -> None:
        self.edges = edges
        self.partner = partner
        self.owner = owner

    def extend(self, lefts: Sequence[int]) -> None:
        """Pair as many of `lefts` as possible; a vertex that is paired stays paired."""
        while True:
            free = [left for left in lefts if self.partner[left] is None]
            layers = self._layers(free)
            pending = [iter(row) for row in self.edges]
            grown = sum(self._augment(left, layers, pending) for left in free)
            if not grown:
                return

    def _layers(self, free: Sequence[int]) -> list[int]:
        """Return the length of the shortest alternating path to each left vertex."""
        layers = [_FAR] * len(self.edges)
        for left in free:
            layers[left] = 0
        queue, stop = list(free), False
        while queue and not stop:
            following = []
            for left in queue:
                for right in self.edges[left]:
                    owner = self.owner[right]
                    if owner is None:
                        stop = True
                    elif layers[owner] == _FAR:
                        layers[owner] = layers[left] + 1
                        following.append(owner)
            queue = following
        return layers

    def _augment(self, start: int, layers: list[int], pending: list[Iterator[int]]) -> bool:
        """Walk one path along the layers to a free right vertex, and flip it."""
        path: list[tuple[int, int]] = []
        left = start
        while True:
            for right in pending[left]:
                owner = self.owner[right]
                if owner is None:
                    for at, to in [*path, (left, right)]:
                        self.partner[at], self.owner[to] = to, at
                    return True
                if layers[owner] == layers[left] + 1:
                    path.append((left, right))
                    left = owner
                    break
            else:
                if not path:
                    return False
                left, _ = path.pop()


def align(
    left_size: int, right_size: int, weight: Callable[[int, int], int]
) -> list[tuple[int, int]]:
    """Pair left with right vertices so that no two pairs cross and the weight is largest.

    Args:
        left_size: Number of left vertices.
        right_size: Number of right vertices.
        weight: The weight of a pair, at least 0; pairs of weight 0 are never made.

    Returns:
        The pairs in order; among the heaviest alignments the one that pairs earliest.
        O(left_size x right_size).
    """
    weights = [[weight(i, j) for j in range(right_size)] for i in range(left_size)]
    best = [[0] * (right_size + 1) for _ in range(left_size + 1)]
    for i in range(left_size - 1, -1, -1):
        below, row, here = best[i + 1], weights[i], best[i]
        for j in range(right_size - 1, -1, -1):
            here[j] = max(row[j] + below[j + 1] if row[j] else 0, below[j], here[j + 1])
    pairs = []
    i = j = 0
    while i < left_size and j < right_size:
        if weights[i][j] and best[i][j] == weights[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs
