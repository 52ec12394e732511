"""Capacity control on our side of the wire: queue, priority, reservation, backpressure, AIMD.

A governor holds calls back until the organisation's budget has room, instead of letting the
provider refuse them. It keeps its own copy of the quota model. Like there, the state belongs to
the caller and time is an argument in nanoseconds.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from evalgate.errors import ConfigError
from evalgate.quota.quota import (
    NO_HINT,
    Quota,
    QuotaState,
    Reservation,
    attempt,
    new_state,
    oversized,
    settle,
)
from evalgate.quota.shares import split
from evalgate.quota.units import SECOND, nanoseconds
from evalgate.stress.simulation.outcome import QueueUse

ReservationKind = Literal["conserving", "strict", "none"]
"""How the reserved share is kept for critical work.

`conserving`: others leave that share of the stock untouched, all refill stays usable. `strict`:
that share of limits and stock is a quota of its own, idle when no critical work comes. `none`.
"""


@dataclass(frozen=True, slots=True)
class Aimd:
    """Dynamic concurrency: add while there is room, cut by a factor when it gets tight."""

    start: int = 20
    least: int = 1
    most: int = 100
    raise_below: int = 80
    """Percent of the budget in use below which one more call may run."""
    cut_at: int = 90
    """Percent of the budget in use at which an alarm is counted and concurrency is cut."""
    keep: int = 80
    """Percent of the concurrency that a cut leaves."""
    cooldown: float = 15.0
    """Seconds between two changes."""


@dataclass(frozen=True, slots=True)
class Admission:
    """How calls are let through.

    Raises:
        ConfigError: A number lies outside its range.
    """

    reservation: ReservationKind = "conserving"
    """How the reserved share is kept."""
    reserve: int = 20
    """Percent reserved for critical work."""
    backpressure: bool = True
    """Whether nothing is let through while the provider throttles."""
    aimd: Aimd | None = None
    """Dynamic concurrency; None: only the budget limits it."""
    max_wait: float | None = None
    """Seconds a call waits at most; None: as long as it takes."""
    max_queue: int | None = None
    """Calls that wait at most, one more is turned away; None: any number."""
    budget: Quota | None = None
    """The organisation's budget; None: the provider's quota itself."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 <= self.reserve < 100:
            raise ConfigError(f"reserve: expected percent from 0 to 99, found {self.reserve!r}")
        if self.max_wait is not None and not 0 <= self.max_wait <= 1e9:
            raise ConfigError(f"max_wait: expected seconds from 0 to 1e9, found {self.max_wait!r}")
        if self.max_queue is not None and not 0 <= self.max_queue <= 10**9:
            raise ConfigError(f"max_queue: expected calls from 0 to 1e9, found {self.max_queue!r}")


@dataclass(slots=True)
class Ticket:
    """One attempt in the queue."""

    charges: tuple[int, ...]
    item: Any
    rank: int = 1
    critical: bool = False
    since: int = 0
    deadline: int | None = None
    gone: bool = False
    """Set by the owner when the call no longer matters."""
    meter: QuotaState | None = None
    """The quota it was charged to, once released."""
    reservation: Reservation | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """This attempt may go."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Expired:
    """This attempt waited too long."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing may go; ask again at `until`, or (None) when a call ends or a ticket comes."""

    until: int | None


