"""Scorers of the user, as the configuration names them."""

from typing import Literal

from pydantic import Field

from evalgate.schema.base import Json, Model
from evalgate.schema.verdict import Direction, Gate


class ScorerConfig(Model):
    """A scorer of the user; a text stands for `call`."""

    call: str
    """`MODULE:FUNCTION`, or the name of an installed scorer (entry point `evalgate.scorers`, a
    factory); the function takes a case and a trace and returns a number, a truth value, null
    (abstained) or a score."""
    args: dict[str, Json] = Field(default_factory=dict)
    """Keyword arguments of the function."""
    version: str = "1"
    """Change it when the function changes its mind: scores of two versions are not compared."""
    unit: Literal["ratio", "count", "s", "min", "USD", "1-5", "tokens", "score"] = "ratio"
    """Unit of the metric, which has the scorer's name."""
    direction: Direction = "higher"
    """Which way is better."""
    gate: Gate = "advisory"
    """Its default gate."""
