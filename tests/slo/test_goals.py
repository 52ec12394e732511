"""Goals are held against a straight line from then to the day they are due."""

from datetime import date

import pytest

from evalgate.schema.objectives import Goal
from evalgate.schema.result import MetricValue
from evalgate.slo.goals import goal_states

UP = Goal(target=0.95, by=date(2026, 4, 1), baseline=0.88, since=date(2026, 1, 1))
"""90 days for 7 points."""
DOWN = Goal(target=0.02, by=date(2026, 4, 1), baseline=0.04, since=date(2026, 1, 1))


def metric(value: float | None, direction: str = "higher") -> MetricValue:
    """Make a metric of a report."""
    fields = {"value": value, "unit": "ratio", "direction": direction, "n": 1}
    return MetricValue.model_validate(fields)


@pytest.mark.parametrize(
    ("value", "day", "state"),
    [
        (0.931, date(2026, 3, 1), "on track"),  # 59 days: due .88 + .07 x 59 / 90 = .92589
        (0.925, date(2026, 3, 1), "behind"),
        (0.95, date(2026, 1, 2), "reached"),
        (0.949, date(2026, 4, 1), "behind"),
        (0.949, date(2026, 4, 2), "missed"),
        (0.88, date(2025, 12, 1), "on track"),
        (None, date(2026, 3, 1), "not measured"),
    ],
)
def test_more_is_better(value: float | None, day: date, state: str) -> None:
    """88 % then, 95 % in 90 days."""
    (found,) = goal_states({"task_success_rate": UP}, {"task_success_rate": metric(value)}, day)
    assert (state, value) == (found.state, found.today)


@pytest.mark.parametrize(("value", "state"), [(0.03, "on track"), (0.031, "behind")])
def test_less_is_better(value: float, state: str) -> None:
    """Half of the time gone, half of the way is due: .03."""
    cost = {"cost": metric(value, "lower")}
    assert state == goal_states({"cost": DOWN}, cost, date(2026, 2, 15))[0].state


def test_a_metric_that_is_not_there_is_not_measured() -> None:
    """It is shown, and never as reached."""
    (found,) = goal_states({"task_success_rate": UP}, {}, date(2026, 3, 1))
    assert ("not measured", None) == (found.state, found.today)
