"""Numbers as people write them, and the word that fits them."""


def number_of(count: int, one: str, many: str | None = None) -> str:
    """Count things: `1 case`, `2 cases`.

    Args:
        count: How many.
        one: The word, or words, for a single one.
        many: Those for any other number; null: the same with an `s`.
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def percent_text(share: float) -> str:
    """Write a share in percent: 66.7 %, 5 %, 0.012 %."""
    percent = share * 100
    if percent and abs(percent) < 0.1:
        return f"{plain_text(percent, 2)} %"
    return f"{percent:.1f}".removesuffix(".0") + " %"


def signed_percent(share: float) -> str:
    """Write a change in percent with its sign: +5 %, -0.1 %."""
    return f"{'+' if share > 0 else ''}{percent_text(share)}"


def plain_text(value: float, digits: int = 3) -> str:
    """Write three digits that count, never an exponent: 1,206, 42, 1.2, 0.000222."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    places = digits - 1
    size = abs(value)
    while size < 1 and places < 12:
        size *= 10
        places += 1
    while size >= 10 and places:
        size /= 10
        places -= 1
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
