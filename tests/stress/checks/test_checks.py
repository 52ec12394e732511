"""Stress checks: limits, tiers, evidence, and what missing evidence leads to."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.errors import ConfigError
from evalgate.quota.units import SECOND
from evalgate.stress.checks.checks import as_check, judge, overall, tier_outcomes
from evalgate.stress.checks.statements import StressCheck, StressPolicy
from evalgate.stress.load.sessions import Loops
from evalgate.stress.simulation.outcome import Counts, Distribution, Series, StressOutcome

NO_TRACES = StressPolicy({}, traces=False)


def _times(*values: float) -> Distribution:
    found = Distribution()
    for value in values:
        found.add(round(value * SECOND))
    return found


def _counts(**fields: Any) -> Counts:  # noqa: ANN401  fields of Counts
    good: dict[str, Any] = {
        "sessions": 1000,
        "finished": 1000,
        "planned": 1000,
        "calls": 1000,
        "succeeded": 1000,
        "attempts": 1000,
        "useful": 1000,
        "completion": _times(1.0),
        "ideal": _times(1.0),
    }
    return Counts(**{**good, **fields})


def _outcome(counts: Counts | None = None, tier: str | None = None, **fields: Any) -> StressOutcome:  # noqa: ANN401  fields
    known: dict[str, Any] = {
        "groups": {"a": counts or _counts()},
        "tiers": {"a": tier},
        "utilisation": {"requests": 0.5},
        "series": Series(),
        "recovery": 0.0,
        "end": 1.0,
    }
    return StressOutcome(**{**known, **fields})


def _failed(number: int, calls: int = 1000) -> Counts:
    return _counts(
        calls=calls,
        succeeded=calls - number,
        exhausted=number,
        causes={"throttled_requests": number} if number else {},
    )


def _check(outcome: StressOutcome, name: str, policy: StressPolicy = NO_TRACES) -> StressCheck:
    return next(c for c in judge(outcome, policy) if c.name == name)


@pytest.mark.parametrize(("failed", "expected"), [(0, "pass"), (10, "pass"), (11, "fail")])
def test_the_plain_rule_is_one_percent(failed: int, expected: str) -> None:
    """Without a tier: more than 1 % of calls on rate limits fails, 1 % itself does not."""
    outcome = _outcome(_failed(failed))
    check = _check(outcome, "rate_limit_error_rate")
    assert (expected, failed, 1000, True) == (
        check.outcome,
        check.numerator,
        check.denominator,
        check.gates,
    )
    assert expected == overall(judge(outcome, NO_TRACES))


@pytest.mark.parametrize(
    ("tier", "most", "gates"),
    [
        ("critical", 0, True),
        ("user_facing", 9, True),
        ("compliance", 9, True),
        ("frontier", 50, True),
        ("internal", 100, True),
        ("pilot", 100, False),
    ],
)
def test_tiers(tier: str, most: int, gates: bool) -> None:  # noqa: FBT001  parameter
    """Of 1,000 calls, below .1 %, below 1 %, at most 5 %, at most 10 %; pilot is advisory."""
    good = _check(_outcome(_failed(most), tier), "error_rate")
    bad = _check(_outcome(_failed(most + 1), tier), "error_rate")
    assert ("pass", "fail", gates) == (good.outcome, bad.outcome, good.gates)


def test_with_a_tier_the_plain_rule_is_shown_only() -> None:
    """5 % holds the frontier tier; the 1 % check fails without a say."""
    outcome = _outcome(_failed(50), "frontier")
    checks = judge(outcome, NO_TRACES)
    plain = next(c for c in checks if c.name == "rate_limit_error_rate")
    assert ("fail", False) == (plain.outcome, plain.gates)
    assert ("pass", {"frontier": "pass"}) == (overall(checks), tier_outcomes(checks))


def test_each_tier_has_its_verdict_and_the_run_needs_all() -> None:
    """Critical holds, internal does not: the run fails."""
    outcome = replace(
        _outcome(),
        groups={"a": _counts(), "b": _failed(200)},
        tiers={"a": "critical", "b": "internal"},
    )
    checks = judge(outcome, NO_TRACES)
    assert {"critical": "pass", "internal": "fail"} == tier_outcomes(checks)
    assert "fail" == overall(checks)


def test_pilot_alone_settles_nothing_by_its_rate() -> None:
    """An advisory tier never fails; the other gating checks still decide."""
    assert "pass" == overall(judge(_outcome(_failed(900), "pilot"), NO_TRACES))


@pytest.mark.parametrize(
    ("calls", "failed", "expected", "needed"),
    [
        (2994, 0, "inconclusive", 2995),
        (2995, 0, "pass", None),
        (100, 1, "inconclusive", 4742),
        (10, 5, "fail", None),
    ],
)
def test_samples_need_evidence(calls: int, failed: int, expected: str, needed: int | None) -> None:
    """Spec, evidence: 2,995 calls without an error show less than 0.1 %."""
    check = _check(_outcome(_failed(failed, calls), "critical", sampled=True), "error_rate")
    assert (expected, needed) == (check.outcome, check.needed)


def test_exact_runs_need_none() -> None:
    """A simulated fixed workload of ten calls settles a limit of 0.1 %."""
    assert "pass" == _check(_outcome(_failed(0, 10), "critical"), "error_rate").outcome


def test_what_was_cut_off_counts_both_ways() -> None:
    """Five open calls of 1,000: enough room for 5 %, not for 0.1 %."""
    counts = _counts(succeeded=995)
    assert ["pass", "inconclusive"] == [
        _check(_outcome(counts, tier), "error_rate").outcome for tier in ("frontier", "critical")
    ]


def test_nothing_offered_is_inconclusive() -> None:
    """No call, no claim."""
    empty = Counts()
    outcome = _outcome(empty, "critical", utilisation={})
    checks = judge(outcome, NO_TRACES)
    assert "inconclusive" == _check(outcome, "error_rate").outcome
    assert "pass" != overall(checks)


def test_unknown_times_settle_no_rate() -> None:
    """Neither pass nor fail, and the fix is named."""
    for counts in (_counts(), _failed(500)):
        check = _check(_outcome(counts, times_known=False), "rate_limit_error_rate")
        assert "inconclusive" == check.outcome
        assert "start and end" in str(check.fix)


def test_unknown_tokens_cannot_pass() -> None:
    """Charged as none they flatter: a fail stays a fail."""
    found = [
        _check(_outcome(counts, tokens_known=False), "rate_limit_error_rate").outcome
        for counts in (_counts(), _failed(500))
    ]
    assert ["inconclusive", "fail"] == found


@pytest.mark.parametrize(("most", "expected"), [(2, "pass"), (3, "fail")])
def test_at_most_two_retries_a_call(most: int, expected: str) -> None:
    """The limit of the field, on by default; the layers are named."""
    counts = _counts(retries={most: 7}, by_layer={"openai": 14, "langgraph": 7})
    check = _check(_outcome(counts), "retry_limit")
    assert (expected, True) == (check.outcome, check.gates)
    assert "langgraph 7" in check.reason


@pytest.mark.parametrize(
    ("used", "outcome", "warning"),
    [(0.8, "pass", False), (0.85, "pass", True), (0.9, "fail", True)],
)
def test_utilisation_warns_above_80_and_fails_at_90_where_configured(
    used: float,
    outcome: str,
    warning: bool,  # noqa: FBT001  parameter
) -> None:
    """Advisory unless the configuration names a limit."""
    run = _outcome(utilisation={"requests": used})
    check = _check(run, "quota_utilisation")
    assert (outcome, warning, False) == (check.outcome, check.warning, check.gates)
    policy = StressPolicy({"quota_utilisation": Fraction(9, 10)}, traces=False)
    assert ("fail" if outcome == "fail" else "pass") == overall(judge(run, policy))


@pytest.mark.parametrize(
    ("limited", "band", "outcome"),
    [
        (4, "good", "pass"),
        (5, "between", "pass"),
        (6, "between", "fail"),
        (7, "improve", "fail"),
    ],
)
def test_the_share_of_rate_limits_is_shown_in_bands(limited: int, band: str, outcome: str) -> None:
    """Good below 50 %, improve above 60 %; the limit itself is kept; never gated."""
    counts = _counts(exhausted=10, causes={"throttled_tokens": limited, "timeout": 10 - limited})
    policy = StressPolicy({"rate_limit_share": Fraction(1, 2)}, traces=False)
    check = _check(_outcome(counts), "rate_limit_share", policy)
    assert f"({band})" in check.reason
    assert (outcome, False) == (check.outcome, check.gates)


def test_a_death_is_the_slowest_session() -> None:
    """With 6 of 100 dead the p95 has no bound, however fast the others are."""
    counts = _counts(sessions=100, finished=94, completion=_times(*[1.0] * 94), ideal=_times(1.0))
    check = _check(_outcome(counts), "completion_inflation_p95")
    assert ("fail", None) == (check.outcome, check.value)


def test_inflation_compares_with_the_recorded_sessions() -> None:
    """Twice as slow is a value of 2."""
    counts = _counts(sessions=1, finished=1, completion=_times(4.0), ideal=_times(2.0))
    assert 2.0 == _check(_outcome(counts), "completion_inflation_p95").value


@pytest.mark.parametrize(
    ("loops", "expected"),
    [(Loops(10, 3, 5, 1), "pass"), (Loops(11, 3, 5, 1), "fail"), (None, "inconclusive")],
)
def test_loops(loops: Loops | None, expected: str) -> None:
    """10 LLM calls a turn; without evidence nothing is claimed."""
    checks = judge(_outcome(), StressPolicy({}), loops)
    assert expected == next(c for c in checks if c.name == "llm_calls_per_turn").outcome
    assert expected == overall(checks)


@pytest.mark.parametrize(("silent", "expected"), [(0, "pass"), (1, "fail"), (None, "inconclusive")])
def test_silent_failures_are_of_live_runs(silent: int | None, expected: str) -> None:
    """Zero is the limit; not having looked is no zero; a simulation makes no such check."""
    live = _outcome(_counts(silent=silent), engine="live")
    assert expected == _check(live, "silent_failures").outcome
    assert "silent_failures" not in {c.name for c in judge(_outcome(), NO_TRACES)}


def test_a_configured_limit_gates() -> None:
    """Goodput is advisory until the configuration names its limit."""
    counts = _counts(useful=900)
    assert "pass" == overall(judge(_outcome(counts), NO_TRACES))
    policy = StressPolicy({"goodput": Fraction(95, 100)}, traces=False)
    assert "fail" == overall(judge(_outcome(counts), policy))


def test_a_storm_without_end_settles_nothing() -> None:
    """Recovery is not known when refusals had not ended."""
    assert "inconclusive" == _check(_outcome(recovery=None), "recovery_time").outcome


def test_no_gating_check_is_no_pass() -> None:
    """An empty list of checks proves nothing."""
    assert "inconclusive" == overall([])


def test_the_schema_knows_every_check() -> None:
    """Ids are unique, kind is stress, and the gate is carried over."""
    checks = judge(_outcome(_failed(3), "critical"), StressPolicy({}), Loops(1, 1, 1, 1))
    found = [as_check(check) for check in checks]
    assert len(found) == len({check.id for check in found})
    assert {"stress"} == {check.kind for check in found}
    assert "stress.error_rate.critical" == found[0].id


def test_unknown_tiers_are_named() -> None:
    """With the nearest known one."""
    with pytest.raises(ConfigError, match="criticl"):
        judge(_outcome(tier="criticl"))


@given(
    st.integers(0, 30),
    st.integers(0, 30),
    st.sampled_from([None, "critical", "frontier"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_removing_evidence_never_makes_a_pass(
    failed: int,
    open_calls: int,
    tier: str | None,
    sampled: bool,  # noqa: FBT001  drawn value
    times: bool,  # noqa: FBT001  drawn value
    tokens: bool,  # noqa: FBT001  drawn value
) -> None:
    """Cutting calls off, or forgetting times or tokens, never turns a non-pass into a pass."""
    counts = replace(_failed(failed, 3000), succeeded=3000 - failed - open_calls)
    whole = replace(_failed(failed + open_calls, 3000))
    known = _outcome(whole, tier, sampled=sampled)
    less = _outcome(counts, tier, sampled=sampled, times_known=times, tokens_known=tokens)
    if overall(judge(known, NO_TRACES)) != "pass":
        assert overall(judge(less, NO_TRACES)) != "pass"
