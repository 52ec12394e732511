"""Business classes: how many calls of each may fail, all causes together."""

from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction

from evalgate.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Tier:
    """One business class."""

    name: str
    limit: Fraction
    strict: bool
    """Whether the limit itself already fails."""
    range: str
    """What the field states."""
    gates: bool = True


TIERS: dict[str, Tier] = {
    tier.name: tier
    for tier in (
        Tier("critical", Fraction(1, 1000), strict=True, range="below 0.1 %"),
        Tier("user_facing", Fraction(1, 100), strict=True, range="below 1 %"),
        Tier("compliance", Fraction(1, 100), strict=True, range="below 1 %"),
        Tier("frontier", Fraction(5, 100), strict=False, range="3-5 %"),
        Tier("internal", Fraction(10, 100), strict=False, range="5-10 %"),
        Tier("pilot", Fraction(10, 100), strict=False, range="10 % and more", gates=False),
    )
}
"""The tiers by name; where the field states a range, its upper end is the limit."""


def tier_named(name: str) -> Tier:
    """Return a tier.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in TIERS:
        close = get_close_matches(name, TIERS, n=1)
        fix = f"did you mean {close[0]}?" if close else f"one of: {', '.join(TIERS)}"
        raise ConfigError(f"tier: expected a known tier, found {name!r}", fix=fix)
    return TIERS[name]
