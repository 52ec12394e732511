"""The part of the event loop that watches an attempt until its answer: faults, settling, queue."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, NamedTuple, Protocol

from evalgate.quota.quota import NO_HINT, Reservation, settle
from evalgate.quota.units import nanoseconds
from evalgate.stress.simulation.admission import (
    Blocked,
    Governor,
    Released,
    Ticket,
    enqueue,
    finish,
    fits_some_time,
    leave,
    overfull,
    release_next,
    throttled,
)
from evalgate.stress.simulation.faults import FaultProfile, draw_fault

if TYPE_CHECKING:
    from evalgate.quota.quota import DimensionName, QuotaState
    from evalgate.stress.load.workload import Workload
    from evalgate.stress.simulation.causes import Cause
    from evalgate.stress.simulation.outcome import Counts, Series
    from evalgate.stress.simulation.rules import Rules
    from evalgate.stress.simulation.script import Cost, LiveCall, SimulatedSession


CAUSE_OF: "dict[DimensionName, Cause]" = {
    "requests": "throttled_requests",
    "tokens": "throttled_tokens",
    "input_tokens": "throttled_tokens",
    "output_tokens": "throttled_tokens",
    "concurrency": "concurrency",
}
"""What stopped a call, by the limit that refused it."""
_AT_ONCE = frozenset({"overloaded", "quota_exhausted", "bad_request", "auth"})
"""Faults that answer before anything is charged."""


class Answer(NamedTuple):
    """An attempt's end; without a call, the end of a session's tail."""

    session: "SimulatedSession"
    call: "LiveCall | None"
    cause: "Cause | None"


class Wake(NamedTuple):
    """Ask the governor again."""

    at: int


class Loop(Protocol):
    """What of the event loop an attempt in flight needs."""

    workload: "Workload"
    rules: "Rules"
    chance: Random
    faulty: bool
    state: "QuotaState"
    attempt: Callable[[tuple[int, ...], int], int]
    series: "Series"
    governor: Governor | None
    wake: int | None

    def push(self, time: int, item: object) -> None:
        """Have something happen at a time."""

    def admitted(self, cost: "Cost", counts: "Counts", now: int) -> None:
        """Count an admitted attempt."""

    def refused(self, call: "LiveCall", wait: int, now: int) -> None:
        """Let the client decide on an attempt that the quota refused."""

    def failed(self, call: "LiveCall", cause: "Cause", hint: int | None, now: int) -> None:
        """Let the client decide on an attempt that failed."""

    def give_up(self, call: "LiveCall", cause: "Cause", now: int) -> None:
        """End a call without an answer."""

    def answered(self, session: "SimulatedSession", call: "LiveCall | None", now: int) -> None:
        """Go on after an answer."""


def wait_in_line(engine: Loop, governor: Governor, call: "LiveCall", now: int) -> None:
    """Put an attempt in the queue, and let go what may go."""
    group = engine.workload.groups[call.session.group]
    charges = call.cost.charges
    if not fits_some_time(governor, charges, critical=group.critical):
        engine.give_up(call, "never_fits", now)
        return
    call.ticket = Ticket(charges, call, group.rank, group.critical)
    ticket = call.ticket
    enqueue(governor, ticket, now)
    drain(engine, governor, now)
    if overfull(governor) and call.ticket is ticket and ticket.reservation is None:
        leave(governor, ticket)
        call.ticket = None
        engine.give_up(call, "queue_full", now)


def drain(engine: Loop, governor: Governor, now: int) -> None:
    """Let go what the governor lets go, and be woken when it may let go more."""
    while True:
        step = release_next(governor, now)
        if isinstance(step, Blocked):
            until = step.until
            if until is not None and (engine.wake is None or until < engine.wake):
                engine.wake = until
                engine.push(until, Wake(until))
            return
        call: LiveCall = step.ticket.item
        if isinstance(step, Released):
            send_watched(engine, call, now)
        else:
            call.ticket = None
            engine.give_up(call, "queue_timeout", now)


def send_watched(engine: Loop, call: "LiveCall", now: int) -> None:
    """Send one attempt to the provider and watch it until its answer."""
    cost, counts = call.cost, call.session.counts
    faults = engine.rules.faults
    fault = draw_fault(faults, engine.chance) if engine.faulty else False
    if fault in _AT_ONCE and not isinstance(fault, bool):
        counts.attempts += 1
        counts.errors += 1
        series = engine.series
        series.turned_away[series.place(now)] += 1
        _leave(engine, call, now)
        engine.failed(call, fault, None, now)
        return
    wait = engine.attempt(cost.charges, now) if cost.fits else NO_HINT
    if wait:
        _tell(engine, call, wait, now)
        engine.refused(call, wait, now)
        return
    engine.admitted(cost, counts, now)
    call.reservation = Reservation(cost.charges, now)
    cause = None if isinstance(fault, bool) else fault
    end = now + _lasts(faults, cost.duration, cause, slow=fault is True)
    engine.push(end, Answer(call.session, call, cause))


def _lasts(faults: FaultProfile, duration: int, cause: "Cause | None", *, slow: bool) -> int:
    if cause == "timeout":
        return nanoseconds(faults.timeout_seconds)
    if cause == "cut_stream":
        return duration // 2
    return duration + nanoseconds(faults.slow_seconds) if slow else duration


def _tell(engine: Loop, call: "LiveCall", wait: int, now: int) -> None:
    """Give the slot back, and hold the line while the provider refuses."""
    if engine.governor is not None and call.cost.fits:
        throttled(engine.governor, None if wait == NO_HINT else wait, now)
    _leave(engine, call, now)


def _leave(engine: Loop, call: "LiveCall", now: int) -> None:
    if engine.governor is not None and call.ticket is not None:
        finish(engine.governor, call.ticket, None, now)
        call.ticket = None


def done(engine: Loop, answer: Answer, now: int) -> None:
    """Settle an attempt whose answer came, and go on."""
    session, call, cause = answer
    if call is not None:
        real = call.cost.real if cause is None else None
        if call.reservation is not None:
            settle(engine.state, call.reservation, real, now)
            call.reservation = None
        if engine.governor is not None and call.ticket is not None:
            finish(engine.governor, call.ticket, real, now)
            call.ticket = None
    if call is None or cause is None:
        engine.answered(session, call, now)
    else:
        session.counts.errors += 1
        engine.failed(call, cause, None, now)
    if engine.governor is not None:
        drain(engine, engine.governor, now)
