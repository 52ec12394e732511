"""Metrics: their definitions. Aggregation stands in `evalgate.stats.aggregate`."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Literal

from evalgate.schema.result import Unit
from evalgate.schema.verdict import Direction, Gate

Aggregate = Literal["mean", "p50", "p95", "pass_hat", "pass_at", "quartile", "by_quartile", "whole"]
"""How a metric is made of scores: the mean over cases of the mean over trials, a type-7 quantile
over finished trials, pass^k or pass@k of binary scores, or over the cases' `human_minutes`;
`whole`: a figure of the whole run, without scores (a stress check)."""

QUANTILES: Final[Mapping[str, Fraction]] = MappingProxyType(
    {"p50": Fraction(1, 2), "p95": Fraction(19, 20)}
)
"""The share of each aggregate that is a quantile."""


@dataclass(frozen=True, slots=True)
class Metric:
    """The definition of one metric.

    The registry `METRICS` is complete: a metric that is not in it is a user's scorer.
    """

    name: str
    """Name in reports, configuration and documentation."""
    score: str
    """Name of the per-trial score it is made of."""
    unit: Unit
    direction: Direction
    """Which way is better."""
    gate: Gate
    """Its default gate."""
    doc: str
    """One sentence: the definition per trial."""
    aggregate: Aggregate = "mean"
    """How it is made of scores."""
    k: int = 1
    """k of pass^k and pass@k, number of the quartile."""
    bounds: tuple[float, float] | None = (0.0, 1.0)
    """Lowest and highest possible score; null: unbounded."""
    binary: bool = False
    """Whether every score is 0 or 1 (unless a recorded graded score says otherwise)."""
    finished_only: bool = False
    """Compared only on cases that finished on both sides (cost, tokens, time)."""
    where_known: bool = False
    """Gates by default only where at least one side has evidence."""
    abs_tol: float | None = None
    """Default `abs_tol` at a baseline of 0."""
    min_abs_change: float | None = None
    """Default `min_abs_change`."""
    complement: str | None = None
    """The metric that is 1 minus this one; gating both is an error."""
