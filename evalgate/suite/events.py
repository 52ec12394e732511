"""What a long operation tells whoever watches it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one suite has come."""

    suite: str
    done: int
    """Trials that are finished and on disk."""
    total: int
    """Trials that are planned."""
    failed: int = 0
    """Trials the agent did not finish."""


Listener = Callable[[Progress], None]
"""Is told of each step; must be quick and must not raise."""


def silent(_: Progress) -> None:
    """Listen and do nothing."""
