"""A user's function as a scorer."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from hashlib import sha256
from inspect import iscoroutine
from math import isfinite
from numbers import Real
from typing import Final

from evalgate.metrics.registry import user_metric
from evalgate.schema.config import ScorerConfig
from evalgate.schema.golden import Case
from evalgate.schema.score import (
    Abstained,
    Broken,
    Score,
    Scored,
    score_from_json,
)
from evalgate.schema.trace import Trace
from evalgate.scorers.base import Scorer
from evalgate.scorers.settings import NO, YES, failed, unknown

__all__ = ["UserFunction", "user_scorer"]

UserFunction = Callable[[Case, Trace], object]
"""What a user writes: returns a number, a truth value, null (nothing to score here) or a score."""

_NOTHING: Final = Abstained("the scorer returned nothing")


def user_scorer(name: str, config: ScorerConfig, function: UserFunction) -> Scorer:
    """Adapt a function of the user.

    What it raises, and what is no score, becomes a broken score: it says nothing of the agent.
    Where it abstains on a failed trial, the score is the worst its unit allows, and unknown where
    the unit has no bounds.

    Args:
        name: Name of the scorer, its score and its metric.
        config: Its configuration; unit and version are part of its identity.
        function: The function.
    """
    bounds = user_metric(name, config).bounds
    worst = None if bounds is None else Scored(bounds[config.direction == "lower"])

    def score(case: Case, trace: Trace) -> Mapping[str, Score]:
        found = _bounded(_adapted(function(case, trace)), bounds)
        if failed(trace) and isinstance(found, Abstained):
            # A trial that broke off leaves nothing to score: that must not lift the mean.
            found = unknown("the trial failed") if worst is None else worst
        return {name: found}

    identity = f"{config.call}\n{config.version}\n{config.unit}\n{config.direction}"
    return Scorer(
        name=name,
        scores=(name,),
        version=config.version,
        config_digest=sha256(identity.encode()).hexdigest()[:12],
        score=score,
    )


def _adapted(result: object) -> Score:
    match result:
        case None:
            return _NOTHING
        case bool():
            return YES if result else NO
        case Scored(value) if not isfinite(value):
            return Broken(f"the scorer returned {value!r}")
        case Scored() | Abstained() | Broken():
            return result
        case Real() | Decimal():
            value = float(result)
            return Scored(value) if isfinite(value) else Broken(f"the scorer returned {value!r}")
        case Mapping():
            return _from_mapping(result)
        case Awaitable():
            if iscoroutine(result):
                result.close()
            return Broken("the scorer is asynchronous; expected a plain function")
        case _:
            return Broken(
                f"the scorer returned a {type(result).__name__}; expected a number, a truth value, "
                "None or a score"
            )


def _from_mapping(result: Mapping[object, object]) -> Score:
    try:
        return score_from_json(dict(result))
    except ValueError as error:
        return Broken(f"the scorer returned a mapping that is no score: {error}")


def _bounded(score: Score, bounds: tuple[float, float] | None) -> Score:
    if isinstance(score, Scored) and bounds and not bounds[0] <= score.value <= bounds[1]:
        low, high = bounds
        return Broken(f"the scorer returned {score.value!r}; its unit allows {low:g} to {high:g}")
    return score
