"""Phrases that several parts of a page share."""

from collections.abc import Sequence

from evalgate.text.escape import html

_EXAMPLES = 6


def case_links(names: Sequence[str]) -> str:
    """Link to cases; the first six, and how many more there are."""
    shown = " ".join(
        f'<a href="#" data-case="{html(name)}">{html(name)}</a>' for name in names[:_EXAMPLES]
    )
    more = len(names) - _EXAMPLES
    return shown + (f" <span class=dim>and {more} more</span>" if more > 0 else "")