class Governor:
    """The state of one admission control; changed only by this module."""

    __slots__ = (
        "alarms",
        "config",
        "guarded_slots",
        "guards",
        "in_flight",
        "last_change",
        "limit",
        "main",
        "paused_until",
        "queue",
        "queues",
        "reserved",
    )

    def __init__(
        self, config: Admission, quota: Quota, ranks: Iterable[int], *, critical: bool = True
    ) -> None:
        """Start idle.

        Args:
            config: How calls are let through.
            quota: The provider's quota, used where `config` names no budget.
            ranks: All ranks that tickets will have.
            critical: Whether any critical work can come; without it nothing is reserved.
        """
        budget = config.budget or quota
        self.config = config
        self.reserved: QuotaState | None = None
        share = config.reserve if critical and config.reservation != "none" else 0
        if config.reservation == "strict" and share:
            kept, rest = split(budget, share)
            self.reserved = new_state(kept)
            budget, share = rest, 0
        self.main = new_state(budget)
        self.guards = tuple(d.room * share // 100 for d in budget.dimensions)
        self.guarded_slots = (budget.max_concurrency or 0) * share // 100
        self.queue = QueueUse()
        self.queues: dict[int, deque[Ticket]] = {rank: deque() for rank in sorted(set(ranks))}
        self.paused_until = 0
        self.in_flight = 0
        self.limit = config.aimd.start if config.aimd else 0
        self.last_change = 0
        self.alarms = 0


def fits_some_time(governor: Governor, charges: tuple[int, ...], *, critical: bool) -> bool:
    """Say whether waiting can ever help a call of these costs."""
    kept = governor.reserved
    if critical and kept is not None and oversized(kept.quota, charges) is None:
        return True
    return oversized(governor.main.quota, charges) is None


def enqueue(governor: Governor, ticket: Ticket, now: int) -> None:
    """Put an attempt at the end of its rank's queue."""
    ticket.since = now
    if governor.config.max_wait is not None:
        ticket.deadline = now + nanoseconds(governor.config.max_wait)
    governor.queues[ticket.rank].append(ticket)
    governor.queue.waiting += 1


def leave(governor: Governor, ticket: Ticket) -> None:
    """Take a waiting attempt out of its queue."""
    ticket.gone = True
    governor.queue.waiting -= 1


def overfull(governor: Governor) -> bool:
    """Say whether more attempts wait than may; notes how long the queue is."""
    use, most = governor.queue, governor.config.max_queue
    if most is not None and use.waiting > most:
        return True
    use.longest = max(use.longest, use.waiting)
    return False


def release_next(governor: Governor, now: int) -> Released | Expired | Blocked:
    """Let the next attempt go, if there is one and it fits.

    The first of the highest rank goes first; while it waits nobody overtakes it, so a large call
    cannot be starved by small ones.

    Args:
        governor: The state; changed when an attempt leaves the queue.
        now: Nanoseconds, not before the last call's.
    """
    wake: int | None = None
    stopped = False
    for queue in governor.queues.values():
        while queue and queue[0].gone:
            queue.popleft()
        if not queue:
            continue
        head = queue[0]
        if not stopped:
            until = _try(governor, head, now)
            if until == 0:
                queue.popleft()
                use = governor.queue
                use.waiting -= 1
                use.released += 1
                use.waited += now - head.since
                return Released(head)
            stopped = True
            wake = _sooner(wake, None if until == NO_HINT else now + until)
        if head.deadline is not None and head.deadline <= now:
            queue.popleft()
            governor.queue.waiting -= 1
            return Expired(head)
        wake = _sooner(wake, head.deadline)
    return Blocked(wake)


def _sooner(one: int | None, two: int | None) -> int | None:
    if one is None or two is None:
        return two if one is None else one
    return min(one, two)


def _try(governor: Governor, ticket: Ticket, now: int) -> int:
    if governor.config.aimd is not None:
        _adapt(governor, governor.config.aimd, now)
        if governor.in_flight >= governor.limit:
            return NO_HINT
    if governor.paused_until > now:
        return governor.paused_until - now
    wait = _charge(governor, ticket, now)
    if wait == 0:
        ticket.reservation = Reservation(ticket.charges, now)
        governor.in_flight += 1
    return wait


def _charge(governor: Governor, ticket: Ticket, now: int) -> int:
    ticket.meter = governor.main
    if ticket.critical:
        kept = governor.reserved
        if kept is not None and oversized(kept.quota, ticket.charges) is None:
            wait = attempt(kept, ticket.charges, now)
            if wait == 0:
                ticket.meter = kept
                return 0
            shared = attempt(governor.main, ticket.charges, now)
            return _shorter(wait, shared)
    elif governor.guarded_slots or any(governor.guards):
        wait = _guarded(governor, ticket.charges, now)
        if wait:
            return wait
    return attempt(governor.main, ticket.charges, now)


def _shorter(one: int, two: int) -> int:
    if NO_HINT in {one, two}:
        return max(one, two) if 0 not in {one, two} else 0
    return min(one, two)


def _guarded(governor: Governor, charges: tuple[int, ...], now: int) -> int:
    """Return the wait until others may go and the guard is still whole."""
    main = governor.main
    most = main.max_concurrency
    if most is not None and main.in_flight >= most - governor.guarded_slots:
        return NO_HINT
    longest = 0
    rooms = main.quota.dimensions
    for limiter, cost, guard, room in zip(
        main.limiters, charges, governor.guards, rooms, strict=True
    ):
        # A call larger than the unguarded part may use the guard: it must not wait for ever.
        kept = min(guard, room.room - cost)
        longest = max(longest, limiter.wait(cost + max(0, kept), now))
    return longest


def _adapt(governor: Governor, aimd: Aimd, now: int) -> None:
    if now - governor.last_change < aimd.cooldown * SECOND:
        return
    used = _percent_used(governor.main, now)
    if used >= aimd.cut_at:
        governor.alarms += 1
        _cut(governor, aimd, now)
    elif used < aimd.raise_below and governor.in_flight >= governor.limit:
        governor.limit = min(aimd.most, governor.limit + 1)
        governor.last_change = now


def _cut(governor: Governor, aimd: Aimd, now: int) -> None:
    governor.limit = max(aimd.least, governor.limit * aimd.keep // 100)
    governor.last_change = now


def _percent_used(state: QuotaState, now: int) -> int:
    pairs = zip(state.limiters, state.quota.dimensions, strict=True)
    used = [limiter.used(now) * 100 // d.room for limiter, d in pairs]
    if state.max_concurrency is not None:
        used.append(state.in_flight * 100 // state.max_concurrency)
    return max(used, default=0)


def throttled(governor: Governor, hint: int | None, now: int) -> None:
    """Tell the governor that the provider refused an attempt it had let go.

    Args:
        governor: The state; pauses until the hint has passed (1 s where there is none).
        hint: Nanoseconds.
        now: Nanoseconds.
    """
    if governor.config.backpressure:
        governor.paused_until = max(governor.paused_until, now + (hint or SECOND))
    aimd = governor.config.aimd
    if aimd is not None and now - governor.last_change >= aimd.cooldown * SECOND:
        _cut(governor, aimd, now)


def finish(governor: Governor, ticket: Ticket, real: tuple[int, ...] | None, now: int) -> None:
    """Tell the governor that a released attempt ended.

    Args:
        governor: The state.
        ticket: The attempt.
        real: What it really cost; None: unknown, the reservation stands.
        now: Nanoseconds.
    """
    governor.in_flight -= 1
    if ticket.meter is not None and ticket.reservation is not None:
        settle(ticket.meter, ticket.reservation, real, now)
