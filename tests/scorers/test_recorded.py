"""Scores that a trace carries."""

from collections.abc import Callable

import pytest

from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Scored
from evalgate.schema.trace import RecordedScore, Trace
from evalgate.scorers.recorded import score_recorded
from evalgate.scorers.settings import Settings

MAPPED = Settings(
    evidence="recorded", recorded={"faithfulness": "ragas", "hallucination": "hal", "own": "mine"}
)


def test_taken(make_case: Callable[..., Case], make_trace: Callable[..., Trace]) -> None:
    """Each mapped score is taken from the trace, truth values as 1 and 0."""
    recorded = [
        RecordedScore(name="ragas", value=0.92),
        RecordedScore(name="hal", value=False),
        RecordedScore(name="mine", value=17),
    ]
    assert {"faithfulness": Scored(0.92), "hallucination": Scored(0.0), "own": Scored(17.0)} == (
        score_recorded(make_case(), make_trace(scores=recorded), MAPPED)
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [(1.2, "outside 0 to 1"), (-0.1, "outside 0 to 1"), ("good", "no number")],
)
def test_unusable_value(
    make_case: Callable[..., Case],
    make_trace: Callable[..., Trace],
    value: float | str,
    words: str,
) -> None:
    """A value outside the metric's range, or a label, is unknown and is not clipped."""
    trace = make_trace(scores=[RecordedScore(name="ragas", value=value)])
    found = score_recorded(make_case(), trace, MAPPED)["faithfulness"]

    assert isinstance(found, Abstained)
    assert found.unknown
    assert words in found.reason


def test_failed_trial_has_the_worst(
    make_case: Callable[..., Case], make_trace: Callable[..., Trace]
) -> None:
    """A crash neither keeps a good score nor loses its place in the mean."""
    recorded = [RecordedScore(name="ragas", value=0.92)]
    scores = score_recorded(make_case(), make_trace(scores=recorded, status="crashed"), MAPPED)

    assert (Scored(0.0), Scored(1.0)) == (scores["faithfulness"], scores["hallucination"])
    assert isinstance(scores["own"], Abstained)


def test_claims(make_case: Callable[..., Case], make_trace: Callable[..., Trace]) -> None:
    """A live agent's own score is a claim unless the suite trusts it."""
    trace = make_trace(scores=[RecordedScore(name="ragas", value=0.92)])
    mapping = {"faithfulness": "ragas"}
    claimed = score_recorded(make_case(), trace, Settings(recorded=mapping))["faithfulness"]
    trusted = score_recorded(make_case(), trace, Settings(recorded=mapping, trust_reported=True))

    assert isinstance(claimed, Abstained)
    assert claimed.unknown
    assert trusted == {"faithfulness": Scored(0.92)}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((1.0, 0.0), "the trace carries 2 scores 'ragas' that differ"),
        ((), "the trace carries no score 'ragas'"),
    ],
)
def test_no_value_in_words(
    make_case: Callable[..., Case],
    make_trace: Callable[..., Trace],
    values: tuple[float, ...],
    words: str,
) -> None:
    """Several that differ, and none; the same one twice is one."""
    scores = [RecordedScore(name="ragas", value=value) for value in values]
    found = score_recorded(make_case(), make_trace(scores=scores), MAPPED)["faithfulness"]
    assert Abstained(words, unknown=True) == found
    twice = make_trace(scores=[RecordedScore(name="ragas", value=True)] * 2)
    assert Scored(1.0) == score_recorded(make_case(), twice, MAPPED)["faithfulness"]
