"""Trends, flakes and noise equal figures worked out by hand."""

from dataclasses import replace
from datetime import date
from math import isclose, sqrt

from support.histories import DAY, START

from evalgate.history.series import CasePoint, Point, flakes, noise_floor, weekly

POINT = Point("r", START, 0.8, "ratio", "higher", "1:a", "g1", None, "f1")
CASE = CasePoint("r", START, "c1", "d1", "f1", 2, 2.0, 0)


def points(*values: float | None, step: int = 7 * DAY) -> list[Point]:
    """Make a run a week."""
    return [
        replace(POINT, run_id=f"r{n}", at=START + n * step, value=value)
        for n, value in enumerate(values)
    ]


def test_weeks_start_on_monday() -> None:
    """1,760,000,000 is Thursday 2025-10-09, 08:53 UTC; its week starts on the 6th."""
    assert [date(2025, 10, 6)] == [week.start for week in weekly(points(0.8))]


def test_weeks_are_compared() -> None:
    """.80 and then a mean of .88 and .92, which is .90: 12.5 % up."""
    found = points(0.8, 0.88)
    weeks = weekly([*found, replace(found[1], value=0.92)])
    assert [1, 2] == [week.runs for week in weeks]
    assert weeks[0].change is None
    assert isclose(0.125, weeks[1].change or 0)


def test_an_unknown_week_is_shown_and_skipped() -> None:
    """Nothing is made of it, and the week after is compared with the last known one."""
    weeks = weekly(points(0.8, None, 0.4))
    assert [0.8, None, 0.4] == [week.mean for week in weeks]
    assert [None, None, -0.5] == [week.change for week in weeks]
    assert [0, 1, 0] == [week.unknown for week in weeks]


def test_a_changed_definition_is_a_gap() -> None:
    """Two versions of a scorer make two lines, and that is said."""
    before, after = points(0.8, 0.4)
    weeks = weekly([before, replace(after, definition="2:a")])
    assert weeks[1].change is None
    assert ("the definition changed: gap",) == weeks[1].notes


def test_a_change_from_zero_has_no_relative_size() -> None:
    """There is no division by zero."""
    assert [None, None] == [week.change for week in weekly(points(0.0, 0.4))]


def test_another_golden_set_is_said() -> None:
    """The change is told, and that not only the agent may be behind it."""
    before, after = points(0.8, 0.4)
    weeks = weekly([before, replace(after, golden_digest="g2")])
    assert (-0.5, ("another golden set",)) == (weeks[1].change, weeks[1].notes)


def test_flips_count_only_where_nothing_changed() -> None:
    """Four runs of one agent, pass fail pass pass: 2 flips in 3 pairs; another agent is no flip."""
    outcomes = [2.0, 0.0, 2.0, 2.0]
    same = [
        replace(CASE, run_id=f"r{n}", at=START + n, successes=s) for n, s in enumerate(outcomes)
    ]
    other = replace(CASE, run_id="x", at=START + 9, successes=0.0, fingerprint="f2")
    edited = replace(CASE, run_id="y", at=START + 10, successes=0.0, digest="d2")
    (record,) = flakes([*same, other, edited])
    assert (3, 2, 2 / 3) == (record.pairs, record.flips, record.rate)


def test_an_unknown_agent_or_outcome_makes_no_pair() -> None:
    """Neither shows that nothing changed; mixed trials are a flake without any pair."""
    unknown = [replace(CASE, at=START + n, fingerprint=None, successes=n) for n in (0, 2)]
    broken = [replace(CASE, at=START + n, unknown=1) for n in (3, 4)]
    mixed = replace(CASE, at=START + 5, successes=1.0, fingerprint=None)
    (record,) = flakes([*unknown, *broken, mixed])
    assert (0, None, 1, 3) == (record.pairs, record.rate, record.mixed, record.runs)


def test_the_noise_floor_is_the_pooled_spread() -> None:
    """Groups .7 .9 (squares .02) and .5 .5 .8 (.06): variance .08 / 3, t(.975, 3) = 3.1824.

    The quantile is that of every table of Student's t.
    """
    first = points(0.7, 0.9)
    second = [replace(p, fingerprint="f2") for p in points(0.5, 0.5, 0.8)]
    alone = [replace(POINT, fingerprint="f3", value=0.1)]
    noise = noise_floor([*first, *second, *alone])
    assert noise is not None
    assert 3 == noise.freedom
    assert isclose(sqrt(0.08 / 3), noise.sd)
    assert isclose(3.1824463 * sqrt(2) * sqrt(0.08 / 3), noise.limit, rel_tol=1e-6)


def test_no_pair_of_equal_runs_is_no_noise_of_zero() -> None:
    """Unknown noise is not told as none."""
    assert noise_floor([replace(p, fingerprint=None) for p in points(0.8, 0.9)]) is None
    assert noise_floor(points(0.8)) is None
