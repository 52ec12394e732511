"""A user's function as a scorer."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from evalgate.schema.config import ScorerConfig
from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import Trace
from evalgate.scorers.base import Scorer
from evalgate.scorers.builtin import score_trial
from evalgate.scorers.user import user_scorer

COUNT = ScorerConfig(call="m:f", unit="count")
RATIO = ScorerConfig(call="m:f")


@pytest.fixture
def run(make_case: Callable[..., Case], make_trace: Callable[..., Trace]) -> Callable[..., Score]:
    """Return a function that scores one trial with a scorer that returns a result."""

    def score(result: object, config: ScorerConfig = COUNT, status: str = "finished") -> Score:
        scorer = user_scorer("mine", config, lambda _case, _trace: result)
        return score_trial([scorer], make_case(), make_trace(status=status)).scores["mine"]

    return score


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (3, Scored(3.0)),
        (0.5, Scored(0.5)),
        (True, Scored(1.0)),
        (False, Scored(0.0)),
        (Decimal("0.5"), Scored(0.5)),
        (Fraction(1, 4), Scored(0.25)),
        (np.float64(0.5), Scored(0.5)),
        ({"value": 0.5, "counts": [1, 2]}, Scored(0.5, (1, 2))),
        ({"unknown": "no trace"}, Abstained("no trace", unknown=True)),
        ({"abstained": "no answer"}, Abstained("no answer")),
        (Scored(2.0), Scored(2.0)),
        (Broken("judge down"), Broken("judge down")),
    ],
)
def test_results(run: Callable[..., Score], result: object, expected: Score) -> None:
    """Numbers, truth values, mappings and scores become what they say."""
    assert expected == run(result)


def test_nothing_abstains(run: Callable[..., Score]) -> None:
    """None means that there is nothing to score."""
    assert isinstance(run(None), Abstained)


@pytest.mark.parametrize(
    "result",
    [float("nan"), float("inf"), "0.9", [1], {"value": 1}, {"score": 1}, object(), Scored(1e999)],
)
def test_no_score_is_broken(run: Callable[..., Score], result: object) -> None:
    """What is no finite number and no score is broken, never a guess."""
    assert isinstance(run(result), Broken)


@pytest.mark.parametrize(
    ("config", "result"),
    [(RATIO, 1.01), (RATIO, -1), (ScorerConfig(call="m:f", unit="1-5"), 0)],
)
def test_bounds(run: Callable[..., Score], config: ScorerConfig, result: float) -> None:
    """A value the unit does not allow is broken and is not clipped."""
    assert isinstance(run(result, config), Broken)


def test_coroutine_is_broken(run: Callable[..., Score]) -> None:
    """An async function is named as such and leaves no warning behind."""

    async def later() -> float:
        return 1.0

    found = run(later())

    assert isinstance(found, Broken)
    assert "declare it with `async def`" in found.error


def test_raising_is_broken(
    make_case: Callable[..., Case], make_trace: Callable[..., Trace]
) -> None:
    """An exception of the user's function breaks its score and nothing else."""

    def fail(_case: Case, _trace: Trace) -> float:
        message = "no such column"
        raise KeyError(message)

    result = score_trial([user_scorer("mine", RATIO, fail)], make_case(), make_trace())

    assert Broken("mine: KeyError: 'no such column'") == result.scores["mine"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (RATIO, Scored(0.0)),
        (ScorerConfig(call="m:f", direction="lower"), Scored(1.0)),
        (ScorerConfig(call="m:f", unit="1-5"), Scored(1.0)),
        (COUNT, Abstained("the trial failed", unknown=True)),
    ],
)
def test_crash_does_not_lift_the_mean(
    run: Callable[..., Score], config: ScorerConfig, expected: Score
) -> None:
    """Where the function abstains on a failed trial, the worst counts."""
    assert expected == run(None, config, "crashed")


def test_identity() -> None:
    """Version, unit, direction and function are a scorer's identity."""

    def digest(**fields: object) -> tuple[str, str]:
        config = ScorerConfig.model_validate({"call": "m:f", **fields})
        scorer: Scorer = user_scorer("mine", config, lambda _case, _trace: 1)
        return scorer.version, scorer.config_digest

    variants = [{}, {"version": "2"}, {"unit": "s"}, {"direction": "lower"}, {"call": "m:g"}]
    assert len(variants) == len({digest(**fields) for fields in variants})
    assert digest() == digest(gate="standard")
