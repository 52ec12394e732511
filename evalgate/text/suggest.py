"""Did you mean: the nearest of the names that are allowed."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)`, with a blank before it, or the empty text.

    Args:
        name: What was asked for.
        allowed: What there is; case does not matter for nearness.
    """
    by_lower = {option.lower(): option for option in allowed}
    nearest = get_close_matches(name.lower()[:200], by_lower, n=1, cutoff=0.6)
    return f" (did you mean {by_lower[nearest[0]]!r}?)" if nearest else ""
