"""Sends a judge's requests: JSON out, bytes back, no opinion about either.

The transport of httpx2 is used without its client: a judge follows no redirect and keeps no
cookie, and the client would cost a fifth of a call's CPU time.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from evalgate.capacity.headers import parse_headers
from evalgate.errors import ConfigError, DataError

if TYPE_CHECKING:
    import httpx2

__all__ = ["MAX_BYTES", "Http", "HttpReply", "NoReply"]

MAX_BYTES = 8 * 1024 * 1024
"""Longest response that is read."""

_NANOSECONDS = 1e9
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A response, whatever its status."""

    status: int
    """HTTP status."""
    body: bytes
    """Its body, decoded."""
    wait: float | None = None
    """Seconds the server asked to wait; None: it did not."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """No response came, or none that was whole."""

    reason: str
    """Why."""


class Http:
    """One endpoint. Use as an async context manager."""

    def __init__(
        self, base_url: str, key: str | None, *, timeout_s: float, connections: int
    ) -> None:
        """Connect to nothing yet.

        Args:
            base_url: With the version, e.g. `https://api.openai.com/v1`.
            key: Sent as a bearer token; None: none is.
            timeout_s: Seconds one request may take from start to end.
            connections: Connections at once.

        Raises:
            ConfigError: The URL is none.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(
                f"judge: expected a URL such as https://api.openai.com/v1, found {base_url!r}"
            )
        self._base = base_url.rstrip("/")
        self._host = parts.hostname
        self._scheme = parts.scheme
        self._timeout = timeout_s
        self._connections = connections
        self._transport: httpx2.AsyncHTTPTransport | None = None
        self._urls: dict[str, httpx2.URL] = {}
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
        import httpx2  # noqa: PLC0415  # heavy

        self._transport = httpx2.AsyncHTTPTransport(
            limits=httpx2.Limits(
                max_connections=self._connections, max_keepalive_connections=self._connections
            ),
            proxy=self._proxy(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections."""
        if self._transport is not None:
            await self._transport.aclose()

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

        if self._transport is None:
            message = "the endpoint is used before it is opened"
            raise RuntimeError(message)
        url = self._urls.setdefault(path, httpx2.URL(self._base + path))
        request = httpx2.Request("POST", url, headers=self._headers, content=body)
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._transport.handle_async_request(request)
                try:
                    data = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            return NoReply(f"no answer within {self._timeout:g} s")
        except httpx2.HTTPError as error:
            return NoReply(f"cannot be reached ({type(error).__name__}: {error})")
        if data is None:
            return NoReply(f"a response longer than {MAX_BYTES:,} bytes")
        wait = None if response.status_code < 400 else _wait(response.headers)
        return HttpReply(response.status_code, data, wait)


async def _read(response: "httpx2.Response") -> bytes | None:
    """Read a body; None where it is too long."""
    pieces: list[bytes] = []
    size = 0
    async for piece in response.aiter_bytes():
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
