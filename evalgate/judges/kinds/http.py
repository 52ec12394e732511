"""Sends a judge's requests: JSON out, bytes back, no opinion about either.

The transport of httpx2 is used without its client, one for each call at a time: a judge follows no
redirect and keeps no cookie, and a pool that looks through all its connections for every call
costs more CPU time than the call.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from evalgate.errors import ConfigError, DataError
from evalgate.quota.headers import parse_headers
from evalgate.sending import is_http_url

if TYPE_CHECKING:
    import ssl

    import httpx2


MAX_BYTES = 8 * 1024 * 1024
"""Longest response that is read."""

_NANOSECONDS = 1e9
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A response, whatever its status."""

    status: int
    body: bytes
    """Its body, decoded."""
    wait: float | None = None
    """Seconds the server asked to wait; None: it did not."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """No response came, or none that was whole."""

    reason: str


class Http:
    """One endpoint. Use as an async context manager."""

    def __init__(self, base_url: str, key: str | None, *, timeout_s: float) -> None:
        """Connect to nothing yet.

        Args:
            base_url: With the version, e.g. `https://api.openai.com/v1`.
            key: Sent as a bearer token; None: none is.
            timeout_s: Seconds one request may take from start to end.

        Raises:
            ConfigError: The URL is none.
        """
        if not is_http_url(base_url):
            raise ConfigError(
                f"judge: expected a URL such as https://api.openai.com/v1, found {base_url!r}"
            )
        parts = urlsplit(base_url)
        self._base = base_url.rstrip("/")
        self._host = parts.hostname or ""
        self._scheme = parts.scheme
        self._timeout = timeout_s
        self._open = False
        self._idle: list[httpx2.AsyncHTTPTransport] = []
        self._urls: dict[str, httpx2.URL] = {}
        self._tls: ssl.SSLContext | None = None
        # Plain identity: bodies are small, and a broken encoding is one failure less.
        self._headers = [
            ("accept-encoding", "identity"),
            ("content-type", "application/json"),
            ("user-agent", "evalgate"),
        ]
        if key is not None:
            self._headers.append(("authorization", f"Bearer {key}"))

    async def __aenter__(self) -> Self:
        """Open in the loop that the requests will be made in."""
        self._open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections."""
        self._open = False
        idle, self._idle = self._idle, []
        for transport in idle:
            await transport.aclose()

    def _transport(self) -> "httpx2.AsyncHTTPTransport":
        """Take a transport that nobody uses, or make one."""
        import httpx2  # noqa: PLC0415  # heavy

        if self._idle:
            return self._idle.pop()
        if self._tls is None:
            self._tls = httpx2.create_ssl_context()
        one = httpx2.Limits(max_connections=1, max_keepalive_connections=1)
        return httpx2.AsyncHTTPTransport(verify=self._tls, limits=one, proxy=self._proxy())

    def _proxy(self) -> str | None:
        if self._host in _LOOPBACK or proxy_bypass(self._host):
            return None
        proxies = getproxies()
        return proxies.get(self._scheme) or proxies.get("all")

    async def post(self, path: str, body: bytes) -> HttpReply | NoReply:
        """Send one request and read the response.

        Args:
            path: Behind the base URL, with its slash.
            body: JSON.
        """
        import httpx2  # noqa: PLC0415  # heavy

        if not self._open:
            message = "the endpoint is used before it is opened"
            raise RuntimeError(message)
        if path not in self._urls:
            self._urls[path] = httpx2.URL(self._base + path)
        request = httpx2.Request("POST", self._urls[path], headers=self._headers, content=body)
        transport = self._transport()
        try:
            async with asyncio.timeout(self._timeout):
                response = await transport.handle_async_request(request)
                try:
                    data = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            return NoReply(f"no answer within {self._timeout:g} s")
        except httpx2.HTTPError as error:
            return NoReply(f"cannot be reached ({type(error).__name__}: {error})")
        finally:
            self._idle.append(transport)
        if data is None:
            return NoReply(f"a response longer than {MAX_BYTES:,} bytes")
        wait = None if response.status_code < 400 else _wait(response.headers)
        return HttpReply(response.status_code, data, wait)


async def _read(response: "httpx2.Response") -> bytes | None:
    """Read a body; None where it is too long."""
    pieces: list[bytes] = []
    size = 0
    encoded = "content-encoding" in response.headers
    async for piece in response.aiter_bytes() if encoded else response.aiter_raw():
        size += len(piece)
        if size > MAX_BYTES:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _wait(headers: Mapping[str, str]) -> float | None:
    hints = {name: headers[name] for name in ("retry-after-ms", "retry-after") if name in headers}
    try:
        wait = parse_headers(hints).retry_after
    except DataError:
        return None
    return None if wait is None else wait / _NANOSECONDS
