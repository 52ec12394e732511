"""Counts of production over windows of time, as the database adds them up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from evalgate.history.store import Database

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select


RATES: Final[Mapping[str, tuple[str, bool]]] = {
    "task_success_rate": ("success", True),
    "error_rate": ("error", False),
    "escalation_rate": ("escalation", False),
    "guardrail_violation_rate": ("guardrail", False),
    "faithfulness": ("faithfulness", True),
    "hallucination_rate": ("faithfulness", True),
}
"""Column of each rate, and whether it holds the good events."""

VALUES: Final[Mapping[str, str]] = {
    "cost_per_interaction": "cost_usd",
    "completion_time_p50": "duration_s",
    "completion_time_p95": "duration_s",
    "completion_time": "duration_s",
    "ttft_p50": "ttft_s",
    "ttft_p95": "ttft_s",
    "ttft": "ttft_s",
}
"""Column of each value that an objective may limit."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which interactions count; null: all."""

    agent: str | None = None
    environment: str | None = None


def window_counts(
    database: Database,
    metric: str,
    now: int,
    lengths: list[int],
    filters: Filters,
    limits: tuple[float | None, float | None] = (None, None),
) -> dict[int, tuple[float, int, int]]:
    """Count good, known and unknown events of the last so many seconds, in one query.

    Args:
        database: The history.
        metric: A name of `RATES` or `VALUES`, or `tool_failure_rate`.
        now: End of every window, in seconds since 1970.
        lengths: Lengths of the windows in seconds.
        filters: Which interactions count.
        limits: An event is good while its value is at most, or at least, this.
    """
    from sqlalchemy import select  # noqa: PLC0415  # an extra

    table = database.tables.interactions
    columns: list[Any] = []
    for length in lengths:
        columns += _sums(table.c, metric, limits, table.c.at > now - length)
    query = select(*columns).where(table.c.at > now - max(lengths), table.c.at <= now)
    (row,) = database.rows(filtered(query, table.c, filters))
    found = [tuple(row[n : n + 3]) for n in range(0, len(row), 3)]
    return {
        length: (float(good or 0), int(known or 0), int(unknown or 0))
        for length, (good, known, unknown) in zip(lengths, found, strict=True)
    }


def _sums(
    columns: Any,  # noqa: ANN401  # of SQLAlchemy
    metric: str,
    limits: tuple[float | None, float | None],
    inside: "ColumnElement[bool]",
) -> list[Any]:
    """Build the sums of one window: good, known, unknown."""
    from sqlalchemy import case, func  # noqa: PLC0415

    def total(value: Any, condition: Any) -> Any:  # noqa: ANN401
        return func.sum(case((condition, value), else_=0))

    if metric == "tool_failure_rate" and limits == (None, None):
        good = columns.tool_calls - columns.tool_failures
        return [total(good, inside), total(columns.tool_calls, inside), total(0, inside)]
    name = RATES[metric][0] if metric in RATES else VALUES[metric]
    column = columns[name]
    known, unknown = inside & column.is_not(None), inside & column.is_(None)
    most, least = limits
    good = column
    if most is not None:
        good = case((column <= most, 1), else_=0)
    elif least is not None:
        good = case((column >= least, 1), else_=0)
    elif not RATES[metric][1]:
        good = 1 - column
    return [total(good, known), total(1, known), total(1, unknown)]


def filtered(query: "Select[Any]", columns: Any, filters: Filters) -> "Select[Any]":  # noqa: ANN401
    """Keep the interactions that count."""
    if filters.agent is not None:
        query = query.where(columns.agent == filters.agent)
    if filters.environment is not None:
        query = query.where(columns.environment == filters.environment)
    return query


def undated(database: Database) -> int:
    """Count the interactions without a time, which are in no window."""
    from sqlalchemy import func, select  # noqa: PLC0415

    table = database.tables.interactions
    query = select(func.count()).select_from(table).where(table.c.at.is_(None))
    return int(database.rows(query)[0][0])
