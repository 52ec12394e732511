"""The quota model behind the gateway: it decides on real requests and writes decisions down."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import NamedTuple

from evalgate.gateway.app import Incoming, Settle
from evalgate.quota.profiles import (
    ErrorKind,
    WireResponse,
    error_response,
    refusal_of,
    throttle_response,
)
from evalgate.quota.quota import (
    Admitted,
    NeverFits,
    Quota,
    QuotaState,
    Request,
    Reservation,
    admit,
    new_state,
    real_cost,
    reserve,
    settle,
    use,
)
from evalgate.schema.usage import Usage
from evalgate.stress.simulation.causes import Cause
from evalgate.stress.simulation.faults import FaultProfile, draw_fault
from evalgate.stress.simulation.in_flight import CAUSE_OF
from evalgate.stress.simulation.live_log import Decided

__all__ = ["LiveQuota", "QuotaEvent", "answered_fault", "decided_again"]

_ANSWERED: dict[Cause, ErrorKind] = {
    "overloaded": "overloaded",
    "server_error": "server_error",
    "quota_exhausted": "quota_exhausted",
    "bad_request": "bad_request",
}
"""Faults that are an answer; a live check injects no others."""


class QuotaEvent(NamedTuple):
    """One arrival or end at the quota, enough to decide it again."""

    at: int
    """Nanoseconds on the gateway's clock."""
    session: int
    """Number of the session."""
    request: Request | None
    """The request; None: the end of an admitted one."""
    cause: Cause | None
    """Why it was refused; None: it was admitted, or this is an end."""
    reservation: Reservation | None = None
    """What an end gives back."""
    real: tuple[int, ...] | None = None
    """What an ended call really cost; None: unknown."""


@dataclass(slots=True)
class LiveQuota:
    """Decides on requests while a round is on; before that, everything goes."""

    quota: Quota
    faults: FaultProfile
    clock: Callable[[], int]
    """Nanoseconds that only grow."""
    chance: Random
    """Source of faults."""
    wall: Callable[[], datetime]
    """The time of day, for hints that are dates."""
    state: QuotaState | None = None
    """What is in use; None: no round is on."""
    began: int = 0
    """When the round began."""
    events: list[QuotaEvent] = field(default_factory=list)
    """Arrivals and ends of the round, in order of time."""

    def begin(self) -> None:
        """Start a round: nothing is in use."""
        self.began = self.clock()
        self.state = new_state(self.quota, self.began)
        self.events = []

    def end(self) -> None:
        """End the round: from now on everything goes."""
        self.state = None

    def admit(self, incoming: Incoming) -> Settle | WireResponse:
        """Decide on a request, as the gateway asks."""
        state = self.state
        if state is None:
            return _nothing
        now = self.clock()
        fault = draw_fault(self.faults, self.chance)
        answer = None if isinstance(fault, bool) else answered_fault(self.quota.profile, fault)
        request = Request(incoming.input_tokens, incoming.output_tokens, incoming.max_tokens)
        if answer is not None and not isinstance(fault, bool):
            self.events.append(QuotaEvent(now, incoming.trial, None, fault))
            return answer
        decision = admit(state, request, now)
        if isinstance(decision, Admitted):
            self.events.append(QuotaEvent(now, incoming.trial, request, None))
            return self._settler(state, decision.reservation, request, incoming.trial)
        fits = not isinstance(decision, NeverFits)
        cause: Cause = CAUSE_OF[decision.dimension] if fits else "never_fits"
        self.events.append(QuotaEvent(now, incoming.trial, request, cause))
        told = throttle_response(
            self.quota.profile,
            refusal_of(state, request, decision, now),
            use(state, now),
            wall_clock=self.wall(),
            hint=self.quota.hint,
            model=incoming.model or "MODEL",
        )
        return _typed(told)

    def _settler(
        self, state: QuotaState, reservation: Reservation, request: Request, session: int
    ) -> Settle:
        def ended(usage: Usage | None) -> None:
            if self.state is not state:
                return  # its round is over
            real = None
            if usage is not None and usage.output_tokens is not None:
                real = real_cost(self.quota, request._replace(output_tokens=usage.output_tokens))
            now = self.clock()
            settle(state, reservation, real, now)
            self.events.append(QuotaEvent(now, session, None, None, reservation, real))

        return ended

    def decisions(self) -> list[Decided]:
        """Return the decisions on quota of the round, in order of time since it began."""
        return [
            Decided(e.at - self.began, e.cause is None, reserve(self.quota, e.request))
            for e in self.events
            if e.request is not None
        ]

    def causes(self) -> dict[int, list[Cause]]:
        """Return why requests were turned away, by session and in order of time."""
        found: dict[int, list[Cause]] = {}
        for event in self.events:
            if event.cause is not None:
                found.setdefault(event.session, []).append(event.cause)
        return found


def answered_fault(profile: str, cause: Cause) -> WireResponse | None:
    """Return a provider's answer that is a fault; null where the fault is that none comes."""
    kind = _ANSWERED.get(cause)
    return None if kind is None else _typed(error_response(profile, kind))


def _nothing(_usage: Usage | None) -> None:
    """No round is on: nothing is counted."""


def _typed(response: WireResponse) -> WireResponse:
    headers = {"content-type": "application/json", **response.headers}
    return WireResponse(response.status, headers, response.body)


def decided_again(quota: Quota, events: Iterable[QuotaEvent], began: int) -> list[Cause | None]:
    """Feed logged arrivals and ends back into a fresh model.

    Args:
        quota: The limits.
        events: What was logged, in order of time.
        began: When the round began, in nanoseconds.

    Returns:
        For each arrival why it is refused; None: it is admitted.
    """
    state = new_state(quota, began)
    found: list[Cause | None] = []
    for event in events:
        if event.reservation is not None:
            settle(state, event.reservation, event.real, event.at)
        elif event.request is not None:
            decision = admit(state, event.request, event.at)
            if isinstance(decision, Admitted):
                found.append(None)
            else:
                fits = not isinstance(decision, NeverFits)
                found.append(CAUSE_OF[decision.dimension] if fits else "never_fits")
    return found
