"""The table of goals, in the words that every printed report shares."""

from evalgate.output.numbers import amount
from evalgate.schema.objectives import GoalState
from evalgate.schema.result import Report

GOAL_HEAD = ("goal", "target", "then", "today", "")
"""Headings of the rows."""


def goal_rows(report: Report) -> tuple[tuple[str, ...], ...]:
    """Return a row a goal: metric, target and day, value then and day, value today, state."""
    return tuple(_row(goal) for goal in report.goals)


def _row(goal: GoalState) -> tuple[str, ...]:
    return (
        goal.metric,
        f"{amount(goal.target, goal.unit)} by {goal.by}",
        f"{amount(goal.baseline, goal.unit)} on {goal.since}",
        amount(goal.today, goal.unit),
        goal.state,
    )
