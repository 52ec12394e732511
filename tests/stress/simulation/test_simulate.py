"""The simulator: expected numbers, closed forms, real traffic, determinism."""

import json
from dataclasses import replace
from math import exp, factorial
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalgate.quota.profiles import PROFILES
from evalgate.quota.quota import Quota, Request
from evalgate.quota.units import SECOND, exponential
from evalgate.stress.load.arrivals import parse_arrivals
from evalgate.stress.load.workload import (
    Call,
    Closed,
    Group,
    Poisson,
    Ramp,
    SessionPlan,
    Stage,
    Workload,
    from_arrivals,
)
from evalgate.stress.simulation.admission import Admission
from evalgate.stress.simulation.faults import FAULTS, FaultProfile
from evalgate.stress.simulation.outcome import as_data, merge_outcomes
from evalgate.stress.simulation.retry import RetryBudget, layers
from evalgate.stress.simulation.simulate import Scenario, simulate


def _plan(*calls: Call, gap: int = 0) -> SessionPlan:
    return SessionPlan(tuple(Stage((call,), gap) for call in calls))


ONE = _plan(Call(Request(500, 200, 4000)))


def _burst(sessions: int, plan: SessionPlan = ONE) -> Workload:
    return Workload((Group("a", (plan,), sessions),))


@pytest.mark.parametrize("policy", ["exact", "openai", "anthropic"])
def test_180_calls_at_once(policy: str) -> None:
    """Spec, expected number 2: 60 RPM, burst 60, retry-after obeyed, 2 retries."""
    total = simulate(Scenario(_burst(180), Quota(rpm=60, burst=60), layers(policy))).total
    assert (62, 118, 419, 357) == (
        total.succeeded,
        total.exhausted,
        total.attempts,
        total.throttled,
    )


def test_denominators_differ() -> None:
    """Spec: 85 % of attempts against 66 % of calls in that case."""
    total = simulate(Scenario(_burst(180), Quota(rpm=60), layers("exact"))).total
    assert (0.85, 0.66) == (
        round(total.throttled / total.attempts, 2),
        round(total.rate_limited / total.calls, 2),
    )


@pytest.mark.parametrize(("charge", "expected"), [("actual", 20), ("max", 7), ("sum", 6)])
def test_charges(charge: str, expected: int) -> None:
    """Spec, expected number 5: 20 calls at once, 30,000 TPM."""
    quota = Quota(tpm=30_000, charge=charge)  # type: ignore[arg-type]  # literal
    assert expected == simulate(Scenario(_burst(20), quota)).total.succeeded


def _md1b_loss(rate: float, places: int) -> float:
    """Loss of M/D/1/B from the chain embedded at departures (Gross and Harris, 5.1.7).

    q are the stationary odds that a departure leaves n behind, for n < places; the loss is
    1 - 1 / (q_0 + rate).
    """
    arrivals = [exp(-rate) * rate**k / factorial(k) for k in range(places + 1)]
    odds = [1.0]
    for n in range(places - 1):
        inflow = odds[0] * arrivals[n] + sum(odds[j] * arrivals[n - j + 1] for j in range(1, n + 1))
        odds.append((odds[n] - inflow) / arrivals[0])
    return 1 - 1 / (odds[0] / sum(odds) + rate)


@pytest.mark.parametrize(
    ("rate", "burst", "expected"), [(0.9, 5, 0.06436190), (1.0, 10, 0.05084746)]
)
def test_poisson_on_a_bucket_is_md1b(rate: float, burst: int, expected: float) -> None:
    """Spec, expected number 6; the closed form, and ten seeds of 4,000 calls around it."""
    assert expected == pytest.approx(_md1b_loss(rate, burst), abs=1e-8)
    workload = Workload((Group("a", (ONE,), 4_000),), Poisson(rate))
    scenario = Scenario(workload, Quota(rpm=60, burst=burst))
    losses = [_loss(scenario, seed) for seed in range(10)]
    _assert_near(expected, losses)


def _loss(scenario: Scenario, seed: int) -> float:
    total = simulate(scenario, seed).total
    return total.throttled / total.attempts


def _assert_near(expected: float, runs: list[float]) -> None:
    """Within the t interval of ten seeds that holds 99.9 % (t = 4.781)."""
    mean = sum(runs) / len(runs)
    spread = (sum((x - mean) ** 2 for x in runs) / (len(runs) - 1) / len(runs)) ** 0.5
    assert abs(mean - expected) < 4.781 * spread


