"""The quota model: expected numbers of the specification, atomicity, settling, bad limits."""

import csv
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.errors import ConfigError
from evalgate.quota.limiters import Bucket, FixedWindow, SlidingCounter, SlidingLog
from evalgate.quota.quota import (
    NO_HINT,
    Admitted,
    Charge,
    NeverFits,
    Quota,
    Rejected,
    Request,
    admit,
    attempt,
    attempt_on,
    new_state,
    oversized,
    real_cost,
    reserve,
    settle,
    use,
)
from evalgate.quota.units import MINUTE, SECOND, nanoseconds


def _admitted(quota: Quota, moments: list[int], request: Request | None = None) -> int:
    state = new_state(quota)
    one = request or Request()
    return sum(isinstance(admit(state, one, now), Admitted) for now in moments)


def _every_quarter() -> list[int]:
    return [i * SECOND // 4 for i in range(180)]


@pytest.mark.parametrize(("burst", "expected"), [(60, 104), (1, 45)])
def test_burst_decides_how_many_of_180_fit(burst: int, expected: int) -> None:
    """Spec, expected number 3: 180 arrivals 0.25 s apart, 60 RPM, no retry."""
    assert expected == _admitted(Quota(rpm=60, burst=burst), _every_quarter())


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        (Quota(rpm=60, limiter="fixed"), 120),
        (Quota(rpm=60, limiter="sliding"), 60),
        (Quota(rpm=60, limiter="bucket"), 60),
    ],
)
def test_the_edge_of_a_window(quota: Quota, expected: int) -> None:
    """Spec, expected number 4: 60 calls at 59.9 s and 60 at 60.1 s; windows start at 0."""
    state = new_state(quota, start=0)
    moments = [nanoseconds(59.9)] * 60 + [nanoseconds(60.1)] * 60
    assert expected == sum(isinstance(admit(state, Request(), t), Admitted) for t in moments)


@pytest.mark.parametrize(("charge", "expected"), [("actual", 20), ("max", 7), ("sum", 6)])
def test_what_a_call_is_charged(charge: Charge, expected: int) -> None:
    """Spec, expected number 5: 20 calls at once, 30,000 TPM, real cost 700, max_tokens 4,000."""
    request = Request(input_tokens=500, output_tokens=200, max_tokens=4000)
    assert expected == _admitted(Quota(tpm=30_000, charge=charge), [0] * 20, request)


def _traffic(folder: Path) -> list[tuple[int, Request]]:
    """Read the trace with nothing of our own: nanoseconds since 18:17:00 and tokens."""
    origin = datetime(2023, 11, 16, 18, 17)  # noqa: DTZ001  the file names no zone
    with (folder / "traffic" / "AzureLLMInferenceTrace_code.csv").open() as file:
        found = []
        for row in csv.DictReader(file):
            whole, part = row["TIMESTAMP"].split(".")
            passed = datetime.fromisoformat(whole) - origin
            now = int(passed.total_seconds()) * SECOND + int(part.ljust(9, "0"))
            tokens = int(row["ContextTokens"]), int(row["GeneratedTokens"])
            found.append((now, Request(*tokens)))
    return found


@pytest.mark.parametrize(
    ("quota", "start", "expected"),
    [
        (Quota(rpm=300), None, 358),
        (Quota(rpm=200), None, 1681),
        (Quota(tpm=300_000), None, 2043),
        (Quota(rpm=300, limiter="fixed"), None, 1275),
        (Quota(rpm=300, limiter="fixed"), 0, 1194),
        (Quota(rpm=300, limiter="sliding"), None, 1896),
    ],
)
def test_rejections_of_a_real_trace(
    shared_data: Path, quota: Quota, start: int | None, expected: int
) -> None:
    """Counts of data/README.md; 1194 with windows on the wall minute: spec, expected number 9."""
    state = new_state(quota, start)
    traffic = _traffic(shared_data)
    assert len(traffic) == 8819
    rejected = sum(not isinstance(admit(state, call, now), Admitted) for now, call in traffic)
    assert expected == rejected


