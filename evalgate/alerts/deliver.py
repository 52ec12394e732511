"""Sends alerts over HTTP: what waiting cures is tried again, the rest is named."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evalgate.alerts.messages import pagerduty, plain_text, signature, slack, webhook
from evalgate.alerts.signal import Action, Alert
from evalgate.errors import ConfigError, MissingExtra
from evalgate.schema.watch import Receiver
from evalgate.sending import Message
from evalgate.sending import send as post


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message."""

    state: str
    """`sent`, `later` (the receiver may recover) or `refused`."""
    attempts: int
    error: str | None = None


def resolved(receiver: Receiver, environ: Mapping[str, str]) -> Receiver:
    """Replace `$NAME` by what the environment says.

    Raises:
        ConfigError: A variable is not set.
    """
    found = {}
    for field in ("slack", "pagerduty", "webhook", "secret", "apprise"):
        value = getattr(receiver, field)
        if isinstance(value, str) and value.startswith("$"):
            name = value[1:].strip("{}")
            if not environ.get(name):
                raise ConfigError(f"receivers: the variable {name} of the environment is not set")
            found[field] = environ[name]
    return receiver.model_copy(update=found)


def message_for(alert: Alert, action: Action, receiver: Receiver) -> Any:  # noqa: ANN401  # JSON
    """Return what a receiver is sent: JSON data, or a text for apprise."""
    if receiver.slack is not None:
        return slack(alert, action)
    if receiver.pagerduty is not None:
        return pagerduty(alert, action, receiver.pagerduty)
    return webhook(alert, action) if receiver.webhook is not None else plain_text(alert, action)


def send(
    alert: Alert, action: Action, receiver: Receiver, now: int, sleep: Callable[[float], None]
) -> Sent:
    """Send one message.

    Args:
        alert: What is told.
        action: Whether it begins or ends.
        receiver: Where to, with its secrets in place.
        now: Time of the signature, in seconds since 1970.
        sleep: Waits so many seconds.
    """
    if receiver.apprise is not None:
        return _by_apprise(receiver.apprise, alert, action)
    import httpx2  # noqa: PLC0415  # heavy

    message = _message(message_for(alert, action, receiver), receiver, now)
    with httpx2.Client(follow_redirects=False) as client:
        reply = post(message, client, sleep)
    state = reply.state if reply.state in ("sent", "later") else "refused"
    return Sent(state, reply.attempts, reply.error)


def _message(data: Any, receiver: Receiver, now: int) -> Message:  # noqa: ANN401  # JSON
    body = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
    headers = {}
    if receiver.webhook is not None and receiver.secret is not None:
        headers["x-evalgate-timestamp"] = str(now)
        headers["x-evalgate-signature"] = signature(body, receiver.secret, now)
    url = receiver.slack or receiver.webhook or receiver.pagerduty_url
    # Told twice is better than not told; each alert has a key of its own.
    return Message(url, body, "application/json", headers, repeatable=True, compressed=False)


def _by_apprise(url: str, alert: Alert, action: Action) -> Sent:
    try:
        from apprise import Apprise  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise MissingExtra(
            "this receiver needs apprise", fix='pip install "agent-evalgate[notify]"'
        ) from error
    service = Apprise()
    if not service.add(url):
        return Sent("refused", 1, "apprise knows no such URL")
    title, _, body = plain_text(alert, action).partition("\n")
    return Sent("sent", 1) if service.notify(body, title) else Sent("later", 1, "apprise failed")