def _erlang_b(servers: int, offered: float) -> float:
    terms = [offered**k / factorial(k) for k in range(servers + 1)]
    return terms[-1] / sum(terms)


@pytest.mark.slow
@pytest.mark.parametrize("law", ["fixed", "exponential"])
def test_concurrency_without_a_queue_is_erlang_b(law: str) -> None:
    """Spec, expected number 7: N 10, a 8, whatever the law of the durations."""
    assert _erlang_b(10, 8.0) == pytest.approx(0.12166106, abs=1e-8)
    rng = Random(11)  # noqa: S311  a seeded law
    lengths = (
        [SECOND] * 1
        if law == "fixed"
        else [round(exponential(rng) * SECOND) for _ in range(20_000)]
    )
    plans = tuple(_plan(Call(Request(), length)) for length in lengths)
    workload = Workload(
        (Group("a", plans, 20_000),), Poisson(8.0 / (sum(lengths) / len(lengths) / SECOND))
    )
    losses = [_loss(Scenario(workload, Quota(max_concurrency=10)), seed) for seed in range(10)]
    _assert_near(_erlang_b(10, 8.0), losses)


def test_independent_failures() -> None:
    """Spec, expected number 8: p = .6, 2 retries: 1.96 attempts a call, .216 exhausted."""
    faults = FaultProfile("x", (("server_error", 0.6),))
    scenario = Scenario(_burst(4_000), Quota(), layers("openai"), faults)
    runs = [simulate(scenario, seed).total for seed in range(10)]
    _assert_near(1.96, [run.attempts / run.calls for run in runs])
    _assert_near(0.216, [run.exhausted / run.calls for run in runs])
    assert pytest.approx(0.6**3) == 0.216


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        (Quota(rpm=300), 358),
        (Quota(rpm=200), 1681),
        (Quota(tpm=300_000), 2043),
        (Quota(rpm=300, limiter="fixed"), 1275),
        (Quota(rpm=300, limiter="sliding"), 1896),
    ],
)
def test_the_real_trace(shared_data: Path, quota: Quota, expected: int) -> None:
    """Spec, expected number 9: 429s of 8,819 real calls without retry (data/README.md)."""
    path = shared_data / "traffic" / "AzureLLMInferenceTrace_code.csv"
    workload = from_arrivals(parse_arrivals(path.read_text(), "csv"))
    outcome = simulate(Scenario(workload, quota))
    assert (8819, expected, False) == (
        outcome.total.calls,
        outcome.total.throttled,
        outcome.sampled,
    )


SESSION = _plan(
    Call(Request(100, 50), SECOND), Call(Request(200, 50), SECOND), Call(Request(300, 50), SECOND)
)


def test_a_session_dies_with_its_call() -> None:
    """Later calls of a dead session are never offered: 10 at t = 0, 4 at t = 1, 1 at t = 2."""
    total = simulate(Scenario(_burst(10, SESSION), Quota(rpm=60, burst=4))).total
    assert (1, 9, 30) == (total.finished, total.exhausted, total.planned)
    assert 10 + 4 + 1 == total.calls


def test_layers_multiply() -> None:
    """Spec: under a LangGraph RetryPolicy one call makes 9 attempts; the layer is named."""
    faults = FaultProfile("down", (("overloaded", 1.0),))
    outcome = simulate(Scenario(_burst(1), Quota(), layers("openai+langgraph"), faults))
    assert (9, 8) == (outcome.total.attempts, outcome.total.most_retries)
    assert {"openai": 6, "langgraph": 2} == outcome.total.by_layer


def test_a_requeue_is_no_retry_of_a_call() -> None:
    """Staged: up to 4 re-queues with at most 2 retries within each."""
    faults = FaultProfile("down", (("overloaded", 1.0),))
    total = simulate(Scenario(_burst(1), Quota(), layers("openai+staged"), faults)).total
    assert (15, 2) == (total.attempts, total.most_retries)


def test_what_never_fits_is_told_apart() -> None:
    """It is retried like any 429, fails, and is not called exhausted."""
    outcome = simulate(Scenario(_burst(3), Quota(tpm=500), layers("exact")))
    total = outcome.total
    assert (3, 0, 9, {"never_fits": 9}) == (
        total.never_fits,
        total.exhausted,
        total.attempts,
        total.throttles,
    )


