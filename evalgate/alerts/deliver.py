"""Sends alerts over HTTP: what waiting cures is tried again, the rest is named."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from evalgate.alerts.messages import pagerduty, plain_text, signature, slack, webhook
from evalgate.alerts.signal import Action, Alert
from evalgate.errors import ConfigError, MissingExtra
from evalgate.schema.watch import Receiver

__all__ = ["Sent", "message_for", "resolved", "send"]

_TRIES: Final = 4
_LONGEST_WAIT_S: Final = 30.0
_TIMEOUT_S: Final = 10.0
_TOO_MANY: Final = 429
_SERVER: Final = 500
_GOOD: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message."""

    state: str
    """`sent`, `later` (the receiver may recover) or `refused`."""
    attempts: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    url: str
    body: bytes
    headers: Mapping[str, str]


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
    request = _request(message_for(alert, action, receiver), receiver, now)
    return _tried(request, sleep)


def _request(message: Any, receiver: Receiver, now: int) -> Request:  # noqa: ANN401  # JSON
    body = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"content-type": "application/json"}
    if receiver.webhook is not None and receiver.secret is not None:
        headers["x-evalgate-timestamp"] = str(now)
        headers["x-evalgate-signature"] = signature(body, receiver.secret, now)
    url = receiver.slack or receiver.webhook or receiver.pagerduty_url
    return Request(url, body, headers)


def _tried(request: Request, sleep: Callable[[float], None]) -> Sent:
    import httpx2  # noqa: PLC0415  # heavy

    error = ""
    with httpx2.Client(timeout=_TIMEOUT_S, follow_redirects=False) as client:
        for attempt in range(1, _TRIES + 1):
            wait = min(2.0 ** (attempt - 1), _LONGEST_WAIT_S)
            try:
                headers = dict(request.headers)
                response = client.post(request.url, content=request.body, headers=headers)
            except httpx2.HTTPError as failure:
                error = type(failure).__name__  # its text may hold the URL, which is a secret
            except (httpx2.InvalidURL, ValueError) as failure:
                return Sent("refused", attempt, f"the URL is not usable ({type(failure).__name__})")
            else:
                if response.status_code in _GOOD:
                    return Sent("sent", attempt)
                error = f"HTTP {response.status_code}"
                if response.status_code != _TOO_MANY and response.status_code < _SERVER:
                    return Sent("refused", attempt, error)
                wait = _asked(response.headers.get("retry-after"), wait)
            if attempt < _TRIES:
                sleep(wait)
    return Sent("later", _TRIES, error)


def _asked(header: str | None, wait: float) -> float:
    """Wait as long as the server asks, within reason."""
    try:
        return min(max(float(header or wait), 0.0), _LONGEST_WAIT_S)
    except ValueError:
        return wait


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
