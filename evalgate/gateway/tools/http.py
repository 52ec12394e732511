"""HTTP services behind the gateway: any method, headers filtered, bodies as they come."""

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from starlette.types import Receive, Scope, Send

from evalgate.gateway.exchange import Delivered
from evalgate.gateway.http import header, send_bytes, send_recorded, start_stream, unless_gone
from evalgate.gateway.recorded import recorded_response
from evalgate.gateway.request_key import parse_json
from evalgate.gateway.sessions import Sessions
from evalgate.gateway.tool_calls import ToolAnswer, ToolRun
from evalgate.gateway.tools.desk import Asked, Refusal, begin, failed, finish
from evalgate.gateway.tools.faults import Faulted
from evalgate.gateway.tools.mock import Mocked
from evalgate.gateway.trial_log import TrialLog
from evalgate.gateway.wire import openai_models
from evalgate.schema.base import Json

if TYPE_CHECKING:
    import httpx2

__all__ = ["HttpTools", "Service"]

_SENT_ON = frozenset(
    {
        b"accept",
        b"accept-language",
        b"authorization",
        b"content-type",
        b"cookie",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"prefer",
        b"range",
        b"user-agent",
    }
)
_OURS = (b"x-forwarded", b"x-real-ip", b"x-stainless")
_SENT_BACK = frozenset(
    {
        b"accept-ranges",
        b"allow",
        b"content-disposition",
        b"content-language",
        b"content-range",
        b"content-type",
        b"etag",
        b"last-modified",
        b"link",
        b"location",
        b"retry-after",
        b"www-authenticate",
    }
)
"""Headers of a response that an agent may act on: live as in a replay."""

_MAX_BODY = 64 * 1024 * 1024
_JSON = [(b"content-type", b"application/json")]


@dataclass(frozen=True, slots=True)
class Service:
    """An HTTP service."""

    url: str
    """Its base URL."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers that live calls carry in the place of the agent's."""


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request of an agent."""

    scope: Scope
    receive: Receive
    send: Send
    name: str
    rest: str
    """Path and query behind the service's name, percent-encoded as sent."""
    raw: bytes
    log: TrialLog


class HttpTools:
    """The HTTP services of a suite. Use as an async context manager."""

    def __init__(
        self,
        sessions: Sessions,
        services: Mapping[str, Service],
        *,
        pace: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Connect to nothing yet.

        Args:
            sessions: Whose trials call.
            services: By name.
            pace: Recorded times are waited for, times this.
            sleep: Waits for some seconds.
        """
        self.services = dict(services)
        self._sessions = sessions
        self._pace = pace
        self._sleep = sleep
        self._made: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        if self._made is not None:
            await self._made.aclose()

    def _client(self) -> "httpx2.AsyncClient":
        import httpx2  # noqa: PLC0415  heavy

        if self._made is None:
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
            timeout = httpx2.Timeout(600.0, connect=30.0)
            self._made = httpx2.AsyncClient(limits=limits, timeout=timeout, trust_env=False)
        return self._made

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, name: str, raw: bytes, log: TrialLog
    ) -> None:
        """Answer one request of an agent to a service."""
        came = _Exchange(scope, receive, send, name, _rest(scope, name), raw, log)
        settings = self._sessions.settings
        safe = scope["method"] in ("GET", "HEAD", "OPTIONS")
        asked = Asked("http", name, _arguments(came), None if not safe else False)
        run, answer = begin(log, settings, asked)
        if isinstance(answer, Faulted):
            await unless_gone(receive, self._wait(answer.wait))
            answer = answer.answer
        match answer:
            case Refusal():
                await _send_json(send, 502, _error(answer.code, answer.message))
            case Mocked():
                await _send_mocked(send, answer)
            case ToolAnswer(response=None):
                await _send_json(send, 502, _error("no_response", "evalgate: no HTTP response"))
            case ToolAnswer():
                await self._replay(came, answer)
            case None:
                try:
                    await unless_gone(receive, self._live(came, run))
                finally:
                    failed(log, run, "disconnected", "the agent left before the response was whole")

    async def _wait(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def _replay(self, came: _Exchange, answer: ToolAnswer) -> None:
        assert answer.response is not None  # noqa: S101  # matched by the caller
        sent = answer.response
        reached = 0.0

        async def wait(at: float) -> None:
            nonlocal reached
            if at > reached:
                await self._sleep((at - reached) * self._pace)
                reached = at

        here = _with_location(sent, self._base(came.name), _own(came))
        await send_recorded(came.send, here, wait if self._pace > 0 else None, lambda: None)

    def _base(self, name: str) -> str:
        return self.services[name].url.rstrip("/")

    async def _live(self, came: _Exchange, run: ToolRun) -> None:
        import httpx2  # noqa: PLC0415  heavy

        service = self.services[came.name]
        began = time.perf_counter()
        chunks: list[tuple[float, bytes]] = []
        try:
            request = httpx2.Request(
                came.scope["method"],
                f"{self._base(came.name)}{came.rest}",
                headers=_onward(came.scope["headers"], service),
                content=came.raw or None,
            )
            response = await self._client().send(request, stream=True, auth=None)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            message = (
                f"the service {came.name!r} cannot be reached ({type(error).__name__}: {error})"
            )
            failed(came.log, run, "unreachable", message)
            await _send_json(came.send, 502, _error("tool_unreachable", f"evalgate: {message}"))
            return
        stream = _is_stream(response.headers.get("content-type", ""), response.headers)
        kept = _kept(response.headers.raw)
        sent = partial(Delivered, openai_models.WIRE, response.status_code, kept)
        started, size, cut = False, 0, False
        try:
            async for chunk in response.aiter_bytes():
                at = round(time.perf_counter() - began, 4)
                size += len(chunk)
                if size > _MAX_BODY:
                    cut = True
                    break
                if stream and not started:
                    await start_stream(came.send, response.status_code, list(kept))
                    started = True
                if stream and chunk:
                    body = {"type": "http.response.body", "body": chunk, "more_body": True}
                    await came.send(body)
                chunks.append((at, chunk))
        except httpx2.HTTPError:
            cut = True
        finally:
            await response.aclose()
        await self._ended(came, run, sent(tuple(chunks), stream, cut), started=started)

    async def _ended(
        self, came: _Exchange, run: ToolRun, sent: Delivered, *, started: bool
    ) -> None:
        """Record a response, then send what is left of it."""
        log, settings = came.log, self._sessions.settings
        body = b"".join(chunk for _, chunk in sent.chunks)
        if sent.cut:
            name = came.name
            log.problems.append(f"tool {name!r}: a response broke off and was not recorded")
            failed(log, run, "cut", "the response broke off")
        else:
            run.result = _shown(sent.status, body)
            whole = sent if sent.stream else _in_one(sent, body)
            finish(
                log,
                settings,
                run,
                response=lambda: recorded_response(whole, settings.redactor, _SENT_BACK),
            )
        if started:
            if not sent.cut:
                await came.send({"type": "http.response.body", "body": b""})
            return
        if sent.cut:
            await _send_json(came.send, 502, _error("tool_cut", "evalgate: the response broke off"))
            return
        here = _with_location(_in_one(sent, body), self._base(came.name), _own(came))
        await send_bytes(came.send, here.status, list(here.headers), body)


def _is_stream(kind: str, headers: Mapping[str, str]) -> bool:
    """Say whether an agent is to get a body as it comes; JSON is of no use before its end."""
    return kind.startswith("text/event-stream") or (
        "content-length" not in headers and not kind.startswith("application/json")
    )


def _in_one(sent: Delivered, body: bytes) -> Delivered:
    at = sent.chunks[-1][0] if sent.chunks else 0.0
    return Delivered(sent.wire, sent.status, sent.headers, ((at, body),))


def _rest(scope: Scope, name: str) -> str:
    """Return path and query behind the service's name, as they were sent."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.decode("latin-1").partition(f"/evalgate/http/{name}")[2].partition("?")[0]
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{path}?{query}" if query else path


def _own(came: _Exchange) -> str:
    """Return the path of the service at the gateway."""
    raw: bytes = came.scope.get("raw_path") or came.scope["path"].encode()
    mark = f"/evalgate/http/{came.name}"
    return raw.decode("latin-1").partition(mark)[0] + mark


def _arguments(came: _Exchange) -> Json:
    """Describe a request: what makes two requests the same."""
    path, _, query = came.rest.partition("?")
    found: dict[str, Json] = {"method": came.scope["method"], "path": unquote(path) or "/"}
    values: dict[str, Json] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        before = values.get(name)
        if before is None:
            values[name] = value
        else:
            values[name] = [*(before if isinstance(before, list) else [before]), value]
    if values:
        found["query"] = values
    if came.raw:
        kind = (header(came.scope, b"content-type") or b"").decode("latin-1").partition(";")[0]
        found["body"] = _body(came.raw, kind)
    return found


def _body(raw: bytes, kind: str) -> Json:
    if "json" in kind or not kind:
        value, is_json = parse_json(raw)
        if is_json:
            return value
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(raw).decode()}
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(text, keep_blank_values=True))
    return text


