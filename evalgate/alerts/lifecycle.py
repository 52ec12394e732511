"""From signals to messages: an alert opens once, is told once to each receiver, and closes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evalgate.alerts.signal import Action, Alert, Signal
from evalgate.schema.watch import Receiver

_RANK: Final = {"medium": 1, "high": 2}
_AGAIN_AFTER_S: Final = 3_600
"""A receiver that refused a message is asked again after an hour."""
_LEASE_S: Final = 600
"""A message that somebody began to send, and that is in no state after this, is sent again."""


@dataclass(frozen=True, slots=True)
class Known:
    """An alert as the history has it."""

    alert: Alert
    opened: int
    closed: int | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look at the signals changes."""

    opened: tuple[Alert, ...]
    raised: tuple[Alert, ...]
    """Open ones that have become more severe."""
    closed: tuple[str, ...]
    """Keys of those that are over."""


def changes_of(signals: Iterable[Signal], open_now: Mapping[str, Alert]) -> Changes:
    """Compare signals with the alerts that are open; one without a signal stays open."""
    opened, raised, closed = [], [], []
    for signal in signals:
        known = open_now.get(signal.key)
        if signal.state == "quiet" and known is not None:
            closed.append(signal.key)
        elif signal.alert is not None and known is None:
            opened.append(signal.alert)
        elif (
            signal.alert is not None
            and known is not None
            and _RANK[signal.alert.severity] > _RANK[known.severity]
        ):
            raised.append(signal.alert)
    return Changes(tuple(opened), tuple(raised), tuple(closed))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message to one receiver."""

    key: str
    opened: int
    receiver: str
    action: str
    """`trigger`, `trigger high` after an alert was raised, or `resolve`."""
    at: int
    state: str
    """`sending`, `sent`, `later` (waiting may cure it) or `refused`."""


@dataclass(frozen=True, slots=True)
class Send:
    """A message that is to be sent."""

    alert: Alert
    opened: int
    receiver: str
    action: Action
    step: str
    """What is noted as `Delivery.action`."""


def receivers_of(team: str, routes: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return who is told of a root cause: its own route, else the default one."""
    return tuple(routes.get(team, routes.get("default", ())))


def pending(
    alerts: Iterable[Known],
    deliveries: Collection[Delivery],
    routes: Mapping[str, Sequence[str]],
    receivers: Mapping[str, Receiver],
    now: int,
) -> tuple[tuple[Send, ...], int]:
    """Say what is still to be sent, and how many messages wait for their receiver's next hour.

    An alert that closed before anybody was told of it is not told at all. One that was told is
    resolved where it was told.
    """
    done = {(one.key, one.opened, one.receiver, one.action): one for one in deliveries}
    recent = [d for d in deliveries if d.state == "sent" and d.at > now - 3_600]
    left = {
        name: receiver.per_hour - sum(one.receiver == name for one in recent)
        for name, receiver in receivers.items()
    }
    sends: list[Send] = []
    waiting = 0
    for known in alerts:
        for name in receivers_of(known.alert.team, routes):
            step = _step(known, receivers[name])
            if step is None or not _due(done.get((*_key(known), name, step)), now):
                continue
            told = [done.get((*_key(known), name, s)) for s in ("trigger", "trigger high")]
            if step == "resolve" and not any(one and one.state == "sent" for one in told):
                continue
            if left[name] <= 0:
                waiting += 1
                continue
            left[name] -= 1
            action: Action = "resolve" if step == "resolve" else "trigger"
            sends.append(Send(known.alert, known.opened, name, action, step))
    return tuple(sends), waiting


def _key(known: Known) -> tuple[str, int]:
    return known.alert.key, known.opened


def _step(known: Known, receiver: Receiver) -> str | None:
    if known.closed is not None:
        return "resolve"
    if _RANK[known.alert.severity] < _RANK[receiver.severity]:
        return None
    return "trigger high" if known.alert.severity == "high" else "trigger"


def _due(before: Delivery | None, now: int) -> bool:
    if before is None or before.state == "later":
        return True
    waits = {"refused": _AGAIN_AFTER_S, "sending": _LEASE_S}.get(before.state)
    return waits is not None and before.at <= now - waits