def test_a_rejection_names_its_wait_and_dimension() -> None:
    """Spec, fact of OpenAI's limiter: (29937 + 385 - 30000) / (30000 / 60 s) = 0.644 s."""
    state = new_state(Quota(rpm=100, tpm=30_000))
    admit(state, Request(29_937, 0), 0)
    assert Rejected(644_000_000, "tokens") == admit(state, Request(385, 0), 0)


def test_all_or_nothing() -> None:
    """A call refused for its tokens takes no request."""
    state = new_state(Quota(rpm=2, tpm=100))
    admit(state, Request(90, 0), 0)
    admit(state, Request(50, 0), 0)
    assert [1, 90] == [dimension.used for dimension in use(state, 0)]
    assert isinstance(admit(state, Request(10, 0), 0), Admitted)


def test_larger_than_the_whole_limit_never_fits() -> None:
    """It is told apart from what waiting cures, and takes nothing."""
    state = new_state(Quota(rpm=10, tpm=100))
    assert NeverFits("tokens") == admit(state, Request(101, 0), 0)
    assert isinstance(admit(state, Request(100, 0), 0), Admitted)


def test_exactly_the_limit_fits() -> None:
    """The boundary belongs to the limit; one nanosecond before the refill it does not fit."""
    state = new_state(Quota(rpm=60, burst=1))
    assert isinstance(admit(state, Request(), 0), Admitted)
    assert Rejected(1, "requests") == admit(state, Request(), SECOND - 1)
    assert isinstance(admit(state, Request(), SECOND), Admitted)


def test_concurrency_frees_with_settling() -> None:
    """A slot is taken until its call is settled, and its wait is not known."""
    state = new_state(Quota(max_concurrency=1))
    first = admit(state, Request(), 0)
    assert isinstance(first, Admitted)
    assert Rejected(None, "concurrency") == admit(state, Request(), 5)
    settle(state, first.reservation, None, 6)
    assert isinstance(admit(state, Request(), 6), Admitted)


def test_settling_gives_back_the_difference() -> None:
    """Reserved 4,000, real 700: the rest may be used by others."""
    quota = Quota(tpm=4000, charge="sum")
    state = new_state(quota)
    request = Request(500, 200, 3500)
    first = admit(state, request, 0)
    assert isinstance(first, Admitted)
    settle(state, first.reservation, real_cost(quota, request), 0)
    assert use(state, 0)[0].used == 700


def test_openai_gives_nothing_back() -> None:
    """Without settling the reservation stands."""
    quota = Quota(tpm=4000, charge="sum", settles=False)
    state = new_state(quota)
    first = admit(state, Request(500, 200, 3500), 0)
    assert isinstance(first, Admitted)
    settle(state, first.reservation, (700,), 0)
    assert use(state, 0)[0].used == 4000


def test_anthropic_counts_output_as_it_is_produced() -> None:
    """Cache reads are free, max_tokens does not count, output may run into debt."""
    quota = Quota(input_tpm=1000, output_tpm=100, charge="anthropic")
    state = new_state(quota)
    request = Request(900, 250, 4000, cached_tokens=800)
    first = admit(state, request, 0)
    assert Admitted(first.reservation) == first if isinstance(first, Admitted) else False
    assert [100, 1] == [d.used for d in use(state, 0)]
    assert isinstance(first, Admitted)
    settle(state, first.reservation, real_cost(quota, request), 0)
    assert [100, 250] == [d.used for d in use(state, 0)]
    assert isinstance(admit(state, request, 0), Rejected)


@pytest.mark.parametrize(
    ("charge", "expected"), [("max", (700,)), ("sum", (700,)), ("actual", (700,))]
)
def test_without_max_tokens_the_real_cost_is_charged(
    charge: Charge, expected: tuple[int, ...]
) -> None:
    """An unknown ceiling is not a ceiling of zero."""
    assert expected == reserve(Quota(tpm=10_000, charge=charge), Request(500, 200))


