"""The expected numbers of the gate's specification (gate.md), through the whole comparison.

Numbers 1, 2, 3, 8 and 10 are pure statistics and stand in the tests of those modules.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from evalgate.gate.compare import compare
from evalgate.gate.comparison import ByCase
from evalgate.gate.verdict import decide
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.verdict import Check
from evalgate.stats.aggregate import pass_hat_k
from evalgate.stats.summary import RunSummary

BuildSide = Callable[..., RunSummary]
POLICY = GateConfig.model_validate({"metrics": {"error_rate": "advisory"}})


def _binary(counts: list[tuple[tuple[int, int], int]], k: tuple[int, int]) -> list[list[dict]]:
    """Spread (c0, c1) x how often over cases, as columns of `task_success`."""
    sides: list[list[dict]] = [[], []]
    for passed, times in counts:
        for side, (c, n) in enumerate(zip(passed, k, strict=True)):
            column = [1.0] * c + [0.0] * (n - c)
            sides[side] += [{"task_success": column, "error": [0.0] * n}] * times
    return sides


def _result(baseline: RunSummary, candidate: RunSummary, metric: str) -> tuple[ByCase, Check]:
    comparison = compare(baseline, candidate, METRICS, POLICY)
    found = next(c for c in comparison.metrics if c.metric.name == metric)
    assert isinstance(found.result, ByCase)
    verdict = decide(comparison, POLICY)
    return found.result, next(check for check in verdict.checks if check.id == metric)


def _ends(check: Check, level: int) -> tuple[float | None, float | None]:
    interval = check.interval_90 if level == 90 else check.interval_80
    assert interval is not None
    return interval.low, interval.high


def test_number_4(side: BuildSide) -> None:
    """n=50, k=1, 36 both pass, 6 lost, 2 gained, 6 neither."""
    old, new = _binary([((1, 1), 36), ((1, 0), 6), ((0, 1), 2), ((0, 0), 6)], (1, 1))
    result, check = _result(side(old), side(new), "task_success_rate")
    assert Fraction(2, 21) == result.ruling.rho
    assert check.outcome == "fail"
    assert result.uncertainty is not None
    assert Fraction(37, 256) == result.uncertainty.p_value
    assert _ends(check, 90) == pytest.approx((-0.037824, 0.221725), abs=1e-6)
    assert _ends(check, 80) == pytest.approx((-0.007048, 0.193594), abs=1e-6)
    assert check.settled is False


def test_number_5(side: BuildSide) -> None:
    """30 both pass, 12 lost, 3 gained, 5 neither."""
    old, new = _binary([((1, 1), 30), ((1, 0), 12), ((0, 1), 3), ((0, 0), 5)], (1, 1))
    result, check = _result(side(old), side(new), "task_success_rate")
    assert Fraction(3, 14) == result.ruling.rho
    assert check.outcome == "fail"
    assert result.uncertainty is not None
    assert Fraction(9, 512) == result.uncertainty.p_value
    assert _ends(check, 90) == pytest.approx((0.053371, 0.365337), abs=1e-6)
    assert check.settled is True


def test_number_6(side: BuildSide) -> None:
    """40 -> 38 of 50 is exactly 5 % and fails; so does 140 -> 133 of 200."""
    old, new = _binary([((1, 1), 38), ((1, 0), 2), ((0, 0), 10)], (1, 1))
    result, check = _result(side(old), side(new), "task_success_rate")
    assert Fraction(1, 20) == result.ruling.rho
    assert check.outcome == "fail"
    assert result.uncertainty is not None
    assert Fraction(1, 4) == result.uncertainty.p_value
    old, new = _binary([((1, 1), 133), ((1, 0), 7), ((0, 0), 60)], (1, 1))
    result, check = _result(side(old), side(new), "task_success_rate")
    assert (Fraction(1, 20), "fail") == (result.ruling.rho, check.outcome)


def test_number_7(side: BuildSide) -> None:
    """k=3, (c0,c1) x count (3,3)x30, (3,2)x6, (2,1)x5, (1,2)x4, (0,0)x5."""
    counts = [((3, 3), 30), ((3, 2), 6), ((2, 1), 5), ((1, 2), 4), ((0, 0), 5)]
    old, new = _binary(counts, (3, 3))
    result, check = _result(side(old), side(new), "task_success_rate")
    assert Fraction(7, 122) == result.ruling.rho
    assert check.outcome == "fail"
    assert check.p_value == pytest.approx(0.1002249373, abs=1e-9)
    assert _ends(check, 90) == pytest.approx((0.000110, 0.113075), abs=1e-6)


@pytest.mark.parametrize(
    ("cases", "trials", "upper", "settled"),
    [(20, 1, 0.153637, False), (50, 1, 0.058667, True), (20, 5, 0.030727, True)],
)
def test_number_8(
    side: BuildSide,
    cases: int,
    trials: int,
    upper: float,
    settled: bool,  # noqa: FBT001
) -> None:
    """All pass: the upper end of the 90 % interval."""
    old, new = _binary([((trials, trials), cases)], (trials, trials))
    _, check = _result(side(old), side(new), "task_success_rate")
    assert _ends(check, 90)[1] == pytest.approx(upper, abs=1e-6)
    assert check.settled is settled


def _airline(shared_data: Path) -> dict[int, dict[int, float]]:
    records = json.loads((shared_data / "tau_bench" / "gpt-4o-airline.json").read_text())
    tasks: dict[int, dict[int, float]] = defaultdict(dict)
    for record in records:
        tasks[record["task_id"]][record["trial"]] = float(record["reward"] == 1.0)
    return tasks


def test_number_9(side: BuildSide, shared_data: Path) -> None:
    """Airline trials 1 v 2 (by number, from 0): 22 v 20 of 50."""
    tasks = _airline(shared_data)
    sides = [
        side([{"task_success": [trials[k]], "error": [0.0]} for _, trials in sorted(tasks.items())])
        for k in (1, 2)
    ]
    result, check = _result(sides[0], sides[1], "task_success_rate")
    assert (Fraction(22, 50), Fraction(20, 50)) == (result.baseline, result.candidate)
    assert Fraction(1, 11) == result.ruling.rho
    assert check.outcome == "fail"
    assert result.uncertainty is not None
    assert Fraction(793, 2048) == result.uncertainty.p_value
    assert check.settled is False


def test_number_3_on_real_trials(shared_data: Path) -> None:
    """gpt-4o airline: pass^1..4 = 21/50, 41/150, 11/50, 1/5."""
    passed = [int(sum(trials.values())) for trials in _airline(shared_data).values()]
    expected = [21 / 50, 41 / 150, 11 / 50, 1 / 5]
    actual = [sum(pass_hat_k(c, 4, k) for c in passed) / len(passed) for k in (1, 2, 3, 4)]
    assert expected == pytest.approx(actual, rel=1e-15)


def test_number_11(side: BuildSide) -> None:
    """Cost, lower is better: ten case means."""
    before = [10, 12, 20, 8, 15, 11, 30, 9, 14, 13]
    after = [11, 13, 21, 9, 17, 12, 31, 10, 15, 14]
    sides = [side([{"cost_usd": [value]} for value in means]) for means in (before, after)]
    result, check = _result(sides[0], sides[1], "cost_per_interaction")
    assert Fraction(11, 142) == result.ruling.rho
    assert check.outcome == "fail"
    assert _ends(check, 90) == pytest.approx((0.057797, 0.108659), abs=1e-6)
