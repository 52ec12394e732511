"""The three limiters against independent implementations, in exact arithmetic."""

from fractions import Fraction
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from evalgate.quota.limiters import (
    Bucket,
    FixedWindow,
    Limiter,
    SlidingCounter,
    SlidingLog,
    take_one,
    take_two,
)

_STEPS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 8)), min_size=1, max_size=60)
"""Pairs of time since the step before and cost."""


def _decisions(limiter: Limiter, steps: list[tuple[int, int]]) -> list[bool]:
    now, found = 0, []
    for gap, cost in steps:
        now += gap
        fits = limiter.wait(cost, now) == 0
        if fits:
            limiter.take(cost, now)
        found.append(fits)
    return found


def _virtual_scheduling(rate: Fraction, burst: int, steps: list[tuple[int, int]]) -> list[bool]:
    """GCRA, virtual scheduling algorithm of ITU-T I.371 annex A, for cells of any size."""
    increment = 1 / rate
    now = Fraction(0)
    arrival_time = Fraction(0)
    found = []
    for gap, cost in steps:
        now += gap
        earliest = max(arrival_time, now) + cost * increment - burst * increment
        if now >= earliest:
            arrival_time = max(arrival_time, now) + cost * increment
            found.append(True)
        else:
            found.append(False)
    return found


def _leaky_bucket(rate: Fraction, burst: int, steps: list[tuple[int, int]]) -> list[bool]:
    """GCRA, continuous-state leaky bucket algorithm of ITU-T I.371 annex A."""
    level = Fraction(0)
    found = []
    for gap, cost in steps:
        level = max(Fraction(0), level - gap * rate)
        if level + cost <= burst:
            level += cost
            found.append(True)
        else:
            found.append(False)
    return found


