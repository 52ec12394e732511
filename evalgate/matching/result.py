"""What matching finds."""

from dataclasses import dataclass

Pair = tuple[int, int]
"""Index among the expected calls, index among the actual calls."""


@dataclass(frozen=True, slots=True)
class MatchResult:
    """How the actual calls of one trial relate to the expected ones.

    Indices are places in the sequences that were given to be matched, calls of the user included.
    """

    pairs: tuple[Pair, ...]
    """Calls that agree in name and arguments."""
    name_pairs: tuple[Pair, ...]
    """Calls that agree in the name alone: called, but with wrong arguments."""
    missed: tuple[int, ...]
    """Required expected calls that were not made, not even with wrong arguments."""
    extra: tuple[int, ...]
    """Actual calls that stand for no expected one."""
    extra_allowed: bool
    """Whether the mode allows extra calls."""
    matches: bool
    """Whether the whole trajectory is right under the mode."""
    names_right: int
    """Calls made with a right name; with order, the most that can be had with names alone."""
    wanted: int
    """Required calls, and optional ones that were made right."""

    @property
    def correct(self) -> int:
        """Number of expected calls that were made right."""
        return len(self.pairs)

    @property
    def made(self) -> int:
        """Number of calls made; extra ones only where the mode does not allow them."""
        return (
            len(self.pairs) + len(self.name_pairs) + (0 if self.extra_allowed else len(self.extra))
        )
