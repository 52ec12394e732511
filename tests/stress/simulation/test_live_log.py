"""Counting a live round as the simulator counts its runs."""

from dataclasses import replace

import pytest

from evalgate.quota.quota import Quota
from evalgate.quota.units import SECOND
from evalgate.stress.simulation.live_log import (
    Decided,
    LoggedAttempt,
    LoggedCall,
    LoggedSession,
    live_outcome,
    reworded,
)
from evalgate.stress.simulation.retry import layers

GOOD = LoggedCall((LoggedAttempt(0.0, 0.1, None),))
RETRIED = LoggedCall(
    (LoggedAttempt(0.0, 0.0, "throttled_requests", 1.0, 0), LoggedAttempt(1.0, 1.1, None, None, 1))
)
LOST = LoggedCall((LoggedAttempt(0.0, 0.0, "throttled_tokens"),))
YES = Decided(0, admitted=True, charges=(1,))
NO = Decided(0, admitted=False, charges=(1,))
LATER = Decided(SECOND, admitted=True, charges=(1,))


def session(*calls: LoggedCall, end: float | None = 2.0, output: str = "done") -> LoggedSession:
    """Make a session of one kind."""
    status = "cut" if end is None else "finished"
    return LoggedSession(0, "all", "one", 0.0, end, status, output, calls, 1.0, 2, "done")


def test_counts() -> None:
    """Calls, attempts, retries by layer, causes, and what finished."""
    sessions = [session(GOOD, RETRIED), session(LOST, output="sorry"), session(end=None)]
    made = [
        YES,
        NO,
        LATER,
    ]
    outcome = live_outcome(sessions, made, Quota(rpm=60), {"all": None}, layers("openai"))
    total = outcome.total
    assert (3, 1, 3, 2, 1, 4, 2) == (
        total.sessions,
        total.finished,
        total.calls,
        total.succeeded,
        total.exhausted,
        total.attempts,
        total.throttled,
    )
    assert ({"openai": 1}, {1: 1}, 1) == (total.by_layer, total.retries, total.silent)
    assert {"throttled_tokens": 1} == total.causes
    assert 2.0 == total.completion.quantile(1)  # type: ignore[arg-type]  # a whole number
    assert None is outcome.recovery


def test_use_of_the_quota() -> None:
    """Two admissions a second apart on 60 RPM with a burst of 60: 2 / 61, refusals or not."""
    made = [YES, NO, LATER]
    outcome = live_outcome([session(GOOD)], made, Quota(rpm=60), {"all": None}, ())
    assert {"requests": 2 / 61} == outcome.utilisation
    assert 0.0 == outcome.recovery


def test_counts_over_time() -> None:
    """A sixteenth of a second a bin: two let through, one refused, one session ended well."""
    sessions = [session(GOOD), session(LOST, end=1.0, output="sorry")]
    made = [YES, NO, LATER]
    series = live_outcome(sessions, made, Quota(rpm=60), {"all": None}, ()).series
    assert {0: 1, 16: 1} == {at: n for at, n in enumerate(series.admitted) if n}
    assert {0: 1} == {at: n for at, n in enumerate(series.throttled) if n}
    assert 32 in {at for at, n in enumerate(series.finished) if n}
    assert {} == series.charged


def test_charges_over_time() -> None:
    """Tokens of what was let through, beside its requests, and none of what was refused."""
    made = [Decided(0, admitted=True, charges=(1, 7)), Decided(0, admitted=False, charges=(1, 9))]
    quota = Quota(rpm=60, tpm=1000)
    series = live_outcome([session(GOOD)], made, quota, {"all": None}, ()).series
    assert {"tokens": 7} == {name: sum(column) for name, column in series.charged.items()}


def test_nothing_made_ends_at_once() -> None:
    """No session, no decision: the round ended when it began."""
    assert 0.0 == live_outcome([], [], Quota(rpm=60), {"all": None}, ()).end


def test_phrases_that_give_a_swallowed_failure_away() -> None:
    """ModelRetryMiddleware's own words are among them."""
    assert "model call failed" == reworded("Model call failed after 3 attempts with 429")
    assert None is reworded("Your order has shipped.")


def test_what_failed_at_its_end_is_not_finished() -> None:
    """A session that ended with an error is in no column of those that went well."""
    failed = replace(session(GOOD), status="agent_error")
    outcome = live_outcome([failed], [YES], Quota(rpm=60), {"all": None}, ())
    assert (0, 0) == (outcome.total.finished, sum(outcome.series.finished))


@pytest.mark.parametrize(
    ("start", "refused", "recovery"),
    [(0.0, None, 0.0), (0.0, SECOND // 2, 0.5), (2.0, SECOND, 0.0)],
)
def test_recovery_of_a_round(start: float, refused: int | None, recovery: float) -> None:
    """From the last start to the last refusal; none without refusals, or where they came before."""
    made = [YES] if refused is None else [YES, Decided(refused, admitted=False, charges=(1,))]
    sessions = [replace(session(GOOD), start=start)]
    outcome = live_outcome(sessions, made, Quota(rpm=60), {"all": None}, ())
    assert recovery == outcome.recovery
