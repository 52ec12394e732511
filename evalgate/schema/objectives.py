"""Objectives over a rolling window (`slo:`) and goals with a date (`goals:`)."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from evalgate.schema.base import Model, NonNegative

_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def duration_seconds(value: object) -> object:
    """Read `30d`, `6h`, `5m` or `1w` as seconds; anything else is left to the validation."""
    if not isinstance(value, str):
        return value
    number, unit = value.strip()[:-1], value.strip()[-1:]
    if unit in _UNITS and number.isascii() and number.isdigit():
        return int(number) * _UNITS[unit]
    message = f"{value!r} is no duration; expected e.g. '30d', '6h', '5m'"
    raise ValueError(message)


def _share(value: object) -> object:
    """Read `95%` or `0.95`; the percent sign divides in decimal, so that 95 % is 0.95."""
    if isinstance(value, str) and value.strip().endswith("%"):
        from decimal import Decimal, InvalidOperation  # noqa: PLC0415  # only for a percentage

        try:
            return float(Decimal(value.strip().removesuffix("%").strip()).scaleb(-2))
        except InvalidOperation:
            message = f"{value!r} is no percentage; expected e.g. '95%' or 0.95"
            raise ValueError(message) from None
    return value


Window = Annotated[
    int,
    BeforeValidator(duration_seconds, json_schema_input_type=str | int),
    Field(gt=0, le=366 * 86_400),
]
"""A length of time: `30d`, `6h`, `5m`, or seconds."""

Share = Annotated[
    float,
    BeforeValidator(_share, json_schema_input_type=str | float),
    Field(gt=0, lt=1),
]
"""A share between 0 and 1: `95%` or `0.95`."""


class Objective(Model):
    """A service level objective: a share of good events over a rolling window."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """Its name, unique in the configuration."""
    metric: str
    """The metric: a ratio, or any metric together with `at_most` or `at_least`."""
    objective: Share
    """The share of good events that is wanted, e.g. `95%`."""
    window: Window = 30 * 86_400
    """The rolling window."""
    source: Literal["production", "runs"] = "production"
    """Observed interactions, or runs of the history's branches."""
    at_most: NonNegative | None = None
    """An event is good while the metric's value is at most this."""
    at_least: NonNegative | None = None
    """An event is good while the metric's value is at least this."""
    sampled: bool = False
    """Whether interactions without a value are left out, as the others are a fair sample; else
    they leave the status open where they could change it."""
    agent: str | None = None
    """Only interactions of this agent, or, for runs, only this suite."""

    @model_validator(mode="after")
    def _has_one_limit(self) -> "Objective":
        if self.at_most is not None and self.at_least is not None:
            message = f"objective {self.name!r} has at_most and at_least; expected one of them"
            raise ValueError(message)
        return self


class Goal(Model):
    """Where a metric is to be, and by when."""

    target: float
    """The value wanted, in the metric's unit."""
    by: date
    """The day it is wanted by."""
    baseline: float
    """The value when the goal was set."""
    since: date
    """The day the goal was set."""

    @model_validator(mode="after")
    def _takes_time(self) -> "Goal":
        if self.by <= self.since:
            message = f"by ({self.by}) is not after since ({self.since})"
            raise ValueError(message)
        return self


class GoalState(Model):
    """A goal and where its metric is today."""

    metric: str
    """The metric."""
    unit: str | None = None
    """Its unit."""
    target: float
    """The value wanted."""
    by: str
    """The day it is wanted by, RFC 3339."""
    baseline: float
    """The value when the goal was set."""
    since: str
    """The day the goal was set, RFC 3339."""
    today: float | None = None
    """The value of this report; null is unknown."""
    state: Literal["reached", "on track", "behind", "missed", "not measured"]
    """`on track`: at least as far as a straight line from `baseline` to `target` is today."""
