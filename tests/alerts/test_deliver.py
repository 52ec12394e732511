"""What waiting cures is tried again; the rest is named."""

import json
from collections.abc import Iterator

import pytest
from support.receivers import ALERT, Inbox, receivers

from evalgate.alerts.deliver import resolved, send
from evalgate.alerts.messages import signature
from evalgate.errors import ConfigError
from evalgate.schema.watch import Receiver

NOW = 1_780_000_000


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Serve receivers on loopback."""
    with receivers() as found:
        yield found


@pytest.mark.parametrize(
    ("codes", "state", "attempts", "waits"),
    [
        ([202], "sent", 1, []),
        ([200], "sent", 1, []),
        ([500, 503, 202], "sent", 3, [1.0, 2.0]),
        ([429, 202], "sent", 2, [7.0]),  # as the server asks
        ([500], "later", 5, [1.0, 2.0, 4.0, 8.0]),
        ([429], "later", 5, [7.0, 7.0, 7.0, 7.0]),
        ([400], "refused", 1, []),
        ([401], "refused", 1, []),
        ([413], "refused", 1, []),
        ([302], "refused", 1, []),
    ],
)
def test_answers(
    inbox: Inbox, codes: list[int], state: str, attempts: int, waits: list[float]
) -> None:
    """Each kind of receiver, each answer."""
    for path, receiver in (
        ("/slack", Receiver(slack=f"{inbox.url}/slack")),
        ("/pd", Receiver(pagerduty="R1", pagerduty_url=f"{inbox.url}/pd")),
        ("/hook", Receiver(webhook=f"{inbox.url}/hook")),
    ):
        inbox.codes[path] = [*codes]
        slept: list[float] = []
        sent = send(ALERT, "trigger", receiver, NOW, slept.append)
        assert (state, attempts) == (sent.state, sent.attempts)
        assert waits == slept
        assert attempts == len(inbox.at(path))


def test_a_receiver_that_is_down_is_named_without_its_url() -> None:
    """The URL of a Slack webhook is a secret."""
    receiver = Receiver(slack="http://127.0.0.1:1/services/T0/SECRET")
    sent = send(ALERT, "trigger", receiver, NOW, lambda _seconds: None)
    assert ("later", 5) == (sent.state, sent.attempts)
    assert "SECRET" not in str(sent)


@pytest.mark.parametrize("url", ["no url", "ftp://x/y"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """It is told, and no traceback."""
    sent = send(ALERT, "trigger", Receiver(webhook=url), NOW, lambda _seconds: None)
    assert sent.state in ("refused", "later")


def test_a_webhook_is_signed(inbox: Inbox) -> None:
    """Whoever has the key can tell that body and time are ours."""
    receiver = Receiver(webhook=f"{inbox.url}/hook", secret="k")
    send(ALERT, "trigger", receiver, NOW, lambda _seconds: None)
    ((_, body, headers),) = inbox.got
    raw = json.dumps(body, ensure_ascii=False).encode()
    found = {name.lower(): value for name, value in headers.items()}
    assert str(NOW) == found["x-evalgate-timestamp"]
    assert signature(raw, "k", NOW) == found["x-evalgate-signature"]


@pytest.mark.filterwarnings("ignore:'imghdr'")  # of apprise, on Python 3.11
def test_apprise_sends_the_rest(inbox: Inbox) -> None:
    """Its own JSON service stands for its hundred others."""
    url = inbox.url.replace("http://", "json://") + "/apprise"
    sent = send(ALERT, "resolve", Receiver(apprise=url), NOW, lambda _seconds: None)
    assert "sent" == sent.state
    (body,) = inbox.at("/apprise")
    assert body["title"].startswith("Resolved: support")
    assert "refused" == send(ALERT, "trigger", Receiver(apprise="x://"), NOW, print).state


def test_variables_are_read_late() -> None:
    """`$NAME` becomes the variable's value, or an error that names it."""
    receiver = Receiver(slack="$HOOK")
    assert "https://x" == resolved(receiver, {"HOOK": "https://x"}).slack
    with pytest.raises(ConfigError, match="HOOK"):
        resolved(receiver, {})