@given(st.integers(1, 9), st.integers(1, 60), st.integers(1, 12), _STEPS)
def test_bucket_decides_like_two_gcra_implementations(
    limit: int, window: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    """Virtual scheduling and leaky bucket, both in rational numbers, agree with every decision."""
    rate = Fraction(limit, window)
    expected = _virtual_scheduling(rate, burst, steps)
    assert expected == _leaky_bucket(rate, burst, steps)
    assert expected == _decisions(Bucket(limit, window, burst * window), steps)


@given(st.integers(1, 9), st.integers(1, 60), st.integers(1, 12), _STEPS)
def test_the_short_ways_decide_like_the_long_one(
    limit: int, window: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    """`take_one` and `take_two` are `wait` and `take` in one."""
    expected = _decisions(Bucket(limit, window, burst * window), steps)
    one = Bucket(limit, window, burst * window)
    first, second = (Bucket(limit, window, burst * window) for _ in range(2))
    now, found, pairs = 0, [], []
    for gap, cost in steps:
        now += gap
        found.append(take_one(one, cost, now) == 0)
        pairs.append(take_two(first, second, (cost, cost), now) == (0, 0))
    assert (expected, expected) == (found, pairs)


@given(st.integers(1, 9), st.integers(1, 60), _STEPS)
def test_sliding_log_decides_like_a_sum_over_the_window(
    limit: int, window: int, steps: list[tuple[int, int]]
) -> None:
    """The oracle keeps everything and adds up what lies less than a window back."""
    taken: list[tuple[int, int]] = []
    now, expected = 0, []
    for gap, cost in steps:
        now += gap
        inside = sum(c for t, c in taken if t > now - window)
        fits = inside + cost <= limit
        if fits:
            taken.append((now, cost))
        expected.append(fits)
    assert expected == _decisions(SlidingLog(limit, window), steps)


@given(st.integers(1, 9), st.integers(1, 60), _STEPS)
def test_fixed_window_decides_like_a_counter_for_each_window(
    limit: int, window: int, steps: list[tuple[int, int]]
) -> None:
    """The oracle counts by number of the window, from the first arrival."""
    counted: dict[int, int] = {}
    now, expected, first = 0, [], steps[0][0]
    for gap, cost in steps:
        now += gap
        number = (now - first) // window
        fits = counted.get(number, 0) + cost <= limit
        if fits:
            counted[number] = counted.get(number, 0) + cost
        expected.append(fits)
    assert expected == _decisions(FixedWindow(limit, window), steps)


@given(
    st.sampled_from(["bucket", "fixed", "sliding"]),
    st.integers(1, 9),
    st.integers(1, 60),
    _STEPS,
)
def test_the_wait_is_exact(
    kind: str, limit: int, window: int, steps: list[tuple[int, int]]
) -> None:
    """After the wait a refused cost fits, one nanosecond earlier it does not."""
    made: dict[str, Limiter] = {
        "bucket": Bucket(limit, window, limit * window),
        "fixed": FixedWindow(limit, window),
        "sliding": SlidingLog(limit, window),
    }
    limiter = made[kind]
    now = 0
    for gap, cost in steps:
        now += gap
        wait = limiter.wait(cost, now)
        if wait == 0:
            limiter.take(cost, now)
        elif cost <= limit:
            assert limiter.wait(cost, now + wait - 1) > 0
            assert limiter.wait(cost, now + wait) == 0
            now += wait


def test_bucket_gives_back_what_has_not_flowed_back() -> None:
    """A refund of 4 frees 4; after the bucket is full again a refund is worth nothing."""
    bucket = Bucket(10, 10, 100)
    bucket.take(10, 0)
    bucket.take(-4, 0)
    assert bucket.used(0) == 6
    bucket.take(-6, 100)
    assert bucket.wait(11, 100) > 0


def test_fixed_window_gives_back_to_its_own_window_only() -> None:
    """A refund for an older window does not lower the count of this one."""
    window = FixedWindow(10, 10)
    window.take(5, 0)
    window.take(3, 10)
    window.take(-5, 11, since=0)
    assert window.used(11) == 3
    window.take(-1, 12, since=10)
    assert window.used(12) == 2


def test_sliding_log_gives_back_at_the_moment_it_was_taken() -> None:
    """The corrected entry leaves when the old one would have."""
    log = SlidingLog(10, 10)
    log.take(8, 0)
    log.take(-6, 5, since=0)
    assert (2, 5) == (log.used(5), log.reset(5))
    log.take(-2, 20, since=0)
    assert log.used(20) == 0


def test_waste_never_passes_the_limit() -> None:
    """Rejected requests fill a limit and stop there."""
    for limiter in (Bucket(3, 10, 30), FixedWindow(3, 10), SlidingLog(3, 10)):
        for now in range(5):
            limiter.waste(1, now)
        assert limiter.used(4) == 3


def test_a_wasted_sliding_log_forgets_the_oldest() -> None:
    """The wait counts from the entries that are left."""
    log = SlidingLog(2, 10)
    log.take(2, 0)
    log.waste(1, 5)
    assert (2, 5) == (log.used(5), log.wait(1, 5))


def test_an_entry_leaves_exactly_one_window_later() -> None:
    """In use until then, and not a nanosecond longer."""
    log = SlidingLog(5, 10)
    log.take(3, 0)
    assert (3, 0) == (log.used(9), log.used(10))


def _two_counters(limit: int, window: int, steps: list[tuple[int, int]]) -> list[bool]:
    """As `SlidingWindowCounterRateLimiter` of limits 5.8 decides, in rational numbers."""
    counts: dict[int, int] = {}
    now, found = 0, []
    for gap, cost in steps:
        now += gap
        place, elapsed = divmod(now, window)
        share = Fraction(counts.get(place - 1, 0) * (window - elapsed), window)
        fits = share.__floor__() + counts.get(place, 0) + cost <= limit
        if fits:
            counts[place] = counts.get(place, 0) + cost
        found.append(fits)
    return found


@given(st.integers(1, 9), st.integers(1, 60), _STEPS)
def test_sliding_counter_decides_like_two_counters(
    limit: int, window: int, steps: list[tuple[int, int]]
) -> None:
    """Every decision, whatever the costs."""
    limiter = SlidingCounter(limit, window, start=0)
    assert _two_counters(limit, window, steps) == _decisions(limiter, steps)


@given(st.integers(1, 9), st.integers(2, 60), _STEPS, st.integers(1, 9))
def test_a_sliding_counters_wait_is_the_first_moment_that_fits(
    limit: int, window: int, steps: list[tuple[int, int]], cost: int
) -> None:
    """Not a nanosecond before, and then it does."""
    cost = min(cost, limit)

    def played() -> SlidingCounter:
        limiter = SlidingCounter(limit, window, start=0)
        _decisions(limiter, steps)
        return limiter

    now = sum(gap for gap, _ in steps)
    wait = played().wait(cost, now)
    assert 0 == played().wait(cost, now + wait)
    assert wait == 0 or played().wait(cost, now + wait - 1) > 0


def test_the_short_ways_wait_like_the_long_one_at_every_edge() -> None:
    """Limits and windows that do not divide each other: an excess of one unit is an excess."""
    for limit, window, capacity in ((7, 10, 70), (3, 10, 10), (11, 6, 66)):
        for costs in product((1, 2, 3), repeat=4):
            short, long = Bucket(limit, window, capacity), Bucket(limit, window, capacity)
            one, other = Bucket(limit, window, capacity), Bucket(5, 7, 35)
            now = 0
            for gap, cost in zip((0, 1, 2, 1), costs, strict=True):
                now += gap
                wait = long.wait(cost, now)
                assert wait == take_one(short, cost, now)
                waits = one.wait(cost, now), other.wait(cost, now)
                assert waits == take_two(one, other, (cost, cost), now)
                if wait == 0:
                    long.take(cost, now)
                assert (long.used(now), long.reset(now)) == (short.used(now), short.reset(now))


def test_a_refund_at_the_start_of_the_window_counts() -> None:
    """What was taken at the first moment of a window is given back to it, by each counter."""
    for limiter in (FixedWindow(10, 10), SlidingCounter(10, 10)):
        limiter.take(5, 0)
        limiter.take(-3, 4, since=0)
        assert limiter.used(4) == 2
        limiter.take(-5, 4, since=0)
        assert limiter.used(4) == 0
    log = SlidingLog(10, 10)
    log.take(5, 1)
    log.take(-3, 10, since=1)
    assert log.used(10) == 2
    log.take(-1, 11, since=1)
    assert log.used(11) == 0


def test_a_sliding_counter_gives_back_to_the_window_it_was_taken_in() -> None:
    """This one, the one before, which weighs by its share, or none that is left."""
    counter = SlidingCounter(100, 10)
    counter.take(6, 0)
    counter.take(2, 10)
    counter.take(-4, 10, since=0)
    assert (counter.previous, counter.current, counter.used(15)) == (2, 2, 3)
    counter.take(-1, 15, since=10)
    assert (counter.previous, counter.current) == (2, 1)
    counter.take(-9, 16, since=9)
    assert (counter.previous, counter.current) == (0, 1)
    counter.take(-1, 20, since=9)
    assert (counter.previous, counter.current) == (1, 0)


def test_windows_start_at_a_stated_moment() -> None:
    """Or at the first arrival; resets say how long the rest of it is."""
    for kind in (FixedWindow, SlidingCounter):
        stated, first = kind(10, 10, start=3), kind(10, 10)
        for limiter in (stated, first):
            limiter.take(4, 5)
        assert (stated.used(12), first.used(14)) == (4, 4)
    fixed = FixedWindow(10, 10, start=3)
    assert fixed.reset(5) == 0
    fixed.take(1, 5)
    assert (fixed.reset(5), fixed.reset(12), fixed.reset(13)) == (8, 1, 0)


def test_what_a_call_cost_beyond_its_reservation_counts_from_when_it_is_known() -> None:
    """3 more, known at 5: at 11 the 2 reserved at 0 have left the log, the 3 have not."""
    log = SlidingLog(10, 10)
    log.take(2, 0)
    log.take(3, 5, since=0)
    assert [5, 3, 0] == [log.used(now) for now in (9, 11, 15)]


def test_two_weighted_windows_are_empty_after_both() -> None:
    """What is counted now weighs in the next window too; what was before, in this one only."""
    counter = SlidingCounter(10, 10, start=0)
    found = [counter.reset(0)]
    counter.take(4, 3)
    found += [counter.reset(now) for now in (3, 13, 20)]
    assert [0, 17, 7, 0] == found


def test_a_refund_goes_to_the_entry_that_can_give_it_all() -> None:
    """Of 2 and 3 taken at 0 the 3 give back 3, which leaves the 2; what nobody took stays."""
    log = SlidingLog(10, 10)
    found = [log.reset(0)]
    log.take(2, 0)
    log.take(3, 0)
    log.take(-3, 4, since=0)
    found += [log.used(4), log.reset(4)]
    log.take(-2, 4, since=3)
    assert [0, 2, 6, 2] == [*found, log.used(4)]