def test_fan_out_waits_for_the_slowest_and_dies_together() -> None:
    """Three calls at once with room for two: the session fails, the others still end."""
    stage = Stage(tuple(Call(Request(), SECOND) for _ in range(3)))
    workload = _burst(1, SessionPlan((stage, stage)))
    good = simulate(Scenario(workload, Quota(rpm=60))).total
    assert (1, 6) == (good.finished, good.succeeded)
    bad = simulate(Scenario(workload, Quota(rpm=60, burst=2))).total
    assert (0, 3, 2, 1) == (bad.finished, bad.calls, bad.succeeded, bad.exhausted)


def test_a_waiting_call_is_dropped_with_its_session() -> None:
    """One call never fits and is given up after 1.5 s; the other would try again after 10 s."""
    first, waits, never = (Call(Request(tokens, 0)) for tokens in (6000, 1000, 7000))
    workload = _burst(1, SessionPlan((Stage((first, waits, never)),)))
    total = simulate(Scenario(workload, Quota(tpm=6000), layers("exact"))).total
    assert (1, 1, 1, 5) == (total.succeeded, total.never_fits, total.cancelled, total.attempts)


def test_completion_times_are_those_of_finished_sessions() -> None:
    """Three calls of a second each, and the waits for a slow quota on top."""
    free = as_data(simulate(Scenario(_burst(5, SESSION), Quota())))
    assert (3.0, 3.0) == (free["completion_time_p50"], free["completion_time_p95"])
    slow = as_data(simulate(Scenario(_burst(1, SESSION), Quota(rpm=30, burst=1), layers("exact"))))
    assert 5.0 == slow["completion_time_p50"]


def test_utilisation() -> None:
    """Spec: admitted charge / (limit x time + burst): 62 of 60 + 2 in two seconds is 1."""
    outcome = simulate(Scenario(_burst(180), Quota(rpm=60, tpm=10**6), layers("exact")))
    assert 1.0 == outcome.utilisation["requests"]
    assert outcome.utilisation["tokens"] < 0.1
    assert 1.0 == outcome.quota_utilisation


def test_recovery_runs_from_the_last_arrival_to_the_last_refusal() -> None:
    """The burst of 180 is refused until t = 2 s."""
    assert 2.0 == simulate(Scenario(_burst(180), Quota(rpm=60), layers("exact"))).recovery
    assert 0.0 == simulate(Scenario(_burst(10), Quota(rpm=60))).recovery


def test_a_closed_loop_keeps_its_users_busy() -> None:
    """Two users and six sessions of three seconds take nine seconds."""
    workload = Workload((Group("a", (SESSION,), 6),), Closed(2))
    outcome = simulate(Scenario(workload, Quota()))
    assert (6, 9.0) == (outcome.total.finished, outcome.end)


def test_a_closed_loop_of_instant_failures_ends() -> None:
    """Sessions that die at once do not nest."""
    workload = Workload((Group("a", (ONE,), 5000),), Closed(1))
    assert 5000 == simulate(Scenario(workload, Quota(tpm=1))).total.never_fits


def test_a_horizon_leaves_sessions_open() -> None:
    """What has no end when time is up is neither finished nor failed."""
    outcome = simulate(Scenario(_burst(3, SESSION), Quota(), horizon=1.5))
    assert (0, 6, 3, 3, None) == (
        outcome.total.finished,
        outcome.total.calls,
        outcome.total.succeeded,
        outcome.total.open_calls,
        outcome.recovery,
    )


def test_a_retry_budget_stops_a_storm() -> None:
    """With everything down, 20 retries for 100 calls are left of 200."""
    faults = FaultProfile("down", (("overloaded", 1.0),))
    plain = Scenario(_burst(100), Quota(), layers("openai"), faults)
    assert 300 == simulate(plain).total.attempts
    held = Scenario(_burst(100), Quota(), layers("openai"), faults, budget=RetryBudget())
    assert 120 == simulate(held).total.attempts


def test_faults_are_counted_by_cause() -> None:
    """The profile's causes and nothing else; every call has an end."""
    outcome = simulate(Scenario(_burst(5000), Quota(), faults=FAULTS["datadog-2026"]))
    total = outcome.total
    assert {"overloaded", "server_error", "timeout"} == set(total.causes)
    assert abs(total.failed / total.calls - 0.02) < 5 * (0.02 / 5000) ** 0.5
    assert 0 == total.open_calls


