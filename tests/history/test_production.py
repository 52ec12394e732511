"""Windows that the database adds up equal those counted one by one."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from support.histories import START, interaction

from evalgate.history.production import Filters, undated, window_counts
from evalgate.history.records import Interaction
from evalgate.history.store import Database, add_interactions, open_history

NOW = START + 100_000
ANY = Filters()


def made() -> list[Interaction]:
    """Make 300 interactions with failures, unknowns and two agents."""
    chance = Random(5)  # noqa: S311  # test data
    return [
        interaction(
            n,
            NOW - chance.randrange(-500, 90_000),
            success=chance.choice([0.0, 1.0, None]),
            escalation=chance.choice([0.0, 1.0]),
            cost_usd=chance.choice([0.01, 0.02, 0.03, None]),
            tool_calls=3,
            tool_failures=chance.randrange(3),
            agent=chance.choice(["support", "sales"]),
            environment=chance.choice(["production", "staging"]),
        )
        for n in range(300)
    ]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Open a history with these interactions."""
    with open_history(f"sqlite:///{tmp_path}/h.db") as opened:
        add_interactions(opened, [*made(), interaction(999, None)])
        yield opened


@pytest.mark.parametrize(("metric", "column", "good_is"), [
    ("task_success_rate", "success", 1.0),
    ("escalation_rate", "escalation", 0.0),
])  # fmt: skip
def test_rates(database: Database, metric: str, column: str, good_is: float) -> None:
    """Good, known and unknown events of each window; the future is in none."""
    found = window_counts(database, metric, NOW, [3_600, 86_400], ANY)
    for length, counts in found.items():
        inside = [one for one in made() if NOW - length < (one.at or 0) <= NOW]
        values = [getattr(one, column) for one in inside]
        good = sum(value == good_is for value in values)
        unknown = values.count(None)
        assert (good, len(values) - unknown, unknown) == counts


def test_limits_and_filters(database: Database) -> None:
    """A cost is good up to its limit, boundary included; an unknown cost is unknown."""
    only = Filters("support", "production")
    found = window_counts(database, "cost_per_interaction", NOW, [86_400], only, (0.02, None))
    costs = [
        one.cost_usd
        for one in made()
        if NOW - 86_400 < (one.at or 0) <= NOW
        and (one.agent, one.environment) == ("support", "production")
    ]
    known = [cost for cost in costs if cost is not None]
    good = sum(cost <= 0.02 for cost in known)
    assert (good, len(known), len(costs) - len(known)) == found[86_400]


def test_tool_calls_are_the_events_of_tool_failures(database: Database) -> None:
    """Each call counts, not each interaction."""
    found = window_counts(database, "tool_failure_rate", NOW, [86_400], ANY)
    inside = [one for one in made() if NOW - 86_400 < (one.at or 0) <= NOW]
    good = sum(one.tool_calls - one.tool_failures for one in inside)
    assert (good, 3 * len(inside), 0) == found[86_400]


def test_what_has_no_time_is_counted(database: Database) -> None:
    """It is in no window, and that can be said."""
    assert 1 == undated(database)


def test_an_empty_window_has_no_events(database: Database) -> None:
    """Nothing is zero events, and never a rate of zero."""
    assert {60: (0.0, 0, 0)} == window_counts(database, "error_rate", NOW - 10**8, [60], ANY)
