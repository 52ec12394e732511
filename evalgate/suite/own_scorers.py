"""The scorers that a user brings: loaded from the policy's folder, or handed over in Python."""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from evalgate.errors import ConfigError
from evalgate.metrics.registry import METRICS
from evalgate.registry import resolve
from evalgate.schema.config import ScorerConfig
from evalgate.scorers.base import AsyncScorer, Scorer
from evalgate.scorers.user import UserFunction, bound, described, user_scorer
from evalgate.suite.suite import Suite

__all__ = ["own_scorers", "scorer_configs"]


def scorer_configs(suite: Suite) -> dict[str, ScorerConfig]:
    """Return the configuration of each of the user's scorers, with what its function says of it.

    Raises:
        ConfigError: A function cannot be loaded.
    """
    for name in suite.config.scorers:
        if name in METRICS:
            raise ConfigError(f"suite {suite.name!r}: scorer {name!r} has the name of a metric")
    return {
        name: described(config, _function(suite, name, config))
        for name, config in suite.config.scorers.items()
    }


def own_scorers(suite: Suite) -> Iterator[Scorer | AsyncScorer]:
    """Load the user's scorers.

    Raises:
        ConfigError: A function cannot be loaded, does not take its arguments, or has the name of a
            metric.
    """
    for name, config in scorer_configs(suite).items():
        yield user_scorer(name, config, bound(name, config, _function(suite, name, config)))


def _function(suite: Suite, name: str, config: ScorerConfig) -> UserFunction:
    if suite.given is not None and name in suite.given.scorers:
        return suite.given.scorers[name]
    return _load_function(config.call, suite.policy_root, name)


def _load_function(call: str, root: Path, name: str) -> UserFunction:
    module, _, attribute = call.partition(":")
    if not attribute:
        factory: Callable[[], UserFunction] = resolve("scorers", call)
        return factory()
    folder = str(root.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        function: UserFunction = getattr(import_module(module), attribute)
    except Exception as error:  # code of the user, which may raise anything
        raise ConfigError(
            f"scorer {name!r}: {call!r} cannot be loaded: {type(error).__name__}: {error}",
            fix=f"python -c 'import {module}' in {root.resolve()}",
        ) from error
    return function