def test_chance_is_told() -> None:
    """Arrivals one by one with obeyed hints draw nothing; ties, jitter, faults, Poisson do."""
    quota = Quota(rpm=60, burst=5)
    poisson = Workload((Group("a", (ONE,), 20),), Poisson(1.0))
    apart = Workload((Group("a", (ONE,), 20),), Ramp(7.0))
    assert [False, True, True, True, True] == [
        simulate(scenario).sampled
        for scenario in (
            Scenario(apart, quota, layers("openai")),
            Scenario(_burst(20), quota, layers("openai")),
            Scenario(_burst(20), quota, layers("langgraph")),
            Scenario(_burst(20), Quota(), faults=FAULTS["datadog-2026"]),
            Scenario(poisson, quota),
        )
    ]


def test_seeds_are_added_up_and_exact_runs_say_that_they_are() -> None:
    """Three seeds of a sampled scenario; one without chance needs no second."""
    jittered = Scenario(_burst(20), Quota(rpm=60, burst=5), layers("langgraph"))
    merged = merge_outcomes([simulate(jittered, seed) for seed in range(3)])
    assert (3, 60) == (merged.seeds, merged.total.calls)
    apart = Workload((Group("a", (ONE,), 20),), Ramp(7.0))
    exact = Scenario(apart, Quota(rpm=60, burst=5), layers("exact"))
    assert not simulate(exact, 0).sampled


def _bytes(scenario: Scenario, seed: int) -> str:
    return json.dumps(as_data(simulate(scenario, seed)))


@settings(max_examples=25)
@given(
    st.integers(1, 40),
    st.integers(1, 200),
    st.sampled_from(["none", "openai", "openai+langgraph", "staged"]),
    st.booleans(),
    st.sampled_from(["none", "datadog-2026"]),
    st.integers(0, 2**31),
)
def test_every_call_has_one_end_and_a_seed_fixes_every_byte(
    sessions: int,
    rpm: int,
    retry: str,
    queued: bool,  # noqa: FBT001  drawn value
    faults: str,
    seed: int,
) -> None:
    """Calls = succeeded + exhausted + never_fits + abandoned + cancelled, twice the same bytes."""
    workload = Workload((Group("a", (SESSION, ONE), sessions),), Poisson(3.0))
    admission = Admission(max_wait=5.0) if queued else None
    scenario = Scenario(
        workload, Quota(rpm=rpm, max_concurrency=9), layers(retry), FAULTS[faults], admission
    )
    outcome = simulate(scenario, seed)
    total = outcome.total
    assert 0 == total.open_calls
    assert total.failed == sum(total.causes.values())
    assert total.sessions == sessions
    assert total.attempts == sum(outcome.series.admitted) + total.throttled + sum(
        outcome.series.turned_away
    )
    assert _bytes(scenario, seed) == _bytes(scenario, seed)


def test_digits_that_hold_on_every_machine() -> None:
    """A seed of a scenario with every kind of chance, worked out once and written down."""
    workload = Workload((Group("a", (SESSION,), 200), Group("b", (ONE,), 100)), Poisson(5.0))
    scenario = Scenario(
        workload, Quota(rpm=300), layers("openai+langgraph"), FAULTS["datadog-2026"]
    )
    outcome = simulate(scenario, 1)
    total = outcome.total
    expected = [629, 1142, 496, 17, 127.015142136]
    assert expected == [total.succeeded, total.attempts, total.throttled, total.errors, outcome.end]


def test_more_quota_helps() -> None:
    """Twice the limit never serves fewer calls of the same burst."""
    served = [
        simulate(Scenario(_burst(180), Quota(rpm=n), layers("exact"))).total.succeeded
        for n in (30, 60, 120, 240)
    ]
    assert served == sorted(served)


def test_the_order_of_what_comes_at_once_is_drawn() -> None:
    """Two kinds at once with room for half: who gets it differs by seed, how many does not."""
    groups = (Group("a", (ONE,), 10), Group("b", (ONE,), 10))
    runs = [simulate(Scenario(Workload(groups), Quota(rpm=10)), seed) for seed in range(20)]
    assert {10} == {run.total.succeeded for run in runs}
    shares = [run.groups["a"].succeeded for run in runs]
    assert 3 < len(set(shares))
    assert 80 < sum(shares) < 120


