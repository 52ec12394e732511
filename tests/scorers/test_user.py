"""A user's function as a scorer."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from evalgate.errors import ConfigError
from evalgate.schema.config_parts.scorer import ScorerConfig
from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import Trace
from evalgate.scorers.base import AsyncScorer, Scorer
from evalgate.scorers.builtin import score_trial
from evalgate.scorers.user import bound, described, user_scorer
from evalgate.scorers.user import scorer as mark

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


def test_async_scorers_are_awaited_however_they_are_written() -> None:
    """A coroutine function, an object that is called with one, either with arguments bound."""

    async def later(_case: Case, _trace: Trace, at: float = 0.5) -> float:
        return at

    class Later:
        async def __call__(self, _case: Case, _trace: Trace) -> float:
            return 0.5

    made = [
        user_scorer("mine", RATIO, function)
        for function in (later, Later(), partial(later, at=0.25))
    ]
    assert [type(scorer) for scorer in made] == [AsyncScorer] * 3
    plain = user_scorer("mine", RATIO, lambda _case, _trace: 1.0)
    assert isinstance(plain, Scorer)


def test_what_an_async_scorer_returns(
    make_case: Callable[..., Case], make_trace: Callable[..., Trace]
) -> None:
    """A value as of any other, and a broken score where it raises."""

    async def later(case: Case, _trace: Trace) -> float:
        if case.id != "c":
            raise KeyError(case.id)
        return 0.5

    scorer = user_scorer("mine", RATIO, later)
    assert isinstance(scorer, AsyncScorer)
    found = [
        asyncio.run(scorer.score(make_case({"id": name}), make_trace())) for name in ("c", "d")
    ]
    assert found == [Scored(0.5), Broken("KeyError: 'd'")]


def test_a_decorated_function_fills_what_the_configuration_leaves_open() -> None:
    """What the configuration says goes first; an undecorated function changes nothing."""

    @mark(unit="s", direction="lower", version="7")
    def slow(_case: Case, _trace: Trace) -> float:
        return 1.0

    filled = described(ScorerConfig(call="m:f", version="9"), slow)
    assert (filled.unit, filled.direction, filled.version) == ("s", "lower", "9")
    assert described(RATIO, partial(slow)).unit == "s"
    assert described(RATIO, lambda _case, _trace: 1.0) is RATIO


def test_arguments_are_bound_or_refused() -> None:
    """Those of the configuration before those already bound; one that is not taken is named."""

    def takes(_case: Case, _trace: Trace, *, least: float, most: float = 9.0) -> float:
        return least + most

    config = ScorerConfig(call="m:f", args={"least": 2.0})
    assert bound("mine", config, takes)(None, None) == 11.0  # type: ignore[arg-type]
    half = partial(takes, least=1.0, most=1.0)
    assert bound("mine", config, half)(None, None) == 3.0  # type: ignore[arg-type]
    assert bound("mine", RATIO, half) is half
    for wrong in (RATIO, ScorerConfig(call="m:f", args={"least": 1, "no": 2})):
        with pytest.raises(ConfigError, match="scorer 'mine': 'm:f' cannot be called as"):
            bound("mine", wrong, takes)
    assert bound("mine", RATIO, max) is max


def test_arguments_are_part_of_the_identity() -> None:
    """Others give another digest, their order does not."""

    def digest(**args: object) -> str:
        config = ScorerConfig(call="m:f", args=args)
        return user_scorer("mine", config, lambda _case, _trace: 1).config_digest

    assert digest(a=1, b=2) == digest(b=2, a=1)
    assert len({digest(), digest(a=1), digest(a=2)}) == 3
