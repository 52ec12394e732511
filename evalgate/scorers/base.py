"""The contract of a scorer: data in, data out."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from evalgate.schema.golden import Case
from evalgate.schema.score import Score
from evalgate.schema.trace import Trace

ScoreCase = Callable[[Case, Trace], Mapping[str, Score]]
"""A function of a case and a trace that returns one score for each name it knows."""

Explain = Callable[[Case, Trace, Mapping[str, Score]], Iterable[str]]
"""A function of a case, a trace and its scores that says in words what is behind them."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """A scoring function and what identifies its verdicts."""

    name: str
    """Name in reports and baselines."""
    scores: tuple[str, ...]
    """Names of the scores it returns; one that it does not return is broken."""
    version: str
    """Changes when the definition changes: scores of two versions are not compared."""
    config_digest: str
    score: ScoreCase
    """The function; what it raises becomes a broken score."""
    explain: Explain | None = None
    """Says what a reader of the report should know of the trial; null: the scores say it all."""


@dataclass(frozen=True, slots=True)
class AsyncScorer:
    """A scorer that waits for something; it is awaited right after the trial, beside the judges."""

    name: str
    """Name of the scorer, its score and its metric."""
    version: str
    """Changes when the definition changes."""
    config_digest: str
    score: Callable[[Case, Trace], Awaitable[Score]]
    """The function; never raises."""
