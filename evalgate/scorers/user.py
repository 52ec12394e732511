"""A user's function as a scorer."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import partial
from hashlib import sha256
from inspect import iscoroutine, iscoroutinefunction, signature
from numbers import Real
from typing import Any, Final, TypeVar, overload

from evalgate.errors import ConfigError
from evalgate.metrics.registry import user_metric
from evalgate.schema.config_parts.scorer import ScorerConfig
from evalgate.schema.golden import Case
from evalgate.schema.result import Unit
from evalgate.schema.score import (
    Abstained,
    Broken,
    Score,
    Scored,
    is_countable,
    score_from_json,
)
from evalgate.schema.trace import Trace
from evalgate.schema.verdict import Direction, Gate
from evalgate.scorers.base import AsyncScorer, Scorer
from evalgate.scorers.settings import NO, YES, failed, unknown

UserFunction = Callable[[Case, Trace], object]
"""What a user writes: returns a number, a truth value, null (nothing to score here), a score, or
an awaitable of one."""

_F = TypeVar("_F", bound=Callable[..., object])
_NOTHING: Final = Abstained("the scorer returned nothing")
_SPEC: Final = "__evalgate_scorer__"
_COUNTABLE: Final = "expected a finite number up to 1e100"


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    """What a scorer says of itself; the configuration may say otherwise."""

    unit: Unit = "ratio"
    """Unit of the metric."""
    direction: Direction = "higher"
    """Which way is better."""
    gate: Gate = "advisory"
    """Its default gate."""
    version: str = "1"
    """Changes when the function changes its mind: scores of two versions are not compared."""


@overload
def scorer(function: _F) -> _F: ...
@overload
def scorer(
    *,
    unit: Unit = "ratio",
    direction: Direction = "higher",
    gate: Gate = "advisory",
    version: str = "1",
) -> Callable[[_F], _F]: ...
def scorer(
    function: Callable[..., object] | None = None,
    *,
    unit: Unit = "ratio",
    direction: Direction = "higher",
    gate: Gate = "advisory",
    version: str = "1",
) -> Any:
    """Mark a function as a scorer, and say what its score means.

    The function takes a case and a trace, and keyword-only parameters of its own; it may be
    asynchronous. It stays an ordinary function.

    Args:
        function: The function, where the decorator stands without parentheses.
        unit: Unit of the metric, which has the function's name.
        direction: Which way is better.
        gate: Its default gate.
        version: Change it when the function changes its mind.
    """

    def mark(marked: Callable[..., object]) -> Callable[..., object]:
        setattr(marked, _SPEC, ScorerSpec(unit, direction, gate, version))
        return marked

    return mark if function is None else mark(function)


def described(config: ScorerConfig, function: UserFunction) -> ScorerConfig:
    """Fill in what a decorated function says of itself and the configuration leaves open."""
    inner = function.func if isinstance(function, partial) else function
    spec = getattr(inner, _SPEC, None)
    if not isinstance(spec, ScorerSpec):
        return config
    open_fields = {field.name for field in fields(spec)} - config.model_fields_set
    return config.model_copy(update={name: getattr(spec, name) for name in open_fields})


def bound(name: str, config: ScorerConfig, function: UserFunction) -> UserFunction:
    """Hand the arguments of the configuration to a parametrised scorer.

    Raises:
        ConfigError: The function does not take them, or wants others.
    """
    inner, args = function, config.args
    if isinstance(function, partial):
        inner, args = function.func, {**function.keywords, **config.args}
    try:
        signature(inner).bind(None, None, **args)
    except TypeError as error:
        raise ConfigError(
            f"scorer {name!r}: {config.call!r} cannot be called as (case, trace"
            f"{''.join(f', {key}=...' for key in args)}): {error}",
            fix="args: {} in the scorer's block names its keyword parameters",
        ) from error
    except ValueError:  # a built-in without a signature says so when it is called
        pass
    return partial(function, **config.args) if config.args else function


def user_scorer(name: str, config: ScorerConfig, function: UserFunction) -> Scorer | AsyncScorer:
    """Adapt a function of the user.

    What it raises, and what is no score, becomes a broken score: it says nothing of the agent.
    Where it abstains on a failed trial, the score is the worst its unit allows, and unknown where
    the unit has no bounds.

    Args:
        name: Name of the scorer, its score and its metric.
        config: Its configuration; arguments, unit and version are part of its identity.
        function: The function, its arguments bound.
    """

    def judged(trace: Trace, result: object) -> Score:
        return settled(name, config, trace, _adapted(result))

    async def awaited(case: Case, trace: Trace) -> Score:
        try:
            result = function(case, trace)
            return judged(trace, await result if isinstance(result, Awaitable) else result)
        except Exception as error:  # noqa: BLE001  # code of the user, which may raise anything
            return Broken(f"{type(error).__name__}: {error}")

    config_digest = user_digest(config)
    inner = function.func if isinstance(function, partial) else function
    if iscoroutinefunction(inner) or iscoroutinefunction(getattr(inner, "__call__", None)):  # noqa: B004
        return AsyncScorer(name, config.version, config_digest, awaited)
    return Scorer(
        name=name,
        scores=(name,),
        version=config.version,
        config_digest=config_digest,
        score=lambda case, trace: {name: judged(trace, function(case, trace))},
    )


def settled(name: str, config: ScorerConfig, trace: Trace, found: Score) -> Score:
    """Hold a score to its unit, and let nobody abstain on a failed trial.

    Args:
        name: Name of the scorer.
        config: Its configuration.
        trace: The trial.
        found: What the scorer said.
    """
    bounds = user_metric(name, config).bounds
    found = _bounded(found, bounds)
    if failed(trace) and isinstance(found, Abstained):
        # A trial that broke off leaves nothing to score: that must not lift the mean.
        if bounds is None:
            return unknown("the trial failed")
        return Scored(bounds[config.direction == "lower"])
    return found


def user_digest(config: ScorerConfig) -> str:
    """Return 12 hexadecimal digits over what a scorer is called with."""
    parts = [config.call, config.version, config.unit, config.direction]
    if config.args:
        parts.append(json.dumps(config.args, sort_keys=True))
    return sha256("\n".join(parts).encode()).hexdigest()[:12]


def _adapted(result: object) -> Score:
    match result:
        case None:
            return _NOTHING
        case bool():
            return YES if result else NO
        case Scored(value) if not is_countable(value):
            return Broken(f"the scorer returned {value!r}; {_COUNTABLE}")
        case Scored() | Abstained() | Broken():
            return result
        case Real() | Decimal():
            value = float(result)
            if is_countable(value):
                return Scored(value)
            return Broken(f"the scorer returned {value!r}; {_COUNTABLE}")
        case Mapping():
            return _from_mapping(result)
        case Awaitable():
            if iscoroutine(result):
                result.close()
            return Broken("the scorer returned an awaitable; declare it with `async def`")
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
