"""How long to wait before asking again: one rule for judges, gateway, exporters and alerts."""

from typing import Final

LONGEST_WAIT_S: Final = 30.0
"""Seconds that a receiver's hint is obeyed at most, where nothing else is said."""


def backoff(failed: int, base: float = 1.0, longest: float = LONGEST_WAIT_S) -> float:
    """Return `min(longest, base * 2 ** (failed - 1))` in seconds.

    Args:
        failed: Attempts that have failed, from 1.
        base: Seconds after the first.
        longest: Seconds at most.
    """
    return min(longest, base * 2.0 ** min(failed - 1, 60))


def hinted(header: str | None, otherwise: float, longest: float = LONGEST_WAIT_S) -> float:
    """Return the seconds that `Retry-After` asks for, at most `longest`.

    Args:
        header: Its value; None: there is none.
        otherwise: Seconds where it names none above 0.
        longest: Seconds at most.
    """
    try:
        asked = float(header or otherwise)
    except ValueError:
        return otherwise
    return min(asked, longest) if asked > 0 else otherwise
