"""Seeded randomness, made in one place."""

from random import Random


def seeded(seed: int) -> Random:
    """Return a generator whose sequence depends on the seed alone."""
    return Random(seed)  # noqa: S311  # jitter and sampling, no secrets