def test_the_larger_of_input_and_ceiling_is_charged() -> None:
    """OpenAI's rule: a long prompt with a short answer costs its prompt."""
    assert (5000,) == reserve(Quota(tpm=10_000, charge="max"), Request(5000, 10, 100))


def test_counted_rejections_keep_the_bucket_empty() -> None:
    """With burst 1 a rejection starts the second anew: asking every 0.9 s never gets in."""
    state = new_state(Quota(rpm=60, burst=1, count_rejected=True))
    step = nanoseconds(0.9)
    decisions = [admit(state, Request(), i * step) for i in range(20)]
    assert 1 == sum(isinstance(decision, Admitted) for decision in decisions)
    assert Rejected(SECOND, "requests") == decisions[1]


def test_counted_rejections_never_pass_the_limit() -> None:
    """Real messages never show more used than the limit: a thousand rejections cost one window."""
    state = new_state(Quota(rpm=60, count_rejected=True))
    for _ in range(1000):
        admit(state, Request(), 0)
    assert use(state, 0)[0].used == 60


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(60, Rejected(nanoseconds(8.1), "tokens")), (53, Rejected(2 * SECOND, "requests"))],
)
def test_a_counted_rejection_names_what_waits_longest(tokens: int, expected: Rejected) -> None:
    """8.1 tokens are in use after 1.9 s, and the counted rejection empties the bucket for 2 s."""
    state = new_state(Quota(rpm=30, tpm=60, burst=1, count_rejected=True))
    admit(state, Request(10, 0), 0)
    assert expected == admit(state, Request(tokens, 0), nanoseconds(1.9))


def test_every_rejection_counts() -> None:
    """For want of a slot, and of what can never fit: each is one of the requests."""
    busy = new_state(Quota(rpm=60, max_concurrency=1, count_rejected=True))
    assert isinstance(admit(busy, Request(), 0), Admitted)
    assert Rejected(None, "concurrency") == admit(busy, Request(), 0)
    assert 2 == use(busy, 0)[0].used
    small = new_state(Quota(rpm=60, tpm=10, count_rejected=True))
    assert isinstance(admit(small, Request(11, 0), 0), NeverFits)
    assert [1, 0] == [found.used for found in use(small, 0)]


def test_what_is_left_is_what_is_not_used() -> None:
    """One of 60 requests and 10 of 100 tokens are used."""
    state = new_state(Quota(rpm=60, tpm=100))
    admit(state, Request(10, 0), 0)
    assert [(1, 59), (10, 90)] == [(found.used, found.remaining) for found in use(state, 0)]


def test_azure_checks_requests_over_a_finer_window() -> None:
    """60 RPM over 10 s windows is 10 at a time, tokens stay with the minute."""
    quota = Quota(rpm=60, tpm=1000, limiter="fixed", request_window=10.0)
    assert [("requests", 10, 10 * SECOND), ("tokens", 1000, MINUTE)] == [
        (d.name, d.limit, d.window) for d in quota.dimensions
    ]
    assert 10 == _admitted(quota, [0] * 30)


def test_a_day_is_a_window_too() -> None:
    """Spec, expected number 1: 1.5 million tokens a day, 1484072 used, 16144 asked: 12.4416 s."""
    state = new_state(Quota(tpm=1_500_000, window=86_400.0))
    admit(state, Request(1_484_072, 0), 0)
    assert Rejected(12_441_600_000, "tokens") == admit(state, Request(16_144, 0), 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"rpm": 0},
        {"rpm": -1},
        {"tpm": 10**13},
        {"rpm": True},
        {"rpm": 1.5},
        {"max_concurrency": 0},
        {"rpm": 60, "burst": 0},
        {"burst": 5},
        {"rpm": 60, "burst": 5, "limiter": "fixed"},
        {"tpm": 5, "count_rejected": True},
        {"rpm": 60, "window": 0.0},
        {"rpm": 60, "window": float("nan")},
        {"rpm": 60, "request_window": float("inf")},
    ],
)
def test_absurd_quotas_are_refused(fields: dict[str, object]) -> None:
    """Zero, negative, absurd and contradictory limits name themselves."""
    with pytest.raises(ConfigError):
        Quota(**fields)  # type: ignore[arg-type]  # that is the point


