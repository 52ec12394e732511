"""Every stress check: an outcome and a limit in, a statement out. Nothing here reads anything."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from evalgate.schema.verdict import Check, Outcome
from evalgate.stress.checks.statements import (
    GOOD_SHARE,
    WARN_UTILISATION,
    Maker,
    Share,
    StressCheck,
    StressPolicy,
    evidence_fix,
    percent,
    rate_reason,
    share_outcome,
)
from evalgate.stress.checks.tiers import Tier, tier_named
from evalgate.stress.load.sessions import Loops
from evalgate.stress.simulation.outcome import Counts, StressOutcome, combined
from evalgate.text.counts import percent_text


def _rates(maker: Maker) -> list[StressCheck]:
    total = maker.total
    queue = "limit concurrency or put a queue in front: stress: admission"
    calls = Share(total.rate_limited, total.open_calls, total.calls)
    attempts = Share(total.throttled, 0, total.attempts)
    retries = "fewer retries, or full jitter on top of the server's hint"
    exhausted = Share(total.exhausted, total.open_calls, total.calls)
    return [
        maker.rate("rate_limit_error_rate", calls, "calls that failed on rate limits", queue),
        maker.rate("rate_limit_attempt_rate", attempts, "attempts that were throttled", queue),
        maker.rate("retry_exhaustion_rate", exhausted, "calls whose retries ran out", retries),
        _limit_share(maker),
    ]


def _limit_share(maker: Maker) -> StressCheck:
    total = maker.total
    share = Share(total.rate_limited, 0, total.failed)
    if share.total == 0:
        reason = "rate limits among failed calls: no call failed"
        return maker.make("rate_limit_share", None, "pass", reason)
    value = Fraction(share.bad, share.total)
    band = "good" if value < GOOD_SHARE else "improve" if value > percent(60) else "between"
    reason = f"rate limits among failed calls: {share.bad} of {share.total} ({band})"
    result: Outcome = "fail" if value > maker.limit("rate_limit_share") else "pass"
    return maker.make("rate_limit_share", float(value), result, reason, share=share)


def _retries(maker: Maker) -> list[StressCheck]:
    total = maker.total
    limit = maker.limit("retry_limit")
    over = sum(calls for number, calls in total.retries.items() if number > limit)
    layers = ", ".join(f"{name} {n}" for name, n in total.by_layer.items())
    made = f"; made by layer: {layers}" if layers else ""
    most = maker.bound(
        "retry_limit",
        Fraction(total.most_retries) if total.calls else None,
        f"the most retries of one call: {total.most_retries}, limit {limit}{made}",
        "turn retries off in all layers but one: layers multiply",
    )
    share = Share(over, 0, total.calls)
    amplification = Fraction(total.attempts, total.calls) if total.calls else None
    return [
        replace(most, numerator=share.bad, denominator=share.total),
        maker.bound(
            "retry_amplification",
            amplification,
            f"attempts a call: {total.attempts} for {total.calls}",
            "a retry budget of 20 % of calls",
        ),
    ]


def _capacity(maker: Maker) -> list[StressCheck]:
    outcome = maker.outcome
    found = []
    used = outcome.quota_utilisation
    if outcome.utilisation and used is not None:
        name = max(outcome.utilisation, key=lambda key: outcome.utilisation[key])
        reason = f"use of the quota, largest on {name}: {percent_text(used)}"
        limit = maker.limit("quota_utilisation")
        result: Outcome = "fail" if used >= float(limit) else "pass"
        warning = used > float(WARN_UTILISATION)
        fix = "reserve more quota (evalgate capacity), or spread the load"
        found.append(
            maker.make("quota_utilisation", used, result, reason, fix=fix, warning=warning)
        )
    recovery = outcome.recovery
    text = "refusals had not ended when time was up" if recovery is None else f"{recovery:.3g} s"
    found.append(
        maker.bound(
            "recovery_time",
            recovery,
            f"from the last arrival to the last refusal: {text}",
            "a queue with backpressure ends a storm sooner",
        )
    )
    return found


def _sessions(maker: Maker) -> list[StressCheck]:
    total = maker.total
    finished = f"{total.finished} of {total.sessions} sessions"
    continuity = Fraction(total.finished, total.sessions) if total.sessions else None
    useful = Fraction(total.useful, total.planned) if total.planned else None
    queue = "a queue keeps sessions alive that retries let die"
    return [
        replace(
            maker.bound("session_continuity_rate", continuity, f"finished: {finished}", queue),
            numerator=total.finished,
            denominator=total.sessions,
        ),
        replace(
            maker.bound(
                "goodput",
                useful,
                f"calls of finished sessions: {total.useful} of {total.planned} planned",
                queue,
            ),
            numerator=total.useful,
            denominator=total.planned,
        ),
        _inflation(maker),
    ]


def _inflation(maker: Maker) -> StressCheck:
    total = maker.total
    name = "completion_inflation_p95"
    q = percent(95)
    ideal = total.ideal.quantile(q)
    lost = total.sessions - total.finished
    if not ideal:
        reason = "p95 of completion: the recorded sessions take no time, nothing to compare with"
        return maker.make(name, None, "inconclusive", reason, fix="record traces with times")
    real = total.completion.quantile(q, beyond=lost)
    if real is None:
        reason = f"p95 of completion: without bound, {lost} of {total.sessions} never finish"
        return maker.make(name, None, "fail", reason, fix="see session_continuity_rate")
    reason = f"p95 of completion: {real:.3g} s against {ideal:.3g} s without any refusal"
    return maker.bound(name, real / ideal, reason, "more quota, or fewer sessions at once")


def _loops(maker: Maker, loops: Loops | None) -> list[StressCheck]:
    if not maker.policy.traces:
        return []
    fix = "record traces with LLM and tool calls"
    long = None if loops is None else loops.turn_calls
    wide = None if loops is None else loops.fan_out
    seen = "no LLM call in the traces" if loops is None else f"{loops.turns} turns looked at"
    return [
        maker.bound(
            "llm_calls_per_turn",
            None if long is None else Fraction(long),
            f"the most LLM calls in one turn: {'unknown' if long is None else long} ({seen})",
            fix if long is None else "stop the agent's loop after 10 calls",
        ),
        maker.bound(
            "tool_fan_out",
            None if wide is None else Fraction(wide),
            f"the most tool calls after one LLM call: {'unknown' if wide is None else wide}",
            fix if wide is None else "fewer tools at once",
        ),
    ]


def _silent(maker: Maker) -> list[StressCheck]:
    if maker.outcome.engine != "live":
        return []
    silent = maker.total.silent
    text = "not looked for" if silent is None else str(silent)
    return [
        maker.bound(
            "silent_failures",
            None if silent is None else Fraction(silent),
            f"failed calls that came back as a normal answer: {text}",
            "let the error reach the caller (ModelRetryMiddleware: on_failure='error')",
        )
    ]


def _tier_check(outcome: StressOutcome, tier: Tier) -> StressCheck:
    names = [name for name, of in outcome.tiers.items() if of == tier.name]
    counts: Counts = combined(outcome.groups[name] for name in names)
    share = Share(counts.failed, counts.open_calls, counts.calls)
    result, needed = share_outcome(share, tier.limit, strict=tier.strict, sampled=outcome.sampled)
    what = f"{tier.name} ({', '.join(names)}): calls that failed, all causes"
    return StressCheck(
        name="error_rate",
        scope=tier.name,
        value=share.bad / share.total if share.total else None,
        limit=float(tier.limit),
        outcome=result,
        gates=tier.gates,
        unit="ratio",
        reason=f"{rate_reason(share, what, tier.limit, needed, outcome)} [{tier.range}]",
        numerator=share.bad,
        denominator=share.total,
        needed=needed,
        fix=None
        if result == "pass"
        else (evidence_fix(needed) if needed else "reserve quota or queue: evalgate capacity"),
    )


_TIMELESS = frozenset({"llm_calls_per_turn", "tool_fan_out", "silent_failures"})
"""Checks that neither times nor tokens bear on."""

_FIX_TIMES = "record traces with start and end of each call"
_FIX_TOKENS = "record traces with input and output tokens of each call"


def _doubted(check: StressCheck, outcome: StressOutcome) -> StressCheck:
    """Unknown times settle nothing about rates; unknown tokens were charged as none."""
    if check.name in _TIMELESS:
        return check
    if not outcome.times_known:
        reason = f"{check.reason}; but when calls were made, or how long they took, is not known"
        return replace(check, outcome="inconclusive", reason=reason, fix=_FIX_TIMES)
    if not outcome.tokens_known and check.outcome == "pass":
        reason = f"{check.reason}; but calls without tokens were charged none"
        return replace(check, outcome="inconclusive", reason=reason, fix=_FIX_TOKENS)
    return check


def judge(
    outcome: StressOutcome,
    policy: StressPolicy | None = None,
    loops: Loops | None = None,
) -> tuple[StressCheck, ...]:
    """Make every check that applies.

    With tiers named, their error limits gate and the plain rate-limit checks are shown; without,
    the rate-limit checks gate.

    Args:
        outcome: What the run produced.
        policy: Configured limits; None: the defaults.
        loops: How the agent loops; None: there is no evidence of it.
    """
    policy = policy or StressPolicy({})
    names = dict.fromkeys(tier for tier in outcome.tiers.values() if tier is not None)
    tiers = [tier_named(name) for name in names]
    maker = Maker(outcome, policy, tiered=bool(tiers))
    found = [_tier_check(outcome, tier) for tier in tiers]
    found += _rates(maker)
    found += _retries(maker)
    found += _capacity(maker)
    found += _sessions(maker)
    found += _loops(maker, loops)
    found += _silent(maker)
    return tuple(_doubted(check, outcome) for check in found)


def _worst(outcomes: Iterable[Outcome]) -> Outcome:
    seen = set(outcomes)
    if "fail" in seen:
        return "fail"
    return "pass" if seen == {"pass"} else "inconclusive"


def overall(checks: Iterable[StressCheck]) -> Outcome:
    """Return what the gating checks add up to: fail before inconclusive before pass.

    Without a single gating check that is inconclusive: no evidence is never a pass.
    """
    return _worst(check.outcome for check in checks if check.gates)


def tier_outcomes(checks: Iterable[StressCheck]) -> dict[str, Outcome]:
    """Return the verdict of each named tier: its error rate and every gating check of the run."""
    found = list(checks)
    shared = [check.outcome for check in found if check.gates and check.scope == "all"]
    return {
        check.scope: _worst([check.outcome, *shared]) for check in found if check.scope != "all"
    }


def as_check(check: StressCheck) -> Check:
    """Return a stress check in the form that every report, renderer and exit code knows."""
    name = f"stress.{check.name}" + ("" if check.scope == "all" else f".{check.scope}")
    return Check(
        id=name,
        kind="stress",
        gate="standard" if check.gates else "advisory",
        outcome=check.outcome,
        metric=f"stress_{check.name}",
        unit=check.unit,
        direction="higher" if check.higher else "lower",
        candidate=check.value,
        threshold=check.limit,
        threshold_unit="absolute",
        reason=check.reason,
        fix=check.fix,
    )
