"""Ways to count against a limit: token bucket, fixed window, sliding log, sliding counter.

All answer the same four questions in whole numbers, so that no decision hangs on a rounding:
how long until a cost fits (`wait`), take it (`take`), count a rejected one (`waste`), how much is
in use (`used`). Times are nanoseconds on any clock that does not run backwards.
"""

from collections import deque
from math import gcd
from typing import Protocol


class Limiter(Protocol):
    """What the quota model needs of a limiter; its state changes only in `take` and `waste`."""

    def wait(self, cost: int, now: int) -> int:
        """Return the nanoseconds until `cost` fits; 0 means that it fits now."""
        ...

    def take(self, cost: int, now: int, since: int | None = None) -> None:
        """Count `cost`; a negative one gives back what was taken at `since`."""
        ...

    def waste(self, cost: int, now: int) -> None:
        """Count `cost` without ever passing the limit."""
        ...

    def used(self, now: int) -> int:
        """Return what is in use, in units of the limit, rounded up."""
        ...

    def reset(self, now: int) -> int:
        """Return the nanoseconds until nothing is in use."""
        ...


class Bucket:
    """A token bucket with continuous refill, full at the start.

    Levels are kept in units of token x nanosecond of the window: what is used falls by `limit`
    a nanosecond and a token weighs `window`. `full_at` is the moment, times `limit`, when the
    bucket is full again; the level at `now` is `capacity - max(0, full_at - now * limit)`. All
    three are divided by what `limit` and `window` have in common, which changes no decision.
    """

    __slots__ = ("capacity", "full_at", "limit", "window")

    def __init__(self, limit: int, window: int, capacity: int) -> None:
        """Start full.

        Args:
            limit: Tokens that flow back in one window.
            window: Nanoseconds.
            capacity: Tokens the bucket holds, times `window`.
        """
        common = gcd(limit, window)
        self.limit = limit // common
        self.window = window // common
        self.capacity = capacity // common
        self.full_at = 0

    def wait(self, cost: int, now: int) -> int:
        """Return the nanoseconds until `cost` fits; 0 means that it fits now."""
        at = now * self.limit
        full_at = self.full_at
        excess = cost * self.window - self.capacity
        if full_at > at:
            excess += full_at - at
        return -(-excess // self.limit) if excess > 0 else 0

    def take(self, cost: int, now: int, since: int | None = None) -> None:  # noqa: ARG002  same shape as the windows
        """Count `cost`; a negative one gives back what has not flowed back yet."""
        at = now * self.limit
        self.full_at = (self.full_at if self.full_at > at else at) + cost * self.window  # noqa: FURB136  hot

    def waste(self, cost: int, now: int) -> None:
        """Count `cost`, down to an empty bucket."""
        self.take(cost, now)
        self.full_at = min(self.full_at, now * self.limit + self.capacity)

    def used(self, now: int) -> int:
        """Return the tokens in use, rounded up."""
        return max(0, -(-(self.full_at - now * self.limit) // self.window))

    def reset(self, now: int) -> int:
        """Return the nanoseconds until the bucket is full."""
        return max(0, -(-(self.full_at - now * self.limit) // self.limit))


def take_one(bucket: Bucket, cost: int, now: int) -> int:
    """Take `cost` if it fits: `wait` and `take` in one, for the inner loop.

    Returns:
        0 when it was taken, else the nanoseconds until it would fit.
    """
    at = now * bucket.limit
    level = bucket.full_at
    if level < at:  # noqa: PLR1730  hot
        level = at
    level += cost * bucket.window
    over = level - at - bucket.capacity
    if over > 0:
        return -(-over // bucket.limit)
    bucket.full_at = level
    return 0


def take_two(one: Bucket, two: Bucket, costs: tuple[int, ...], now: int) -> tuple[int, int]:
    """Take both costs if both fit, else none: the common pair of requests and tokens.

    Returns:
        (0, 0) when they were taken, else the nanoseconds until each would fit.
    """
    at_one, at_two = now * one.limit, now * two.limit
    level_one, level_two = one.full_at, two.full_at
    if level_one < at_one:  # noqa: PLR1730  hot
        level_one = at_one
    if level_two < at_two:  # noqa: PLR1730  hot
        level_two = at_two
    level_one += costs[0] * one.window
    level_two += costs[1] * two.window
    over_one = level_one - at_one - one.capacity
    over_two = level_two - at_two - two.capacity
    if over_one <= 0 and over_two <= 0:
        one.full_at = level_one
        two.full_at = level_two
        return _NO_WAIT
    return (
        -(-over_one // one.limit) if over_one > 0 else 0,
        -(-over_two // two.limit) if over_two > 0 else 0,
    )


_NO_WAIT = (0, 0)


class FixedWindow:
    """A counter that starts again from zero every window.

    The first window starts at the first arrival unless `start` says otherwise.
    """

    __slots__ = ("count", "limit", "start", "window")

    def __init__(self, limit: int, window: int, start: int | None = None) -> None:
        """Start with nothing counted.

        Args:
            limit: Units a window.
            window: Nanoseconds.
            start: A moment at which a window starts; None: the first arrival.
        """
        self.limit = limit
        self.window = window
        self.start = start
        self.count = 0

    def _roll(self, now: int) -> int:
        if self.start is None:
            self.start = now
        elif now - self.start >= self.window:
            self.start += (now - self.start) // self.window * self.window
            self.count = 0
        return self.start

    def wait(self, cost: int, now: int) -> int:
        """Return the nanoseconds until `cost` fits; 0 means that it fits now."""
        start = self._roll(now)
        return start + self.window - now if self.count + cost > self.limit else 0

    def take(self, cost: int, now: int, since: int | None = None) -> None:
        """Count `cost`; a negative one gives back only to the window it was taken in."""
        start = self._roll(now)
        if cost >= 0 or since is None or since >= start:
            self.count = max(0, self.count + cost)

    def waste(self, cost: int, now: int) -> None:
        """Count `cost`, up to the limit."""
        self._roll(now)
        self.count = max(self.count, min(self.limit, self.count + cost))

    def used(self, now: int) -> int:
        """Return the units counted in the current window."""
        self._roll(now)
        return self.count

    def reset(self, now: int) -> int:
        """Return the nanoseconds until the next window, 0 if nothing is counted."""
        start = self._roll(now)
        return start + self.window - now if self.count else 0


class SlidingLog:
    """A log of what was taken in the last window; an entry leaves exactly one window later."""

    __slots__ = ("limit", "log", "total", "window")

    def __init__(self, limit: int, window: int) -> None:
        """Start with an empty log.

        Args:
            limit: Units in any window.
            window: Nanoseconds.
        """
        self.limit = limit
        self.window = window
        self.log: deque[tuple[int, int]] = deque()
        self.total = 0

    def _prune(self, now: int) -> None:
        log = self.log
        while log and log[0][0] <= now - self.window:
            self.total -= log.popleft()[1]

    def wait(self, cost: int, now: int) -> int:
        """Return the nanoseconds until `cost` fits; 0 means that it fits now."""
        self._prune(now)
        excess = self.total + cost - self.limit
        if excess <= 0:
            return 0
        last = now
        for last, taken in self.log:  # noqa: B007  the last entry read is the answer
            excess -= taken
            if excess <= 0:
                break
        return last + self.window - now

    def take(self, cost: int, now: int, since: int | None = None) -> None:
        """Count `cost`; a negative one counts until what it gives back would have left."""
        self._prune(now)
        if cost >= 0 or since is None:
            self._append(cost, now)
        elif since > now - self.window:
            for index, (moment, taken) in enumerate(self.log):
                if moment == since and taken + cost >= 0:
                    self.log[index] = (moment, taken + cost)
                    self.total += cost
                    return

    def _append(self, cost: int, now: int) -> None:
        if cost:
            self.log.append((now, cost))
            self.total += cost

    def waste(self, cost: int, now: int) -> None:
        """Count `cost`; the oldest entries make room where the limit would be passed."""
        self._prune(now)
        self._append(cost, now)
        while self.total > self.limit and self.log:
            moment, taken = self.log.popleft()
            kept = taken - min(taken, self.total - self.limit)
            self.total -= taken - kept
            if kept:
                self.log.appendleft((moment, kept))

    def used(self, now: int) -> int:
        """Return the units taken in the last window."""
        self._prune(now)
        return self.total

    def reset(self, now: int) -> int:
        """Return the nanoseconds until the log is empty."""
        self._prune(now)
        return self.log[-1][0] + self.window - now if self.log else 0


class SlidingCounter:
    """Two fixed windows; the last one weighs by the share of it that the sliding window covers.

    The count of limiter libraries that keep two numbers in place of a log: `current` plus the
    whole part of `previous * (window - elapsed) / window`, as in `limits` 5 (Python).
    """

    __slots__ = ("current", "limit", "previous", "start", "window")

    def __init__(self, limit: int, window: int, start: int | None = None) -> None:
        """Start with nothing counted.

        Args:
            limit: Units in the weighted window.
            window: Nanoseconds.
            start: A moment at which a window starts; None: the first arrival.
        """
        self.limit = limit
        self.window = window
        self.start = start
        self.previous = self.current = 0

    def _roll(self, now: int) -> int:
        """Move to the window of `now`; return the nanoseconds since it began."""
        if self.start is None:
            self.start = now
        passed, elapsed = divmod(now - self.start, self.window)
        if passed > 0:
            self.previous = self.current if passed == 1 else 0
            self.current = 0
            self.start += passed * self.window
        return elapsed

    def _weighted(self, elapsed: int) -> int:
        return self.previous * (self.window - elapsed) // self.window + self.current

    def wait(self, cost: int, now: int) -> int:
        """Return the nanoseconds until `cost` fits; 0 means that it fits now."""
        elapsed = self._roll(now)
        room = self.limit - cost - self.current
        if room >= 0:
            return max(0, self._faded(self.previous, room) - elapsed)
        return self.window - elapsed + self._faded(self.current, self.limit - cost)

    def _faded(self, count: int, room: int) -> int:
        """Return the nanoseconds into a window until the count before it weighs `room`."""
        return max(0, self.window + 1 + (room + 1) * -self.window // count) if count else 0

    def take(self, cost: int, now: int, since: int | None = None) -> None:
        """Count `cost`; a negative one gives back to the window it was taken in."""
        self._roll(now)
        start = now if self.start is None else self.start
        if cost >= 0 or since is None or since >= start:
            self.current = max(0, self.current + cost)
        elif since >= start - self.window:
            self.previous = max(0, self.previous + cost)

    def waste(self, cost: int, now: int) -> None:
        """Count `cost`, up to the limit."""
        elapsed = self._roll(now)
        self.current += max(0, min(cost, self.limit - self._weighted(elapsed)))

    def used(self, now: int) -> int:
        """Return the weighted count."""
        return self._weighted(self._roll(now))

    def reset(self, now: int) -> int:
        """Return the nanoseconds until nothing is counted."""
        left = self.window - self._roll(now)
        return left + self.window if self.current else left if self.previous else 0
