"""From the `stress:` block to the parts of a scenario: quota, clients, control, arrivals."""

import sys
from collections.abc import Container, Mapping
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evalgate.errors import ConfigError, DataError
from evalgate.quota.profiles import with_profile
from evalgate.quota.quota import Quota
from evalgate.schema.base import Json
from evalgate.schema.canonical import digest
from evalgate.schema.stress import StressAdmission, StressConfig
from evalgate.store.plain import read_plain
from evalgate.stress.checks.statements import DEFAULTS, StressPolicy
from evalgate.stress.load.arrivals import Arrivals, parse_arrivals
from evalgate.stress.load.workload import (
    ArrivalLaw,
    Burst,
    Closed,
    Poisson,
    Ramp,
    Recorded,
    Rows,
    Workload,
    grown,
)
from evalgate.stress.simulation.admission import Admission, Aimd, Governor
from evalgate.stress.simulation.faults import fault_profile
from evalgate.stress.simulation.retry import RetryBudget, layers
from evalgate.stress.simulation.simulate import Scenario
from evalgate.text.suggest import did_you_mean

__all__ = [
    "MODEL_VERSION",
    "arrivals_digest",
    "check_settings",
    "grown_by",
    "has_limits",
    "law_of",
    "policy_of",
    "quota_of",
    "read_arrivals",
    "scenario_of",
    "settings_data",
    "settings_version",
    "with_options",
]

MODEL_VERSION = "2"
"""Change it when the model changes its mind: figures of two versions are not compared."""

_LOAD = ("profile", "quota", "sessions", "growth", "faults", "engine", "seed")
_MOST_BYTES = 2_000_000_000


def with_options(config: StressConfig, options: Mapping[str, object]) -> StressConfig:
    """Return the configuration with what the command line says instead.

    Args:
        config: The suite's block, or the default one.
        options: Fields by name; those of `quota`, `admission` and `limits` are merged field by
            field. Of `sessions` only those named stay, with the class and tags they have; with
            classes alone, all stay.

    Raises:
        ConfigError: The result is no valid configuration.
    """
    data = config.model_dump(exclude_unset=True)
    for name, value in options.items():
        old = data.get(name)
        if name == "faults" and isinstance(old, Mapping):
            data[name] = {**old, "models": value}
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            data[name] = _mixes(old, value) if name == "sessions" else {**old, **value}
        else:
            data[name] = value
    try:
        return StressConfig.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"stress: {place}: {said}, found {str(first['input'])[:60]!r}",
            fix="evalgate stress --help",
        ) from error


def _mixes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, object]:
    counted = any("sessions" in mix for mix in new.values())
    names = new if counted else dict.fromkeys((*old, *new))
    return {name: {**_mapping(old.get(name)), **new.get(name, {})} for name in names}


def _mapping(mix: object) -> Mapping[str, object]:
    return mix if isinstance(mix, Mapping) else {}


def has_limits(config: StressConfig) -> bool:
    """Say whether there is a limit to play against."""
    quota = with_profile(config.profile, config.quota.model_dump(exclude_none=True))
    return bool(quota.dimensions) or quota.max_concurrency is not None


def quota_of(config: StressConfig) -> Quota:
    """Return the limits under a provider's way of counting.

    Raises:
        ConfigError: There is no limit at all, or limits contradict each other.
    """
    given = config.quota.model_dump(exclude_none=True)
    quota = with_profile(config.profile, given)
    if not quota.dimensions and quota.max_concurrency is None:
        raise ConfigError(
            "stress: there is no limit, so there is nothing to check",
            fix="--rpm 300, --tpm 200000 or --max-concurrency 20, or `stress: quota:`",
        )
    return quota


def law_of(text: str, root: Path) -> ArrivalLaw:
    """Read when sessions come.

    Args:
        text: `burst`, `poisson:RATE`, `ramp:SECONDS`, `users:N`, or the path of a trace.
        root: The folder the path is relative to.

    Raises:
        ConfigError: It is none of these.
        DataError: The trace is not readable.
    """
    if text == "burst":
        return Burst()
    name, colon, number = text.partition(":")
    if colon and name in ("poisson", "ramp", "users"):
        try:
            value = float(number)
        except ValueError:
            raise ConfigError(
                f"arrivals: expected a number after {name!r}, found {number!r}",
                fix=f"{name}:10",
            ) from None
        if name == "users":
            if not value.is_integer():
                raise ConfigError(
                    f"arrivals: expected a whole number after 'users', found {number!r}",
                    fix="users:10",
                )
            return Closed(int(value))
        return Poisson(value) if name == "poisson" else Ramp(value)
    if Path(text).suffix not in (".csv", ".jsonl", ".ndjson"):
        known = ("burst", "poisson", "ramp", "users")
        raise ConfigError(
            f"arrivals: found {text!r}; expected burst, poisson:RATE, ramp:SECONDS, users:N or "
            f"a .csv or .jsonl file{did_you_mean(name, known)}",
        )
    return Recorded(read_arrivals(root / text))


