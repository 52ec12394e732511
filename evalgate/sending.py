"""Sends over HTTP: what waiting cures is tried again, the rest is named.

Spans cannot be taken back: a request whose answer got lost may have been taken in, and sending it
again could double what it holds. It is *in doubt*, and only the caller may send it again. Which
answers are worth a new attempt: the specification of OTLP/HTTP (429, 502, 503; 504 is a doubt).
"""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from evalgate.errors import ConfigError

if TYPE_CHECKING:
    import httpx2

from evalgate.quota.backoff import backoff, hinted

_TRIES: Final = 5
_TIMEOUT_S: Final = 30.0
_GOOD: Final = range(200, 300)
_TOO_LARGE: Final = 413
_BUSY: Final = frozenset({429, 502, 503})
_LOST: Final = 504
_SERVER: Final = 500
_SAID: Final = 200


@dataclass(frozen=True, slots=True)
class Message:
    """One HTTP request."""

    url: str
    body: bytes
    content_type: str
    headers: Mapping[str, str]
    """Further headers; they may be secret."""
    method: Literal["POST", "PUT"] = "POST"
    repeatable: bool = False
    """Whether sending it twice does no harm."""
    compressed: bool = True
    """Whether the receiver reads gzip."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request."""

    state: Literal["sent", "later", "refused", "too large", "in doubt"]
    """`later`: the receiver may recover."""
    error: str | None = None
    body: bytes = b""
    content_type: str = ""
    attempts: int = 1
    """How often it was sent."""


def is_http_url(text: str) -> bool:
    """Say whether a request can go to an address: http or https, a host, a port that can be."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, a port that is no number or above 65535
        return False


def checked_url(text: str, where: str) -> str:
    """Return an address that a request can go to.

    Args:
        text: The address.
        where: The option or variable that names it.

    Raises:
        ConfigError: It is none.
    """
    if not is_http_url(text):
        raise ConfigError(f"{where}: found {text!r}; expected http://HOST or https://HOST")
    return text


def send(message: Message, client: "httpx2.Client", sleep: Callable[[float], None]) -> Reply:
    """Send a request, and again while waiting may cure it.

    Args:
        message: The request.
        client: Sends it; follows no redirects, so that secrets go nowhere else.
        sleep: Waits so many seconds.
    """
    headers = {**message.headers, "content-type": message.content_type}
    body = message.body
    if message.compressed:
        headers["content-encoding"] = "gzip"
        body = gzip.compress(body, compresslevel=5, mtime=0)
    attempt = 1
    while True:
        reply, wait = _once(message, body, headers, client)
        if wait is None or attempt == _TRIES:
            return replace(reply, attempts=attempt)
        sleep(hinted(wait or None, backoff(attempt)))
        attempt += 1


def _once(
    message: Message, body: bytes, headers: Mapping[str, str], client: "httpx2.Client"
) -> tuple[Reply, str | None]:
    """Try once; the second value is what the server says of the next attempt, null: make none."""
    import httpx2  # noqa: PLC0415  # heavy

    try:
        response = client.request(
            message.method, message.url, content=body, headers=dict(headers), timeout=_TIMEOUT_S
        )
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        return Reply("later", f"no connection ({type(error).__name__})"), ""
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, ValueError) as error:
        return Reply("refused", f"the URL is not usable ({type(error).__name__})"), None
    except httpx2.HTTPError as error:  # its text may hold the URL, which may hold a secret
        lost = f"the connection failed before the answer came ({type(error).__name__})"
        return (Reply("later", lost), "") if message.repeatable else (Reply("in doubt", lost), None)
    code = response.status_code
    if code in _GOOD:
        kind = response.headers.get("content-type", "")
        return Reply("sent", None, response.content, kind), None
    said = f"HTTP {code}{_words(response)}"
    if code in _BUSY or (message.repeatable and code >= _SERVER):
        return Reply("later", said), response.headers.get("retry-after", "")
    if code == _LOST:
        return Reply("in doubt", said), None
    if code >= _SERVER:
        return Reply("later", said), None
    return Reply("too large" if code == _TOO_LARGE else "refused", said), None


def _words(response: "httpx2.Response") -> str:
    text = response.text[:_SAID].strip()
    return f": {text}" if text else ""
