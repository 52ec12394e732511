"""Errors and retries."""

from collections.abc import Callable

import pytest

from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Scored
from evalgate.schema.trace import Attempt, LlmCall, Trace
from evalgate.scorers.reliability import score_reliability
from evalgate.scorers.settings import Settings

GOOD = LlmCall(attempts=(Attempt(status=200),))
RETRIED = LlmCall(attempts=(Attempt(status=429), Attempt(status=200)))


def lost(*statuses: int | None) -> LlmCall:
    """Make a call that ended in an error after these attempts."""
    attempts = tuple(Attempt(status=s, error="failed") for s in statuses)
    return LlmCall(error="failed", attempts=attempts)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("finished", 0.0),
        ("crashed", 1.0),
        ("timed_out", 1.0),
        ("bad_output", 1.0),
        ("limit", 1.0),
        ("loop_limit", 1.0),
        ("unfinished", 1.0),
    ],
)
def test_error(
    make_case: Callable[..., Case],
    make_trace: Callable[..., Trace],
    status: str,
    expected: float,
) -> None:
    """Every way not to finish is an error."""
    scores = score_reliability(make_case(), make_trace(status=status), Settings())

    assert Scored(expected) == scores["error"]


@pytest.mark.parametrize(
    ("calls", "counts"),
    [
        ([GOOD, RETRIED], (0, 2)),
        ([GOOD, lost(429, 429, 429)], (1, 2)),
        ([lost(503)], (1, 1)),
        ([lost(500)], (1, 1)),
        ([lost(499)], (0, 1)),
        ([lost(None)], (1, 1)),
        ([lost(429, 400)], (0, 1)),
        ([lost(401)], (0, 1)),
        ([lost(529, 529), LlmCall(error="lost")], (1, 1)),
    ],
)
def test_retry_exhaustion(
    make_case: Callable[..., Case],
    make_trace: Callable[..., Trace],
    calls: list[LlmCall],
    counts: tuple[int, int],
) -> None:
    """Calls that ended in what waiting cures, over calls whose attempts are known."""
    scores = score_reliability(make_case(), make_trace(*calls), Settings())

    assert Scored(counts[0] / counts[1], counts) == scores["retry_exhaustion"]


def test_unknown_attempts(make_case: Callable[..., Case], make_trace: Callable[..., Trace]) -> None:
    """Without recorded attempts retries are unknown; without LLM calls there are none."""
    unknown = score_reliability(make_case(), make_trace(LlmCall()), Settings())["retry_exhaustion"]
    none = score_reliability(make_case(), make_trace(), Settings())["retry_exhaustion"]

    assert isinstance(unknown, Abstained)
    assert isinstance(none, Abstained)
    assert (True, False) == (unknown.unknown, none.unknown)
