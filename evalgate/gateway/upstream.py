"""Where live calls go: the provider behind the gateway, over httpx2."""

import math
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlsplit

from evalgate.errors import ConfigError
from evalgate.gateway.wire.errors import ProviderError
from evalgate.gateway.wire.routes import Target
from evalgate.sending import is_http_url

if TYPE_CHECKING:
    import httpx2


Headers = list[tuple[bytes, bytes]]
"""Header lines, names in lower case."""

_URLS = 256
"""Parsed URLs that are kept."""

_VERSION = re.compile(r"v[0-9]+[a-z0-9]*")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_NOT_SENT_ON = frozenset(
    {
        b"host",
        b"content-length",
        b"connection",
        b"keep-alive",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"accept-encoding",
    }
)
_NOT_SENT_BACK = frozenset(
    {
        b"content-length",
        b"content-encoding",
        b"transfer-encoding",
        b"connection",
        b"keep-alive",
        b"set-cookie",
        b"date",
        b"server",
    }
)
_CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key"})
_STREAMS = ("text/event-stream", "application/vnd.amazon.eventstream", "application/x-ndjson")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One provider's address.

    Raises:
        ConfigError: The URL is none.
    """

    base_url: str
    """With or without its version, e.g. `https://api.openai.com/v1`."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The credentials; they replace those that the agent sends. Empty: the agent's are passed."""
    exact: bool = False
    """Whether the URL is whole though it names no version: a client would use it as it is."""

    def __post_init__(self) -> None:
        """Refuse what would fail at the first call."""
        if not is_http_url(self.base_url):
            raise ConfigError(
                f"upstream: expected a URL such as https://api.openai.com/v1, found "
                f"{self.base_url!r}"
            )

    def url(self, path: str, target: Target) -> str:
        """Return where a request goes.

        A base URL that names a version is whole, as clients have it (`.../v1beta/openai`); to any
        other the path is added with the version that the agent's client sent.

        Args:
            path: Path and query as the agent sent them, without the leading slash.
            target: Which provider.
        """
        base = self.base_url.rstrip("/")
        if target == "azure":
            return f"{base.removesuffix('/v1').removesuffix('/openai')}/{path}"
        if target == "bedrock":
            return f"{base}/{_with_one_model(path)}"
        segments = urlsplit(base).path.split("/")
        if target == "google":
            version, _, rest = path.partition("/")
            has_both = _VERSION.fullmatch(version) and _VERSION.fullmatch(segments[-1])
            return f"{base}/{rest if has_both else path}"
        # Anthropic's clients add the version themselves, also behind a proxy that has one.
        versions = segments if target == "openai" else segments[-1:]
        whole = self.exact or any(map(_VERSION.fullmatch, versions))
        return f"{base}/{path.removeprefix('v1/') if whole else path}"


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request to send on."""

    target: Target
    """Which provider."""
    method: str
    """HTTP method."""
    path: str
    """Path and query behind the provider's root, without the leading slash."""
    headers: Headers = field(repr=False)
    """As the agent sent them."""
    body: bytes = field(repr=False)
    """As it is to be sent."""


