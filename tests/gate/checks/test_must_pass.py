"""Must-pass cases, in words: clean, failed, confirmed, cleared, without a score."""

from collections.abc import Sequence

import pytest

from evalgate.gate.checks.must_pass import confirmed, failing_cases, must_pass_checks
from evalgate.schema.score import Abstained, Score, Scored
from evalgate.schema.status import TraceStatus
from evalgate.schema.verdict import Check
from evalgate.stats.summary import CaseSummary, RunSummary

GOOD, BAD, SILENT = Scored(1.0), Scored(0.99), Abstained("a")


def _side(
    scores: Sequence[Score] | None,
    statuses: Sequence[TraceStatus] | None = None,
    **fields: object,
) -> RunSummary:
    """Make a side of one must-pass case, a case that may fail, and a failing draft."""
    count = len(statuses or scores or ())

    def case(name: str, column: Sequence[Score] | None, **policy: bool) -> CaseSummary:
        return CaseSummary(
            id=name,
            digest="d",
            numbers=tuple(range(count)),
            statuses=tuple(statuses or ["finished"] * count),
            columns={} if column is None else {"task_success": tuple(column)},
            **policy,
        )

    cases = [
        case("vip", scores, must_pass=True),
        case("plain", [BAD] * count),
        case("draft", [BAD] * count, must_pass=True, draft=True),
    ]
    return RunSummary("x", cases={one.id: one for one in cases}, **fields)  # type: ignore[arg-type]


def _check(
    candidate: RunSummary, baseline: RunSummary | None = None, fresh: Sequence[Score] = ()
) -> Check:
    (check,) = must_pass_checks(candidate, baseline, {"vip": fresh})
    return check


def test_only_reviewed_must_pass_cases_fail() -> None:
    """Neither a plain case nor a draft is one."""
    assert failing_cases(_side([GOOD, BAD])) == ("vip",)
    assert failing_cases(_side([GOOD, SILENT])) == ()


def test_clean_cases_are_counted() -> None:
    """One check for all that passed every trial."""
    words = "1 must-pass case passed every trial"
    assert _check(_side([GOOD, GOOD])) == Check(
        id="must_pass", kind="must_pass", outcome="pass", reason=words
    )
    assert must_pass_checks(RunSummary("x"), None, {}) == ()


RERUN = "`evalgate run` gives it fresh trials"
FAILED = "1 of 2 trials failed"


@pytest.mark.parametrize(
    ("fresh", "outcome", "reason", "fix"),
    [
        ((), "inconclusive", f"{FAILED}, and no fresh trial has confirmed it", RERUN),
        ((GOOD, GOOD), "pass", f"{FAILED}, then 0 of 2 fresh trials failed", None),
        ((GOOD, BAD), "fail", f"{FAILED}, then 1 of 2 fresh trials failed", None),
        (
            (GOOD,),
            "inconclusive",
            f"{FAILED}, then 0 of 1 fresh trials failed, 0 without a score",
            RERUN,
        ),
        (
            (GOOD, GOOD, SILENT),
            "inconclusive",
            f"{FAILED}, then 0 of 3 fresh trials failed, 1 without a score",
            RERUN,
        ),
        ((BAD,), "fail", f"{FAILED}, then 1 of 1 fresh trials failed", None),
    ],
)
def test_fresh_trials_in_words(
    fresh: Sequence[Score], outcome: str, reason: str, fix: str | None
) -> None:
    """Confirmed by one failure, cleared by two passes, open in between."""
    check = _check(_side([GOOD, BAD]), fresh=fresh)
    assert (check.id, check.outcome, check.reason, check.fix) == (
        *("must_pass.vip", outcome, reason, fix),
    )


def test_what_fails_at_once_and_what_was_decided_before() -> None:
    """A failure in the baseline, without noise, or confirmed before is final; a cleared one not."""
    failing, clean = _side([GOOD, BAD]), _side([GOOD, GOOD])
    told = _check(failing, failing)
    assert (told.outcome, told.reason) == ("fail", f"{FAILED}; it fails in the baseline too")
    assert _check(failing, clean).outcome == "inconclusive"
    assert _check(failing, RunSummary("empty")).outcome == "inconclusive"
    assert _check(_side([GOOD, BAD], noise="none")).outcome == "fail"
    assert _check(_side([GOOD, BAD], confirmed=frozenset({"vip"}))).outcome == "fail"
    cleared = _check(_side([GOOD, BAD], cleared=frozenset({"vip"})))
    assert (cleared.outcome, cleared.reason) == (
        *("pass", f"{FAILED}, and fresh trials passed when the report was made"),
    )


@pytest.mark.parametrize(
    ("scores", "statuses", "outcome"),
    [
        ([GOOD, SILENT], None, "inconclusive"),
        (None, ["finished"], "inconclusive"),
        ([GOOD, GOOD], ["finished", "not_measured"], "inconclusive"),
        (None, ["crashed"], "fail"),
        ([GOOD, GOOD], ["finished", "timed_out"], "fail"),
    ],
)
def test_trials_without_a_score(
    scores: list[Score] | None, statuses: list[TraceStatus] | None, outcome: str
) -> None:
    """What was not scored or measured is open; what did not finish has failed."""
    check = _check(_side(scores, statuses, noise="none"))
    assert check.outcome == outcome
    if outcome == "inconclusive":
        assert check.reason == "must-pass case vip has trials without a score"
        assert check.fix == RERUN


def test_two_fresh_trials_are_needed() -> None:
    """None is no clearance."""
    assert [confirmed(one) for one in ([], [GOOD], [GOOD] * 2)] == [
        *("inconclusive", "inconclusive", "pass"),
    ]
