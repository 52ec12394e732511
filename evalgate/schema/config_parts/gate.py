"""The policy of a suite: what gates, and from which drop on."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from evalgate.schema.base import Model, NonNegative
from evalgate.schema.verdict import Gate, GateMode

__all__ = ["GateConfig", "MetricGate", "Threshold"]


def _threshold(value: object) -> object:
    """Read `0.05`, `5%` (relative) or `5pp` (percentage points)."""
    if isinstance(value, str):
        text = value.strip()
        for suffix, unit in (("pp", "points"), ("%", "relative")):
            if text.endswith(suffix):
                number = text.removesuffix(suffix).strip()
                try:
                    return {"value": _percent(number), "unit": unit}
                except ValueError:
                    break
        message = f"{value!r} is no threshold; expected 0.05, '5%' or '5pp'"
        raise ValueError(message)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"value": value, "unit": "relative"}
    return value


def _percent(number: str) -> float:
    """Divide by 100 in decimal, so that 5 is 0.05 and not a neighbour of it."""
    from decimal import Decimal, InvalidOperation  # noqa: PLC0415  # only where a suffix is used

    try:
        return float(Decimal(number).scaleb(-2))
    except InvalidOperation as error:
        raise ValueError(number) from error


class _ThresholdValue(Model):
    value: Annotated[float, Field(gt=0, le=1)]
    """The drop from which on the check fails."""
    unit: Literal["relative", "points"] = "relative"
    """Relative to the baseline, or absolute percentage points."""


Threshold = Annotated[
    _ThresholdValue,
    BeforeValidator(_threshold, json_schema_input_type=float | str | _ThresholdValue),
]
"""A drop: `0.05` or `5%` relative to the baseline, `5pp` in points."""


class MetricGate(Model):
    """How one metric gates."""

    gate: Gate = "standard"
    """`zero`, `standard` or `advisory`."""
    threshold: Threshold | None = None
    """The drop that fails; the suite's threshold where it is not given."""
    min: float | None = None
    """The candidate's value may not be below."""
    max: float | None = None
    """The candidate's value may not be above."""
    abs_tol: NonNegative | None = None
    """With a baseline of 0 and lower better: the value from which on the check fails."""
    min_abs_change: NonNegative | None = None
    """Changes smaller than this never fail."""


def _metric_gate(value: object) -> object:
    return {"gate": value} if isinstance(value, str) else value


class GateConfig(Model):
    """The policy of a suite."""

    mode: GateMode = "plain"
    """How statistics bear on the rule."""
    threshold: Threshold = _ThresholdValue.model_construct(value=0.05)
    """The drop that fails a `standard` metric."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Significance level of `confirmed`."""
    metrics: dict[
        str,
        Annotated[
            MetricGate, BeforeValidator(_metric_gate, json_schema_input_type=Gate | MetricGate)
        ],
    ] = Field(default_factory=dict)
    """Gates by metric; a metric that is not named has its default gate."""
    stale_days: Annotated[int, Field(gt=0)] = 30
    """Age in days from which on a baseline is called stale."""
