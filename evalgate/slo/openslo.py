"""Reads objectives from OpenSLO v1 documents.

Format: the OpenSLO specification v1 (github.com/OpenSLO/OpenSLO). An indicator names a metric of
ours by a metric source of type `evalgate`:

    metricSource: {type: evalgate, spec: {metric: task_success_rate, agent: support}}
"""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from evalgate.errors import ConfigError
from evalgate.schema.base import Json
from evalgate.schema.objectives import Objective

_VERSION = "openslo/v1"
_LIMITS = {"lte": "at_most", "gte": "at_least"}


def objectives_of(documents: Sequence[Json], source: str) -> tuple[Objective, ...]:
    """Turn the SLOs of a file into objectives; its SLIs are used where an SLO refers to them.

    Args:
        documents: The YAML documents of the file.
        source: The file, for messages.

    Raises:
        ConfigError: One is no OpenSLO v1, or asks for what evalgate does not do.
    """
    objects = [_object(one, f"{source}: document {n}") for n, one in enumerate(documents, 1)]
    for number, one in enumerate(objects, 1):
        if one.get("apiVersion") != _VERSION:
            found = one.get("apiVersion")
            raise ConfigError(
                f"{source}: document {number}: apiVersion is {found!r}, expected {_VERSION!r}"
            )
    indicators = {
        str(_object(one.get("metadata"), source).get("name")): one
        for one in objects
        if one.get("kind") == "SLI"
    }
    made = [
        objective
        for one in objects
        if one.get("kind") == "SLO"
        for objective in _objectives(one, indicators, source)
    ]
    if not made:
        raise ConfigError(f"{source}: it has no document of kind SLO")
    return tuple(made)


def _objectives(
    slo: Mapping[str, Json], indicators: Mapping[str, Mapping[str, Json]], source: str
) -> list[Objective]:
    name = str(_object(slo.get("metadata"), source).get("name"))
    where = f"{source}: SLO {name!r}"
    spec = _object(slo.get("spec"), where)
    method = spec.get("budgetingMethod", "Occurrences")
    if method != "Occurrences":
        raise ConfigError(f"{where}: budgetingMethod is {method!r}; only 'Occurrences' is known")
    windows = spec.get("timeWindow")
    window = _object(windows[0] if isinstance(windows, list) and windows else None, where)
    if window.get("isRolling") is not True:
        raise ConfigError(f"{where}: only a rolling timeWindow is known (isRolling: true)")
    fields, threshold = _indicator(spec, indicators, where)
    targets = spec.get("objectives")
    if not isinstance(targets, list) or not targets:
        raise ConfigError(f"{where}: it has no objectives")
    made: list[Objective] = []
    for number, target in enumerate(targets):
        one = _object(target, where)
        share = one.get("target")
        if share is None and isinstance(percent := one.get("targetPercent"), int | float):
            share = f"{percent}%"
        data = {
            **fields,
            "name": name if len(targets) == 1 else f"{name}-{number + 1}",
            "objective": share,
            "window": window.get("duration"),
            **(_limit(one, where) if threshold else {}),
        }
        made.append(_validated(data, where))
    return made


def _indicator(
    spec: Mapping[str, Json], indicators: Mapping[str, Mapping[str, Json]], where: str
) -> tuple[dict[str, Json], bool]:
    """Return what an indicator measures, and whether by a threshold."""
    indicator = spec.get("indicator")
    if indicator is None:
        name = str(spec.get("indicatorRef"))
        if name not in indicators:
            raise ConfigError(f"{where}: indicatorRef {name!r} is not in the file")
        indicator = dict(indicators[name])
    body = _object(_object(indicator, where).get("spec"), where)
    if "thresholdMetric" in body:
        return _source(_object(body["thresholdMetric"], where), where), True
    ratio = _object(body.get("ratioMetric"), where)
    return _source(_object(ratio.get("good", ratio.get("bad")), where), where), False


def _source(metric: Mapping[str, Json], where: str) -> dict[str, Json]:
    source = _object(metric.get("metricSource"), where)
    if source.get("type") != "evalgate":
        raise ConfigError(
            f"{where}: a metricSource of type {source.get('type')!r} is not read",
            fix="metricSource: {type: evalgate, spec: {metric: task_success_rate}}",
        )
    return dict(_object(source.get("spec"), where))


def _limit(target: Mapping[str, Json], where: str) -> dict[str, Json]:
    name = _LIMITS.get(str(target.get("op")))
    if name is None:
        raise ConfigError(f"{where}: op is {target.get('op')!r}; expected 'lte' or 'gte'")
    return {name: target.get("value")}


def _validated(data: Mapping[str, object], where: str) -> Objective:
    try:
        return Objective.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{where}: {place}: {first['msg']}; found {first['input']!r}") from None


def _object(value: Json, where: str) -> Mapping[str, Json]:
    if isinstance(value, dict):
        return value
    raise ConfigError(f"{where}: found {value!r:.80}, expected a mapping")