def read_arrivals(path: Path) -> Arrivals:
    """Read a recorded arrival trace.

    Raises:
        DataError: It is not there, too large, no UTF-8, or a line is malformed.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: larger than {_MOST_BYTES:,} bytes", fix="split the file")
        text = read_plain(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is no UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    head = text.lstrip()[:1]
    return parse_arrivals(text, "jsonl" if head in ("{", "[") else "csv", str(path))


def _admission(config: StressAdmission | None) -> Admission | None:
    if config is None:
        return None
    return Admission(
        reservation=config.reservation,
        reserve=config.reserve,
        backpressure=config.backpressure,
        aimd=Aimd() if config.dynamic else None,
        max_wait=config.max_wait,
        max_queue=config.max_queue,
    )


def scenario_of(config: StressConfig, workload: Workload) -> Scenario:
    """Put a scenario together.

    Raises:
        ConfigError: A name is unknown or a number is absurd.
    """
    quota = quota_of(config)
    law = workload.law
    start = law.arrivals.origin if isinstance(law, Recorded) else None
    workload = grown_by(config, workload)
    if config.growth and start is not None:
        start = round(start / (1 + Fraction(str(config.growth))))
    if quota.max_concurrency is not None and isinstance(law, Recorded) and _is_rows(workload):
        # A trace of arrivals does not tell how long calls take, so how many overlap is unknown.
        workload = replace(workload, times_known=False)
    return Scenario(
        workload=workload,
        quota=quota,
        retry=layers(config.retry),
        faults=fault_profile(config.model_faults),
        admission=_admission(config.admission),
        budget=None if config.retry_budget is None else RetryBudget(config.retry_budget),
        window_start=start,
    )


def grown_by(config: StressConfig, workload: Workload) -> Workload:
    """Return the load with the growth that is configured."""
    return grown(workload, config.growth) if config.growth else workload


def _is_rows(workload: Workload) -> bool:
    return any(isinstance(group.plans, Rows) for group in workload.groups)


def policy_of(config: StressConfig, *, traces: bool) -> StressPolicy:
    """Read the configured limits.

    Args:
        config: The block.
        traces: Whether sessions come from traces, so that loops can be looked at.

    Raises:
        ConfigError: A limit is of no check.
    """
    for name in config.limits:
        if name not in DEFAULTS:
            raise ConfigError(
                f"stress: limits: {name!r} is no check{did_you_mean(name, DEFAULTS)}",
                fix=f"one of: {', '.join(DEFAULTS)}",
            )
    return StressPolicy(
        {name: Fraction(repr(value)) for name, value in config.limits.items()}, traces
    )


def check_settings(config: StressConfig, tags: Container[str], root: Path) -> None:
    """Refuse a block that cannot be played, before anything is spent on trials.

    Args:
        config: The block.
        tags: Tags of the golden set.
        root: The folder its paths are relative to.

    Raises:
        ConfigError: A name is unknown, a limit is absurd, or a kind of session has no case.
        DataError: The arrival trace is not readable.
    """
    if has_limits(config) or not config.faults.tools:
        quota = quota_of(config)
        gate = _admission(config.admission)
        if gate is not None:
            Governor(gate, quota, (0,))
    layers(config.retry)
    fault_profile(config.model_faults)
    policy_of(config, traces=True)
    law_of(config.arrivals, root)
    for name, mix in config.sessions.items():
        wanted = mix.tags or (() if mix.cases or name == "all" else (name,))
        if wanted and not any(tag in tags for tag in wanted):
            raise ConfigError(
                f"stress: sessions: {name}: no case is tagged {' or '.join(map(repr, wanted))}",
                fix=f"`{name}: {{sessions: {mix.sessions}, tags: [TAG]}}` with a tag of the "
                "golden set",
            )


def settings_data(config: StressConfig, scenario: Scenario) -> dict[str, Json]:
    """Return what a reader needs to know of a scenario, as JSON data."""
    quota = scenario.quota
    limits: dict[str, Json] = {
        name: getattr(quota, name)
        for name in ("rpm", "tpm", "input_tpm", "output_tpm", "max_concurrency", "burst")
        if getattr(quota, name) is not None
    }
    gate = config.admission
    control: Json = None if gate is None else gate.model_dump(mode="json")
    return {
        "profile": config.profile,
        "limiter": quota.limiter,
        "charge": quota.charge,
        "hint": quota.hint,
        "limits": limits,
        "count_rejected": quota.count_rejected,
        "retry": config.retry,
        "retry_budget": config.retry_budget,
        "admission": control,
        "faults": config.model_faults,
        "arrivals": Path(config.arrivals).name,
        "growth": config.growth,
        "seed": config.seed,
    }


def settings_version(config: StressConfig, arrivals: str = "") -> str:
    """Fingerprint what figures of two runs must share to be compared: `version:digest`.

    That is the load and the provider's side. How clients retry and what our own control does is
    what a change may make better or worse, so it may differ; limits of checks and the number of
    seeds decide nothing about what is measured.

    Args:
        config: The block.
        arrivals: Digest of the arrival trace, where there is one.
    """
    settings = config.model_dump(mode="json", include=set(_LOAD))
    settings["faults"] = config.model_faults  # those of tools bear on no figure
    made_of: dict[str, Json] = {"settings": settings, "arrivals": arrivals or config.arrivals}
    return f"{MODEL_VERSION}:{digest(made_of)[7:23]}"


def arrivals_digest(arrivals: Arrivals) -> str:
    """Fingerprint the calls of an arrival trace, however the file spells them."""
    columns = (arrivals.times, arrivals.inputs, arrivals.outputs, arrivals.ceilings)
    found = sha256()
    for column in columns:
        whole = column if sys.byteorder == "little" else column[:]
        if whole is not column:
            whole.byteswap()
        found.update(whole.tobytes())
    return f"sha256:{found.hexdigest()}"
