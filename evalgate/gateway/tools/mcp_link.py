"""A connection to a real MCP server: one a trial, over stdio or streamable HTTP."""

import asyncio
import json
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from evalgate.gateway.request_key import parse_json
from evalgate.gateway.wire.base import Body, as_body
from evalgate.gateway.wire.sse import EventBuffer, read_events
from evalgate.schema.base import Json

if TYPE_CHECKING:
    import ssl

    import httpx2


_MAX_LINE = 64 * 1024 * 1024
_GRACE_S = 1.0
_OURS = {"name": "evalgate", "version": "1"}
_VERSION = "2025-06-18"

Notified = Callable[[Body], None]
"""Is told of each notification that belongs to a request."""


class McpFailed(Exception):
    """A server did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Server:
    """An MCP server: exactly one of command and URL is given."""

    command: tuple[str, ...] = ()
    """What is started."""
    url: str = ""
    """Where it listens."""
    root: Path = Path()
    """Folder of the command."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables of the command."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers of requests to the URL."""
    timeout_s: float = 60.0
    """Seconds in which it must answer."""


class Link(Protocol):
    """A server that is connected."""

    async def ask(self, message: Body, notified: Notified) -> Body:
        """Send a request and return its response.

        Raises:
            McpFailed: There is none.
        """

    async def tell(self, message: Body) -> None:
        """Send a notification."""

    async def close(self) -> None:
        """End it."""


async def open_link(server: Server, client: Body, odd: Callable[[str], None]) -> tuple[Link, Body]:
    """Connect to a server and shake hands.

    Args:
        server: The server.
        client: What the agent's client says of itself in `initialize`. What would let the server
            ask back (sampling, elicitation, roots) is left out: a recording could not answer.
        odd: Is told of what the server says that is no message.

    Returns:
        The connection, and the response to `initialize`.

    Raises:
        McpFailed: It cannot be reached, or does not answer.
    """
    link: Link
    if server.command:
        link = await _Stdio.start(server, odd)
    else:
        link = _Http(server)
    params: Body = {
        "protocolVersion": client.get("protocolVersion") or _VERSION,
        "capabilities": {},
        "clientInfo": client.get("clientInfo") or {**_OURS},
    }
    hello: Body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    try:
        async with asyncio.timeout(server.timeout_s):
            answer = await link.ask(hello, lambda _: None)
            await link.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})
    except TimeoutError:
        await link.close()
        raise McpFailed(f"did not answer `initialize` in {server.timeout_s:g} s") from None
    except McpFailed:
        await link.close()
        raise
    return link, answer


@dataclass(slots=True)
class _Stdio:
    """A server that was started as a command."""

    process: Process
    odd: Callable[[str], None]
    waiting: dict[Json, tuple["asyncio.Future[Body]", Notified]] = field(default_factory=dict)
    reader: "asyncio.Task[None] | None" = None
    over: str | None = None

    @classmethod
    async def start(cls, server: Server, odd: Callable[[str], None]) -> "_Stdio":
        try:
            process = await asyncio.create_subprocess_exec(
                *server.command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                cwd=server.root,
                env={**server.env},
                limit=_MAX_LINE,
                start_new_session=True,
            )
        except OSError as error:
            raise McpFailed(f"cannot be started: {error}") from error
        link = cls(process, odd)
        link.reader = asyncio.create_task(link._read())
        return link

    async def ask(self, message: Body, notified: Notified) -> Body:
        if self.over is not None:
            raise McpFailed(self.over)
        answer: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
        key = str(message.get("id"))
        self.waiting[key] = (answer, notified)
        try:
            await self.tell(message)
            return await answer
        finally:
            self.waiting.pop(key, None)

    async def tell(self, message: Body) -> None:
        assert self.process.stdin is not None  # noqa: S101  # it was asked for
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            await self.process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise McpFailed("is gone") from error

    async def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101  # it was asked for
        why = "ended before it answered"
        try:
            while line := await self.process.stdout.readline():
                await self._heard(line)
        except ValueError:
            why = f"sent a line above {_MAX_LINE:,} bytes"
        self.over = why
        for answer, _ in self.waiting.values():
            if not answer.done():
                answer.set_exception(McpFailed(why))

    async def _heard(self, line: bytes) -> None:
        value, is_json = parse_json(line)
        if not is_json or not isinstance(value, dict):
            if line.strip():
                self.odd("a line that is no message")
            return
        if "method" in value and "id" in value:
            with suppress(McpFailed):
                await self.tell(_to_server(value))
        elif "method" in value:
            token = str(as_body(value.get("params")).get("progressToken"))
            found = self.waiting.get(token)
            if found is not None:
                found[1](value)
        else:
            found = self.waiting.get(str(value.get("id")))
            if found is None:
                self.odd(f"an answer to {value.get('id')!r}, which nobody asked")
            elif not found[0].done():
                found[0].set_result(value)

    async def close(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            async with asyncio.timeout(_GRACE_S):
                await self.process.wait()
        except TimeoutError:
            pass
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, 9)
        await self.process.wait()
        if self.reader is not None:
            self.reader.cancel()
            with suppress(asyncio.CancelledError):
                await self.reader


def _to_server(asked: Body) -> Body:
    """Answer a server that asks back: only whether we are there."""
    answer: Body = {"jsonrpc": "2.0", "id": asked.get("id")}
    if asked.get("method") == "ping":
        return {**answer, "result": {}}
    return {**answer, "error": {"code": -32601, "message": "not offered"}}


def _answer_in(events: list[bytes], message: Body, notified: Notified) -> Body | None:
    """Find the answer to a request among events; what comes before it is told."""
    for event in read_events((0.0, one) for one in events):
        said = as_body(event.data)
        if said.get("id") == message.get("id") and "method" not in said:
            return said
        if "method" in said and "id" not in said:
            notified(said)
    return None


@cache
def _tls() -> "ssl.SSLContext":
    """Read the certificates once: it takes longer than a call."""
    import httpx2  # noqa: PLC0415  # heavy

    return httpx2.create_ssl_context()


class _Http:
    """A server that listens on a URL."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session: dict[str, str] = {}
        self._made: httpx2.AsyncClient | None = None

    def _client(self) -> "httpx2.AsyncClient":
        import httpx2  # noqa: PLC0415  heavy

        if self._made is None:
            tls = _tls() if self._server.url.startswith("https:") else False
            self._made = httpx2.AsyncClient(
                timeout=self._server.timeout_s, trust_env=False, verify=tls
            )
        return self._made

    async def ask(self, message: Body, notified: Notified) -> Body:
        import httpx2  # noqa: PLC0415  heavy

        try:
            async with self._client().stream(
                "POST", self._server.url, json=message, headers=self._headers(), auth=None
            ) as answer:
                session = answer.headers.get("mcp-session-id")
                if session:
                    self._session["mcp-session-id"] = session
                if answer.status_code >= 400:
                    raise McpFailed(f"answered with HTTP {answer.status_code}")
                if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                    found = as_body(parse_json(await answer.aread())[0])
                else:
                    found = await self._streamed(answer, message, notified)
        except httpx2.HTTPError as error:
            raise McpFailed(f"cannot be reached ({type(error).__name__}: {error})") from error
        if "result" not in found and "error" not in found:
            raise McpFailed("sent no JSON-RPC response")
        if found.get("id") not in (message.get("id"), None):
            raise McpFailed(f"sent an answer to another request: {found.get('id')!r}")
        version = as_body(found.get("result")).get("protocolVersion")
        if message.get("method") == "initialize" and isinstance(version, str):
            self._session["mcp-protocol-version"] = version
        return found

    async def _streamed(self, answer: "httpx2.Response", message: Body, notified: Notified) -> Body:
        buffer = EventBuffer()
        async for piece in answer.aiter_bytes():
            whole = buffer.feed(piece)
            if buffer.size > _MAX_LINE:
                raise McpFailed(f"sent more than {_MAX_LINE:,} bytes")
            found = _answer_in(whole, message, notified)
            if found is not None:
                return found
        return _answer_in([buffer.rest()], message, notified) or {}

    def _headers(self) -> dict[str, str]:
        accept = {"accept": "application/json, text/event-stream"}
        return {**self._server.headers, **accept, **self._session}

    async def tell(self, message: Body) -> None:
        import httpx2  # noqa: PLC0415  heavy

        with suppress(httpx2.HTTPError):
            await self._client().post(self._server.url, json=message, headers=self._headers())

    async def close(self) -> None:
        import httpx2  # noqa: PLC0415  heavy

        if self._made is not None:
            with suppress(httpx2.HTTPError):
                if self._session:
                    await self._made.delete(self._server.url, headers=self._headers())
            await self._made.aclose()
