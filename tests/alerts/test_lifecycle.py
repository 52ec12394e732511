"""An alert is told once to each receiver, and its end where it was told."""

from dataclasses import replace

from support.receivers import ALERT

from evalgate.alerts.lifecycle import Delivery, Known, Send, changes_of, pending, receivers_of
from evalgate.alerts.signal import Signal
from evalgate.schema.watch import Receiver

NOW = 1_780_000_000
ROUTES = {"prompt": ("a", "b"), "default": ("b",)}
RECEIVERS = {"a": Receiver(webhook="http://a"), "b": Receiver(webhook="http://b", severity="high")}
MEDIUM = replace(ALERT, severity="medium")
OPEN = Known(MEDIUM, NOW - 60, None)


def sends(known: Known, *done: Delivery, now: int = NOW) -> list[tuple[str, str]]:
    """Return receiver and step of what is pending."""
    found, _ = pending([known], done, ROUTES, RECEIVERS, now)
    return [(one.receiver, one.step) for one in found]


def delivery(state: str, step: str = "trigger", at: int = NOW - 60) -> Delivery:
    """Make what was noted of a message to `a`."""
    return Delivery(ALERT.key, NOW - 60, "a", step, at, state)


def test_signals_open_raise_and_close() -> None:
    """An unknown signal does neither; so does one that is missing."""
    firing = Signal(ALERT.key, "firing", "", ALERT)
    assert (ALERT,) == changes_of([firing], {}).opened
    assert (ALERT,) == changes_of([firing], {ALERT.key: MEDIUM}).raised
    assert ((), (), ()) == tuple_of([firing], {ALERT.key: ALERT})
    assert ((), (), ()) == tuple_of([Signal(ALERT.key, "unknown", "")], {ALERT.key: ALERT})
    assert ((), (), ()) == tuple_of([], {ALERT.key: ALERT})
    assert (ALERT.key,) == changes_of([Signal(ALERT.key, "quiet", "")], {ALERT.key: ALERT}).closed


def tuple_of(signals: list[Signal], known: dict[str, object]) -> tuple[object, ...]:
    """Return all changes."""
    found = changes_of(signals, known)  # type: ignore[arg-type]
    return found.opened, found.raised, found.closed


def test_each_receiver_is_told_once() -> None:
    """`b` wants only high ones; what was sent is not sent again."""
    assert [("a", "trigger")] == sends(OPEN)
    assert [] == sends(OPEN, delivery("sent"))


def test_a_raised_alert_is_told_again() -> None:
    """Medium was told to `a`; high goes to both, once."""
    high = Known(ALERT, NOW - 60, None)
    both = [("a", "trigger high"), ("b", "trigger high")]
    assert both == sends(high, delivery("sent"))


def test_the_end_is_told_where_the_start_was() -> None:
    """Nobody hears of the end of what they never heard of."""
    closed = Known(MEDIUM, NOW - 60, NOW)
    assert [] == sends(closed)
    assert [] == sends(closed, delivery("refused"))
    assert [("a", "resolve")] == sends(closed, delivery("sent"))
    assert [] == sends(closed, delivery("sent"), delivery("sent", "resolve"))


def test_what_failed_is_sent_again_in_its_time() -> None:
    """At once where waiting may cure it, after an hour where it was refused, after a crash too."""
    assert [("a", "trigger")] == sends(OPEN, delivery("later"))
    assert [] == sends(OPEN, delivery("refused"))
    assert [("a", "trigger")] == sends(OPEN, delivery("refused", at=NOW - 3_600))
    assert [] == sends(OPEN, delivery("sending"))
    assert [("a", "trigger")] == sends(OPEN, delivery("sending", at=NOW - 600))


def test_a_receiver_has_its_share_an_hour() -> None:
    """25 alerts at once: 20 are sent, 5 wait, and nothing is lost."""
    many = [Known(replace(MEDIUM, key=f"k{n}"), NOW, None) for n in range(25)]
    found, waiting = pending(many, [], ROUTES, RECEIVERS, NOW)
    assert (20, 5) == (len(found), waiting)
    done = [Delivery(one.alert.key, NOW, "a", one.step, NOW, "sent") for one in found]
    assert ((), 5) == pending(many, done, ROUTES, RECEIVERS, NOW + 60)
    later: tuple[Send, ...] = pending(many, done, ROUTES, RECEIVERS, NOW + 3_600)[0]
    assert 5 == len(later)


def test_routes() -> None:
    """A root cause has its own route, else the default one, else nobody."""
    assert ("a", "b") == receivers_of("prompt", ROUTES)
    assert ("b",) == receivers_of("tools", ROUTES)
    assert () == receivers_of("tools", {})
