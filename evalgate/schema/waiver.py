"""Waivers: failures that a team accepts for a while, in the open, `baselines/waivers.yaml`."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from evalgate.schema.base import Model


class Waiver(Model):
    """One accepted failure: of a metric down to a floor, or of a case."""

    suite: Annotated[str, Field(min_length=1)]
    """The suite."""
    metric: str | None = None
    """The metric whose failing checks are accepted; needs `floor`."""
    case: str | None = None
    """The case that may fail: a check is accepted where it passes without the case."""
    floor: float | None = None
    """Metric: the worst value that is accepted, in its unit (for costs and rates, the highest).
    Case: the lowest mean of `task_success` over its trials that is accepted; null: 0."""
    reason: Annotated[str, Field(min_length=1)]
    """Why the failure is accepted; shown in every report."""
    expires: date
    """Last day on which it counts; at most 366 days ahead."""

    @model_validator(mode="after")
    def _is_about_one_thing(self) -> "Waiver":
        if (self.metric is None) == (self.case is None):
            message = "a waiver is about a metric or about a case: give one of the two"
            raise ValueError(message)
        if self.metric is not None and self.floor is None:
            message = f"a waiver of metric {self.metric!r} needs a floor: the worst value accepted"
            raise ValueError(message)
        return self

    @property
    def about(self) -> str:
        """What it is about, in words."""
        return f"case {self.case}" if self.metric is None else self.metric

    def __str__(self) -> str:
        """Say all of it in one line."""
        to = "" if self.floor is None else f" (to {self.floor:g})"
        return f"{self.about}{to} until {self.expires.isoformat()}: {self.reason}"


class Waivers(Model):
    """All of `baselines/waivers.yaml`."""

    version: Literal[1] = 1
    """Version of this format."""
    waivers: tuple[Waiver, ...] = ()
    """The waivers."""
