"""Numbers with the word that fits them."""


def number_of(count: int, one: str, many: str | None = None) -> str:
    """Count things: `1 case`, `2 cases`.

    Args:
        count: How many.
        one: The word, or words, for a single one.
        many: Those for any other number; null: the same with an `s`.
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