class UpstreamResponse:
    """A response whose body is still to come. Use as a context manager."""

    def __init__(self, response: "httpx2.Response") -> None:
        """Use `Upstream.send`."""
        self._response = response
        self.status = response.status_code
        """HTTP status."""
        self.headers: Headers = [
            (name.lower(), value)
            for name, value in _with_seconds(response.headers.raw)
            if name.lower() not in _NOT_SENT_BACK
        ]
        """Headers to send back."""

    @property
    def is_stream(self) -> bool:
        """Whether the body is a stream of events."""
        return str(self._response.headers.get("content-type", "")).startswith(_STREAMS)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read the body as it comes.

        Raises:
            httpx2.HTTPError: It broke off, or nothing came for too long.
        """
        async for chunk in self._response.aiter_bytes():
            yield chunk

    async def close(self) -> None:
        """Drop the connection where the body was not read to its end."""
        await self._response.aclose()


class Upstream:
    """The providers that live calls go to. Use as an async context manager."""

    def __init__(
        self, endpoints: Mapping[Target, Endpoint], *, read_timeout: float = 600.0
    ) -> None:
        """Connect to nothing yet.

        Args:
            endpoints: The address of each provider that may be called.
            read_timeout: Seconds in which the next byte must come.
        """
        self._endpoints = dict(endpoints)
        self._timeout = read_timeout
        self._clients: dict[Target, httpx2.AsyncClient] = {}
        self._urls: dict[tuple[Target, str], httpx2.URL] = {}

    async def __aenter__(self) -> Self:
        """Enter in the loop that the calls will be made in."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    def _client(self, target: Target, endpoint: Endpoint) -> "httpx2.AsyncClient":
        import httpx2  # noqa: PLC0415  heavy

        if target not in self._clients:
            self._clients[target] = httpx2.AsyncClient(
                timeout=httpx2.Timeout(self._timeout, connect=10.0),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
                trust_env=urlsplit(endpoint.base_url).hostname not in _LOOPBACK,
            )
        return self._clients[target]

    def _url(self, target: Target, endpoint: Endpoint, path: str) -> "httpx2.URL":
        """Parse a URL once: the same few are called over and over."""
        import httpx2  # noqa: PLC0415  heavy

        if len(self._urls) > _URLS:
            self._urls.clear()
        if (target, path) not in self._urls:
            self._urls[target, path] = httpx2.URL(endpoint.url(path, target))
        return self._urls[target, path]

    async def send(self, request: UpstreamRequest) -> UpstreamResponse | ProviderError:
        """Send a request and wait for the response's headers.

        Returns:
            The response, whatever its status, or the error that the gateway answers with.
        """
        import httpx2  # noqa: PLC0415  heavy

        endpoint = self._endpoints.get(request.target)
        if endpoint is None:
            return ProviderError(
                502, "no_upstream", f"evalgate: no upstream is configured for {request.target}"
            )
        client = self._client(request.target, endpoint)
        try:
            url = self._url(request.target, endpoint, request.path)
            headers = _headers(request.headers, endpoint)
            built = httpx2.Request(
                request.method, url, headers=headers, content=request.body or None
            )
            # auth=None: credentials are the agent's or the endpoint's, never those of a netrc.
            return UpstreamResponse(await client.send(built, stream=True, auth=None))
        except httpx2.TimeoutException as error:
            return timed_out(error)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return unreachable(error)


def _with_one_model(path: str) -> str:
    """Quote the model of Bedrock's path again: its id can be an ARN, with slashes."""
    head, _, rest = path.partition("/")
    model, _, tail = rest.rpartition("/")
    return f"{head}/{quote(model, safe='')}/{tail}"


def _with_seconds(headers: Headers) -> Headers:
    """Give a `Retry-After` that is a date in seconds, counted from the server's own clock."""
    named = {name.lower(): value for name, value in headers}
    until = _moment(named.get(b"retry-after", b""))
    if until is None:
        return headers
    now = _moment(named.get(b"date", b""))
    seconds = max(0, math.ceil(until - (time.time() if now is None else now)))
    kept = [(name, value) for name, value in headers if name.lower() != b"retry-after"]
    return [*kept, (b"retry-after", str(seconds).encode())]


def _moment(value: bytes) -> float | None:
    """Read an HTTP date (RFC 9110, 5.6.7) as seconds since the epoch; anything else is None."""
    try:
        return parsedate_to_datetime(value.decode("latin-1")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def timed_out(error: Exception) -> ProviderError:
    """Return what the gateway answers when the upstream is too slow."""
    message = f"evalgate: the upstream did not answer in time ({type(error).__name__})"
    return ProviderError(504, "upstream_timeout", message, retry=None)


def unreachable(error: Exception) -> ProviderError:
    """Return what the gateway answers when the upstream is down."""
    message = f"evalgate: the upstream cannot be reached ({type(error).__name__}: {error})"
    return ProviderError(502, "upstream_unreachable", message, retry=None)


def _headers(sent: Headers, endpoint: Endpoint) -> Headers:
    own = [(name.lower().encode(), value.encode()) for name, value in endpoint.headers.items()]
    dropped = _NOT_SENT_ON | (_CREDENTIALS if own else frozenset())
    kept = [(name, value) for name, value in sent if name not in dropped]
    return [*kept, *own, (b"accept-encoding", b"identity")]
