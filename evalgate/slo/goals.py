"""Goals with a date: where a metric was, is, and is to be."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from evalgate.schema.objectives import Goal, GoalState
from evalgate.schema.result import MetricValue


def goal_states(
    goals: Mapping[str, Goal], metrics: Mapping[str, MetricValue], today: date
) -> tuple[GoalState, ...]:
    """Compare each goal with today's value.

    Args:
        goals: Goals by metric.
        metrics: Values of the report by metric; one that is missing or unknown is not measured.
        today: The day of the run.
    """
    return tuple(_state(name, goal, metrics.get(name), today) for name, goal in goals.items())


def _state(name: str, goal: Goal, metric: MetricValue | None, today: date) -> GoalState:
    value = None if metric is None else metric.value
    state = GoalState(
        metric=name,
        unit=None if metric is None else metric.unit,
        target=goal.target,
        by=goal.by.isoformat(),
        baseline=goal.baseline,
        since=goal.since.isoformat(),
        today=value,
        state="not measured",
    )
    if metric is None or value is None:
        return state
    sign = 1 if metric.direction == "higher" else -1
    if sign * value >= sign * goal.target:
        return state.model_copy(update={"state": "reached"})
    if today > goal.by:
        return state.model_copy(update={"state": "missed"})
    share = Fraction(max(0, (today - goal.since).days), (goal.by - goal.since).days)
    start, target = Fraction(str(goal.baseline)), Fraction(str(goal.target))
    due = start + (target - start) * share
    on_track = sign * Fraction(str(value)) >= sign * due
    return state.model_copy(update={"state": "on track" if on_track else "behind"})