def _shown(status: int, body: bytes) -> Json:
    """Return what a step shows of a response."""
    value, is_json = parse_json(body)
    shown: Json = value if is_json else body.decode(errors="replace")[:10_000]
    return {"status": status, "body": shown}


def _onward(headers: list[tuple[bytes, bytes]], service: Service) -> list[tuple[bytes, bytes]]:
    own = [(name.lower().encode(), value.encode()) for name, value in service.headers.items()]
    replaced = {name for name, _ in own}
    kept = [
        (name, value)
        for name, value in headers
        if name not in replaced
        and (name in _SENT_ON or (name.startswith(b"x-") and not name.startswith(_OURS)))
    ]
    return [*kept, *own, (b"accept-encoding", b"identity")]


def _kept(headers: list[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    lower = ((name.lower(), value) for name, value in headers)
    return tuple((name, value) for name, value in lower if name in _SENT_BACK)


def _with_location(sent: Delivered, base: str, own: str) -> Delivered:
    """Let a redirection within the service lead through the gateway."""
    headers = []
    for name, value in sent.headers:
        target = value.decode("latin-1")
        if name == b"location":
            parts = urlsplit(base)
            if target.startswith(base):
                target = own + target.removeprefix(base)
            elif target.startswith("/") and not target.startswith("//"):
                target = own + target.removeprefix(parts.path)
        headers.append((name, target.encode("latin-1")))
    return Delivered(
        sent.wire, sent.status, tuple(headers), sent.chunks, sent.stream, sent.cut, sent.usage_event
    )


async def _send_mocked(send: Send, answer: Mocked) -> None:
    if answer.error is not None:
        await _send_json(send, answer.status or 500, {"error": answer.error})
        return
    if isinstance(answer.result, str):
        text = [(b"content-type", b"text/plain; charset=utf-8")]
        await send_bytes(send, answer.status or 200, text, answer.result.encode())
        return
    await _send_json(send, answer.status or 200, answer.result)


def _error(code: str, message: str) -> Json:
    return {"error": {"code": code, "message": message}}


async def _send_json(send: Send, status: int, value: Json) -> None:
    await send_bytes(send, status, _JSON, json.dumps(value, ensure_ascii=False).encode())
