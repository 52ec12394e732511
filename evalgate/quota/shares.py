"""Adding quotas up and cutting them: the organisation's budget, and a share of it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from evalgate.errors import ConfigError
from evalgate.quota.quota import Quota

_LIMITS = ("rpm", "tpm", "input_tpm", "output_tpm", "max_concurrency", "burst")


def organisation(quotas: Iterable[Quota]) -> Quota:
    """Return the organisation's budget: the sum of its agents' quotas.

    Args:
        quotas: At least one; all count in the same way.

    Raises:
        ConfigError: There is none, they count in different ways, or a limit is set for some only:
            an unknown share cannot be added.
    """
    shares = list(quotas)
    if not shares:
        raise ConfigError("organisation: expected at least one quota, found none")
    totals: dict[str, Any] = {}
    for name in _LIMITS:
        values = [getattr(quota, name) for quota in shares]
        known = [value for value in values if value is not None]
        if known and len(known) < len(values):
            raise ConfigError(
                f"organisation: {name} is set for {len(known)} of {len(values)} agents",
                fix=f"set {name} for every agent, or for none",
            )
        totals[name] = sum(known) if known else None
    if len({_rule(quota) for quota in shares}) > 1:
        raise ConfigError(
            "organisation: the agents' quotas differ in how they count",
            fix="use one profile, limiter, window and charge for all",
        )
    return replace(shares[0], **totals)


def _rule(quota: Quota) -> Quota:
    return replace(
        quota,
        rpm=None,
        tpm=None,
        input_tpm=None,
        output_tpm=None,
        max_concurrency=None,
        burst=None,
        count_rejected=False,
    )


def split(quota: Quota, percent: int) -> tuple[Quota, Quota]:
    """Cut a quota in two.

    Args:
        quota: What is cut.
        percent: Share of the first part, rounded down to whole units.

    Returns:
        The share, and the rest.

    Raises:
        ConfigError: A limit is too small to be cut.
    """
    part: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name in _LIMITS:
        value = getattr(quota, name)
        share = None if value is None else value * percent // 100
        if share == 0 or (value is not None and share == value):
            raise ConfigError(
                f"reserve: {percent} % of {name} {value} is no whole unit to set aside",
                fix="use the reservation `conserving`, or a larger quota",
            )
        part[name] = share
        rest[name] = None if value is None or share is None else value - share
    return replace(quota, **part), replace(quota, **rest)
