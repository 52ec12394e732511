"""The policy of a suite: its metrics and gates, with what the command line overrides."""

from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from evalgate.errors import ConfigError
from evalgate.gate.rules import with_options
from evalgate.metrics.judged import judged_metrics
from evalgate.metrics.metric import Metric
from evalgate.metrics.registry import METRICS, find_metric, user_metric
from evalgate.schema.canonical import digest
from evalgate.schema.config import Caps, SuiteConfig
from evalgate.suite.suite import Suite
from evalgate.text.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says instead of the configuration."""

    fields: dict[str, object] = field(default_factory=dict)
    """Fields of the suite's configuration to replace, by name."""
    mode: str | None = None
    """Gate mode."""
    threshold: str | None = None
    """The drop that fails."""
    caps: Caps = field(default_factory=Caps)
    """Hard limits; one that is given wins over the configuration's."""


_NO_EVIDENCE = frozenset(
    {"golden", "baseline", "reference", "trials", "max_trials", "concurrency", "caps", "verdicts"}
    | {"gate", "redact", "metadata", "goals"}
)
"""Fields that say what is judged, how it is scheduled or where it lies, not how it came about."""


def config_digest(config: SuiteConfig) -> str:
    """Fingerprint the part of a configuration that bears on trials and scores.

    Returns:
        `sha256:` and 64 hexadecimal digits; shards of one run have the same.
    """
    return digest(config.model_dump(mode="json", exclude=set(_NO_EVIDENCE), exclude_defaults=True))


def suite_metrics(suite: Suite) -> dict[str, Metric]:
    """Return the metrics of a suite: the built-in ones, those gated by name, the user's.

    Raises:
        ConfigError: A gate names a metric that does not exist.
    """
    config = suite.config
    metrics = {**METRICS, **_own_metrics(suite), **judged_metrics(config.judges)}
    gated = dict.fromkeys(suite.config.gate.metrics, "gate.metrics")
    for name, key in (gated | dict.fromkeys(suite.config.goals, "goals")).items():
        metric = metrics.get(name) or find_metric(name)
        if metric is None:
            raise ConfigError(
                f"suite {suite.name!r}: {key} names {name!r}, which is no metric"
                f"{did_you_mean(name, metrics)}",
                fix="docs/metrics.md lists every metric",
            )
        metrics[name] = metric
    return metrics


def _own_metrics(suite: Suite) -> dict[str, Metric]:
    if not suite.config.scorers:
        return {}
    from evalgate.suite.own_scorers import scorer_configs  # noqa: PLC0415  # starts processes

    return {name: user_metric(name, scorer) for name, scorer in scorer_configs(suite).items()}


def with_overrides(suite: Suite, overrides: Overrides) -> Suite:
    """Apply what the user gave on the command line.

    Raises:
        ConfigError: The result is no valid configuration.
    """
    data = suite.config.model_dump(exclude_unset=True)
    data.update(overrides.fields)
    gate = with_options(suite.config.gate, overrides.mode, overrides.threshold)
    caps = {**data.get("caps", {}), **overrides.caps.model_dump(exclude_none=True)}
    data |= {"gate": gate.model_dump(exclude_unset=True), "caps": caps}
    try:
        config = SuiteConfig.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"suite {suite.name!r}: {said}", fix="evalgate run --help") from error
    return replace(suite, config=config)