def test_no_limit_admits_everything() -> None:
    """A quota without limits has no dimension."""
    assert 1000 == _admitted(Quota(), [0] * 1000)


_LIMITERS = st.sampled_from(["bucket", "fixed", "sliding"])


@given(
    _LIMITERS,
    st.integers(1, 5),
    st.integers(1, 300) | st.none(),
    st.integers(1, 3) | st.none(),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 10**10), st.integers(0, 200)), max_size=40),
)
def test_no_decision_leaves_a_trace_of_half_a_charge(
    limiter: str,
    rpm: int,
    tpm: int | None,
    slots: int | None,
    counted: bool,  # noqa: FBT001  drawn value
    steps: list[tuple[int, int]],
) -> None:
    """A rejected call changes no token count, an admitted one every count by its cost."""
    quota = Quota(
        rpm=rpm,
        tpm=tpm,
        max_concurrency=slots,
        limiter=limiter,  # type: ignore[arg-type]  # drawn
        count_rejected=counted,
        window=10.0,
    )
    state = new_state(quota)
    now = 0
    for gap, cost in steps:
        now += gap
        before = {d.name: d.used for d in use(state, now)}
        decision = admit(state, Request(cost, 0), now)
        after = {d.name: d.used for d in use(state, now)}
        if isinstance(decision, Admitted):
            assert after["requests"] == before["requests"] + 1
            assert tpm is None or after["tokens"] == before["tokens"] + cost
        else:
            assert after.get("tokens") == before.get("tokens")
            assert after["requests"] in {before["requests"], min(rpm, before["requests"] + 1)}


@given(
    st.integers(1, 10),
    st.integers(1, 1000) | st.none(),
    st.lists(
        st.tuples(st.integers(0, 10**9) | st.integers(0, 10**10), st.integers(0, 400)), max_size=40
    ),
)
def test_the_short_way_is_the_long_way(
    rpm: int, tpm: int | None, steps: list[tuple[int, int]]
) -> None:
    """`attempt`, `attempt_on` and a state whose shape has no short way give the same waits."""
    quota = Quota(rpm=rpm, tpm=tpm)
    short, bound = new_state(quota), new_state(quota)
    long = new_state(Quota(rpm=rpm, tpm=tpm, max_concurrency=10**6))
    call = attempt_on(bound)
    now = 0
    for gap, cost in steps:
        now += gap
        charges = reserve(quota, Request(cost, 0))
        if oversized(quota, charges) is None:
            expected = attempt(long, charges, now)
            assert [expected, expected] == [attempt(short, charges, now), call(charges, now)]


def test_no_hint_is_no_wait() -> None:
    """The internal mark is negative, so that it cannot be taken for a wait."""
    assert NO_HINT < 0


def test_an_excess_of_one_unit_is_a_wait() -> None:
    """5 seconds in nanoseconds leave 1 when divided by 17: the 18th call waits for that one."""
    limit, window = 17, 5 * SECOND
    assert window % limit == 1
    short = new_state(Quota(rpm=limit, window=5))
    long = new_state(Quota(rpm=limit, window=5, max_concurrency=10**6))
    call = attempt_on(short)
    for moment in [0] * limit:
        assert [0, 0] == [call((1,), moment), attempt(long, (1,), moment)]
    waits = []
    for moment in range(window // limit - 2, window // limit + 3):
        waits.append(call((1,), moment))
        assert waits[-1] == attempt(long, (1,), moment)
    assert waits[:4] == [3, 2, 1, 0]


def test_every_kind_of_limiter_is_made() -> None:
    """By the name that the configuration gives it."""
    kinds = {
        "bucket": Bucket,
        "fixed": FixedWindow,
        "sliding": SlidingLog,
        "sliding-counter": SlidingCounter,
    }
    for name, kind in kinds.items():
        quota = Quota(rpm=3, limiter=name)  # type: ignore[arg-type]  # a name of the table
        assert [kind] == [type(limiter) for limiter in new_state(quota).limiters]
