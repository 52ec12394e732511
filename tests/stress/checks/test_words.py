"""Every stress check in words and numbers: what a reader of the report is told."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from evalgate.errors import ConfigError
from evalgate.quota.units import SECOND
from evalgate.stress.checks.checks import as_check, judge
from evalgate.stress.checks.metrics import stress_metrics
from evalgate.stress.checks.statements import (
    Share,
    StressCheck,
    StressPolicy,
    rate_reason,
    share_outcome,
)
from evalgate.stress.checks.tiers import tier_named
from evalgate.stress.load.sessions import Loops
from evalgate.stress.simulation.outcome import Counts, Distribution, Series, StressOutcome

NO_TRACES = StressPolicy({}, traces=False)
FAILED = "calls that failed on rate limits"
QUEUE = "limit concurrency or put a queue in front: stress: admission"


def _times(*values: float) -> Distribution:
    found = Distribution()
    for value in values:
        found.add(round(value * SECOND))
    return found


def _counts(**fields: Any) -> Counts:  # noqa: ANN401  fields of Counts
    plain: dict[str, Any] = {
        "sessions": 10,
        "finished": 8,
        "planned": 100,
        "calls": 90,
        "succeeded": 80,
        "exhausted": 5,
        "attempts": 120,
        "throttled": 12,
        "useful": 75,
        "retries": {1: 20, 3: 4},
        "by_layer": {"sdk": 30, "app": 2},
        "causes": {"throttled_requests": 4, "server_error": 1},
        "completion": _times(*[2.0] * 8),
        "ideal": _times(*[1.0] * 10),
    }
    return Counts(**{**plain, **fields})


def _outcome(counts: Counts | None = None, **fields: Any) -> StressOutcome:  # noqa: ANN401  fields
    known: dict[str, Any] = {
        "groups": {"a": counts or _counts()},
        "tiers": {"a": None},
        "utilisation": {"requests": 0.5, "tokens": 0.85},
        "series": Series(),
        "recovery": 61.0,
        "end": 1.0,
    }
    return StressOutcome(**{**known, **fields})


def _found(
    outcome: StressOutcome, policy: StressPolicy = NO_TRACES, loops: Loops | None = None
) -> dict[str, StressCheck]:
    return {check.name: check for check in judge(outcome, policy, loops)}


def test_every_field_of_a_rate() -> None:
    """Numbers, limit, unit and words; a passed check offers no fix."""
    found = _found(_outcome())
    assert found["rate_limit_error_rate"] == StressCheck(
        name="rate_limit_error_rate",
        scope="all",
        value=4 / 90,
        limit=0.01,
        outcome="fail",
        gates=True,
        unit="ratio",
        reason=f"{FAILED}: 4 of 90 (4.444 %), 5 more were cut off, limit 1 %",
        numerator=4,
        denominator=90,
        fix=QUEUE,
    )
    whole = _counts(succeeded=90, exhausted=0, causes={})
    passed = _found(_outcome(whole))["rate_limit_error_rate"]
    assert (passed.outcome, passed.fix, passed.value) == ("pass", None, 0.0)


@pytest.mark.parametrize(
    ("name", "value", "limit", "outcome", "reason", "fix"),
    [
        (
            *("rate_limit_attempt_rate", 0.1, 0.01, "fail"),
            "attempts that were throttled: 12 of 120 (10 %), limit 1 %",
            QUEUE,
        ),
        (
            *("retry_exhaustion_rate", 5 / 90, 0.01, "fail"),
            "calls whose retries ran out: 5 of 90 (5.556 %), 5 more were cut off, limit 1 %",
            "fewer retries, or full jitter on top of the server's hint",
        ),
        (
            *("rate_limit_share", 0.8, 0.6, "fail"),
            "rate limits among failed calls: 4 of 5 (improve)",
            None,
        ),
        (
            *("retry_limit", 3.0, 2.0, "fail"),
            "the most retries of one call: 3, limit 2; made by layer: sdk 30, app 2",
            "turn retries off in all layers but one: layers multiply",
        ),
        (
            *("retry_amplification", 4 / 3, 1.2, "fail"),
            "attempts a call: 120 for 90",
            "a retry budget of 20 % of calls",
        ),
        (
            *("quota_utilisation", 0.85, 0.9, "pass"),
            "use of the quota, largest on tokens: 85 %",
            None,
        ),
        (
            *("recovery_time", 61.0, 60.0, "fail"),
            "from the last arrival to the last refusal: 61 s",
            "a queue with backpressure ends a storm sooner",
        ),
        (
            *("session_continuity_rate", 0.8, 0.99, "fail"),
            "finished: 8 of 10 sessions",
            "a queue keeps sessions alive that retries let die",
        ),
        (
            *("goodput", 0.75, 0.99, "fail"),
            "calls of finished sessions: 75 of 100 planned",
            "a queue keeps sessions alive that retries let die",
        ),
        (
            *("completion_inflation_p95", None, 1.5, "fail"),
            "p95 of completion: without bound, 2 of 10 never finish",
            "see session_continuity_rate",
        ),
    ],
)
def test_each_check_in_words(
    name: str, value: float | None, limit: float, outcome: str, reason: str, fix: str | None
) -> None:
    """Value, limit, outcome, reason and fix of one run."""
    check = _found(_outcome())[name]
    assert (check.outcome, check.reason, check.fix) == (outcome, reason, fix)
    assert check.value == pytest.approx(value)
    assert check.limit == limit
    higher = name in ("session_continuity_rate", "goodput")
    assert check.higher == higher
    assert as_check(check).direction == ("higher" if higher else "lower")


def test_a_share_at_its_limit_holds() -> None:
    """8 of 10 is .8 to the letter; the float of that name lies above it."""
    policy = StressPolicy({"session_continuity_rate": Fraction("0.8")}, traces=False)
    assert "pass" == _found(_outcome(), policy)["session_continuity_rate"].outcome


def test_counts_beside_checks_that_are_no_errors() -> None:
    """Calls over the limit, finished sessions, useful calls, rate limits among failures."""
    found = _found(_outcome())
    counts = {name: (check.numerator, check.denominator) for name, check in found.items()}
    assert counts["retry_limit"] == (4, 90)
    assert counts["session_continuity_rate"] == (8, 10)
    assert counts["goodput"] == (75, 100)
    assert counts["rate_limit_share"] == (4, 5)
    wide = _found(_outcome(), StressPolicy({"retry_limit": Fraction(3)}, traces=False))
    assert (wide["retry_limit"].outcome, wide["retry_limit"].numerator) == ("pass", 0)


@pytest.mark.parametrize(
    ("causes", "band", "outcome"),
    [
        ({"throttled_requests": 2, "server_error": 3}, "good", "pass"),
        ({"throttled_requests": 3, "server_error": 3}, "between", "pass"),
        ({"throttled_requests": 3, "server_error": 2}, "between", "pass"),
        ({"throttled_requests": 31, "server_error": 19}, "improve", "fail"),
    ],
)
def test_bands_of_rate_limits(causes: dict[Any, int], band: str, outcome: str) -> None:
    """Below half is good, above 60 % to be improved; it never gates."""
    counts = _counts(causes=causes, exhausted=sum(causes.values()))
    policy = StressPolicy({"rate_limit_share": Fraction(3, 5)}, traces=False)
    check = _found(_outcome(counts), policy)["rate_limit_share"]
    assert (check.outcome, check.gates) == (outcome, False)
    assert check.reason.endswith(f"({band})")


@pytest.mark.parametrize(
    ("used", "outcome", "warning"),
    [(0.8, "pass", False), (0.81, "pass", True), (0.9, "fail", True), (0.89, "pass", True)],
)
def test_use_of_the_quota(used: float, outcome: str, *, warning: bool) -> None:
    """Above 80 % a warning, from 90 % on a failure; unknown use is not shown."""
    check = _found(_outcome(utilisation={"requests": used}))["quota_utilisation"]
    assert (check.outcome, check.warning) == (outcome, warning)
    fix = "reserve more quota (evalgate capacity), or spread the load"
    assert check.fix == (fix if outcome == "fail" else None)
    assert "quota_utilisation" not in _found(_outcome(utilisation={}))


def test_nothing_was_offered() -> None:
    """No call and no session: every share is unknown, and that is no pass."""
    found = _found(_outcome(Counts(), recovery=None))
    empty = found["rate_limit_error_rate"]
    assert (empty.outcome, empty.value) == ("inconclusive", None)
    assert empty.reason == "calls that failed on rate limits: nothing was offered"
    assert empty.fix == QUEUE
    nothing = {name: (check.outcome, check.value) for name, check in found.items()}
    for name in ("retry_limit", "retry_amplification", "session_continuity_rate", "goodput"):
        assert nothing[name] == ("inconclusive", None)
    assert nothing["rate_limit_share"] == ("pass", None)
    assert found["rate_limit_share"].reason == "rate limits among failed calls: no call failed"
    recovery = found["recovery_time"]
    assert (recovery.outcome, recovery.value) == ("inconclusive", None)
    assert recovery.reason.endswith("refusals had not ended when time was up")
    inflation = found["completion_inflation_p95"]
    assert (inflation.outcome, inflation.fix) == ("inconclusive", "record traces with times")


@pytest.mark.parametrize(("slow", "outcome"), [(1.5, "pass"), (1.51, "fail")])
def test_completion_against_the_ideal(slow: float, outcome: str) -> None:
    """Half as much again is allowed."""
    counts = _counts(finished=10, completion=_times(*[slow] * 10))
    check = _found(_outcome(counts))["completion_inflation_p95"]
    assert (check.outcome, check.value) == (outcome, pytest.approx(slow))
    told = f"p95 of completion: {slow:.3g} s against 1 s without any refusal"
    assert check.reason == told
    assert check.fix == ("more quota, or fewer sessions at once" if outcome == "fail" else None)


def test_loops_in_words() -> None:
    """The limits are 10 calls a turn and 3 tools at once; without traces nothing is claimed."""
    loops = Loops(turn_calls=11, fan_out=4, turns=7, sessions=3)
    found = _found(_outcome(), StressPolicy({}), loops)
    long, wide = found["llm_calls_per_turn"], found["tool_fan_out"]
    assert (long.outcome, long.value, long.fix) == (
        *("fail", 11.0, "stop the agent's loop after 10 calls"),
    )
    assert long.reason == "the most LLM calls in one turn: 11 (7 turns looked at)"
    assert (wide.outcome, wide.value, wide.fix) == ("fail", 4.0, "fewer tools at once")
    assert wide.reason == "the most tool calls after one LLM call: 4"
    edge = _found(_outcome(), StressPolicy({}), replace(loops, turn_calls=10, fan_out=3))
    assert {edge[name].outcome for name in ("llm_calls_per_turn", "tool_fan_out")} == {"pass"}
    unseen = _found(_outcome(), StressPolicy({}))
    for name in ("llm_calls_per_turn", "tool_fan_out"):
        assert (unseen[name].outcome, unseen[name].value) == ("inconclusive", None)
        assert unseen[name].fix == "record traces with LLM and tool calls"
    told = "the most LLM calls in one turn: unknown (no LLM call in the traces)"
    assert unseen["llm_calls_per_turn"].reason == told
    assert "tool_fan_out" not in _found(_outcome())


@pytest.mark.parametrize(
    ("silent", "outcome", "words"),
    [(0, "pass", "0"), (1, "fail", "1"), (None, "inconclusive", "not looked for")],
)
def test_silent_failures(silent: int | None, outcome: str, words: str) -> None:
    """Of a live check alone."""
    live = _outcome(_counts(silent=silent), engine="live")
    check = _found(live)["silent_failures"]
    assert check.outcome == outcome
    assert check.reason == f"failed calls that came back as a normal answer: {words}"
    assert (check.value is None) == (silent is None)
    assert "silent_failures" not in _found(_outcome(_counts(silent=silent)))


@pytest.mark.parametrize(
    ("times", "tokens", "goodput", "passed", "loops"),
    [
        (True, True, "fail", "pass", "pass"),
        (False, True, "inconclusive", "inconclusive", "pass"),
        (True, False, "fail", "inconclusive", "pass"),
    ],
)
def test_unknown_times_and_tokens(
    goodput: str, passed: str, loops: str, *, times: bool, tokens: bool
) -> None:
    """Without times no rate is settled, without tokens no pass; loops need neither."""
    outcome = _outcome(times_known=times, tokens_known=tokens)
    seen = Loops(turn_calls=1, fan_out=1, turns=1, sessions=1)
    found = _found(outcome, StressPolicy({}), seen)
    assert found["goodput"].outcome == goodput
    assert found["quota_utilisation"].outcome == passed
    assert found["llm_calls_per_turn"].outcome == loops
    if not times:
        assert found["goodput"].fix == "record traces with start and end of each call"
    elif not tokens:
        wanted = "record traces with input and output tokens of each call"
        assert found["quota_utilisation"].fix == wanted


def test_a_tier_in_words() -> None:
    """Who is in it, how many failed, what the field states; the fix where it fails."""
    groups = {"a": _counts(), "b": _counts(exhausted=0, succeeded=90, causes={}), "c": _counts()}
    tiers = {"a": "internal", "b": "internal", "c": "pilot"}
    checks = judge(_outcome(groups=groups, tiers=tiers), NO_TRACES)
    internal, pilot = checks[:2]
    assert internal.reason == (
        "internal (a, b): calls that failed, all causes: 5 of 180 (2.778 %), 5 more were cut off, "
        "limit 10 % [5-10 %]"
    )
    assert (internal.scope, internal.outcome, internal.fix) == ("internal", "pass", None)
    assert (internal.value, internal.limit) == (5 / 180, 0.1)
    assert (internal.numerator, internal.denominator, internal.gates) == (5, 180, True)
    assert (pilot.scope, pilot.gates) == ("pilot", False)
    shown = as_check(pilot)
    assert (shown.id, shown.gate) == ("stress.error_rate.pilot", "advisory")
    bad = judge(_outcome(tiers={"a": "user_facing"}), NO_TRACES)[0]
    assert (bad.outcome, bad.fix) == ("fail", "reserve quota or queue: evalgate capacity")
    none = judge(_outcome(Counts(), tiers={"a": "user_facing"}), NO_TRACES)[0]
    assert (none.outcome, none.value) == ("inconclusive", None)


def test_wanting_evidence_in_words() -> None:
    """What it takes to settle, over how many seeds, and the fix."""
    counts = _counts(calls=100, succeeded=100, exhausted=0, causes={}, throttled=0)
    check = _found(_outcome(counts, sampled=True, seeds=2))["rate_limit_error_rate"]
    assert (check.outcome, check.needed) == ("inconclusive", 299)
    assert check.reason.endswith("limit 1 %; to settle it takes 299 calls over 2 seeds")
    assert check.fix == "add seeds or sessions until 299 calls are made"
    alone = rate_reason(Share(0, 0, 100), "x", Fraction(1, 100), 2995, _outcome())
    assert alone == "x: 0 of 100 (0 %), limit 1 %; to settle it takes 2,995 calls"


@pytest.mark.parametrize(
    ("share", "strict", "sampled", "expected"),
    [
        (Share(1, 0, 100), False, False, "pass"),
        (Share(1, 0, 100), True, False, "fail"),
        (Share(0, 1, 100), True, False, "inconclusive"),
        (Share(0, 1, 100), False, False, "pass"),
        (Share(0, 2, 100), False, False, "inconclusive"),
        (Share(2, 3, 100), False, False, "fail"),
        (Share(0, 0, 0), False, False, "inconclusive"),
        (Share(0, 0, 299), False, True, "pass"),
        (Share(0, 0, 298), False, True, "inconclusive"),
        (Share(4, 0, 100), False, True, "fail"),
        (Share(3, 0, 100), False, True, "inconclusive"),
    ],
)
def test_shares_at_their_edges(share: Share, expected: str, *, strict: bool, sampled: bool) -> None:
    """The limit itself, what was cut off either way, and what chance alone could do."""
    assert share_outcome(share, Fraction(1, 100), strict=strict, sampled=sampled)[0] == expected


@pytest.mark.parametrize(
    ("limit", "bad", "expected"), [(0, 0, "pass"), (0, 1, "fail"), (1, 9, "pass")]
)
def test_limits_without_a_binomial(limit: int, bad: int, expected: str) -> None:
    """None may fail, or all: no sample is needed to say so."""
    found = share_outcome(Share(bad, 0, 9), Fraction(limit), strict=False, sampled=True)
    assert found == (expected, None)


def test_figures_of_a_run() -> None:
    """Values, counts and sources; unknown times leave every figure unknown."""
    found = stress_metrics(_outcome())
    goodput = found["stress_goodput"]
    assert (goodput.value, goodput.n, goodput.pooled) == (0.75, 100, (75, 100))
    assert (goodput.direction, goodput.source, goodput.unit) == ("higher", "simulated", "ratio")
    assert found["stress_error_rate"].value == 5 / 90
    assert found["stress_retry_amplification"].value == 120 / 90
    half, most = (found[f"stress_completion_time_{p}"] for p in ("p50", "p95"))
    assert (half.value, half.n, half.unit, half.direction) == (2.0, 10, "s", "lower")
    assert (most.value, most.n) == (None, 0)
    assert (found["stress_quota_utilisation"].value, found["stress_quota_utilisation"].n) == (
        0.85,
        90,
    )
    assert found["stress_recovery_time"].value == 61.0
    live = stress_metrics(_outcome(engine="live"))
    assert {value.source for value in live.values()} == {"measured"}
    for outcome in (_outcome(times_known=False), _outcome(Counts(), utilisation={}, recovery=None)):
        unknown = stress_metrics(outcome)
        assert {value.value for value in unknown.values()} == {None}
        assert {value.pooled for value in unknown.values()} == {None}
        assert {value.n for value in unknown.values()} == {0}


@pytest.mark.parametrize(
    ("name", "fix"), [("critcal", "did you mean critical?"), ("xyz", "one of: critical, user_")]
)
def test_an_unknown_tier(name: str, fix: str) -> None:
    """The nearest is named, else all are."""
    with pytest.raises(ConfigError) as raised:
        tier_named(name)
    assert f"found {name!r}" in str(raised.value)
    assert raised.value.fix is not None
    assert raised.value.fix.startswith(fix)