def _served(quota: Quota) -> tuple[int, int, int]:
    sessions = _burst(80, _plan(*[Call(Request())] * 3))
    total = simulate(Scenario(sessions, quota, layers("openai"))).total
    return total.finished, total.failed, total.throttled


def test_a_server_without_a_hint_and_one_with() -> None:
    """rate_limits.md: 80 sessions of 3 calls at 60 a minute, a real LiteLLM proxy.

    Real: 80 of 140 calls fail, no session finishes, 724 throttled in 3 runs (241 each).
    """
    quiet = Quota(rpm=60, limiter="fixed", hint="none")
    assert (0, 80, 240) == _served(quiet)
    finished, failed, _ = _served(Quota(rpm=60, limiter="fixed"))
    assert 80 == finished + failed
    assert failed < 20
    assert quiet == replace(PROFILES["litellm"], rpm=60, profile="custom")


def test_two_weighted_windows() -> None:
    """rate_limits.md: 79 of 80 sessions die on the sliding counter of `limits`, hint or none."""
    for hint in ("none", "seconds"):
        finished, failed, _ = _served(Quota(rpm=60, limiter="sliding-counter", hint=hint))
        assert 80 == finished + failed
        assert 78 <= failed


def test_a_date_is_obeyed_to_the_second() -> None:
    """One call a second from a bucket of 1: the hint of 0.5 s names the next whole second."""
    workload = Workload((Group("a", (ONE,), 2),), Ramp(0.5))
    slow = Scenario(workload, Quota(rpm=60, burst=1, hint="date"), layers("openai"))
    outcome = simulate(slow)
    assert (2, 1) == (outcome.total.succeeded, outcome.total.throttled)
    assert outcome.end == pytest.approx(1.0, abs=1e-3)


@pytest.mark.slow
def test_reservation_by_concurrency_alone() -> None:
    """Erlang with 10 servers, 2 kept for critical: losses .00985096 and .28075248."""
    rng = Random(5)  # noqa: S311  a seeded law
    plans = tuple(_plan(Call(Request(), round(exponential(rng) * SECOND))) for _ in range(20_000))
    mean = sum(plan.stages[0].calls[0].duration for plan in plans) / len(plans) / SECOND
    groups = (Group("c", plans, 4_000, 0, critical=True), Group("n", plans, 12_000))
    workload = Workload(groups, Poisson(8.0 / mean))
    admission = Admission(reserve=20, max_queue=0)
    runs = [
        simulate(Scenario(workload, Quota(max_concurrency=10), (), admission=admission), seed)
        for seed in range(10)
    ]
    for name, expected in (("c", 0.00985096), ("n", 0.28075248)):
        losses = [run.groups[name].abandoned / run.groups[name].calls for run in runs]
        _assert_near(expected, losses)


@pytest.mark.slow
def test_a_queue_of_three_before_two_servers_is_mm25() -> None:
    """M/M/2/5, offered 1.6: losses, mean wait of the served and longest queue, closed form."""
    load, servers, places = 1.6, 2, 5
    odds = [
        load**n / factorial(min(n, servers)) / servers ** max(0, n - servers)
        for n in range(places + 1)
    ]
    shares = [odd / sum(odds) for odd in odds]
    waiting = sum((n - servers) * p for n, p in enumerate(shares) if n > servers)
    lost = shares[-1]
    rng = Random(7)  # noqa: S311  a seeded law
    plans = tuple(_plan(Call(Request(), round(exponential(rng) * SECOND))) for _ in range(20_000))
    mean = sum(plan.stages[0].calls[0].duration for plan in plans) / len(plans) / SECOND
    workload = Workload((Group("a", plans, 10_000),), Poisson(load / mean))
    admission = Admission(reservation="none", max_queue=places - servers)
    scenario = Scenario(workload, Quota(max_concurrency=servers), (), admission=admission)
    runs = [simulate(scenario, seed) for seed in range(10)]
    _assert_near(lost, [run.total.abandoned / run.total.calls for run in runs])
    waits = []
    for run in runs:
        assert run.queue is not None
        assert 3 == run.queue.longest
        waits.append(run.queue.waited / run.queue.released / SECOND / mean)
    _assert_near(waiting / (load * (1 - lost)), waits)
