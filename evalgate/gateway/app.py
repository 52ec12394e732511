"""The gateway as an ASGI app: every request of every agent comes through here.

Nothing in it touches a clock, a disk or a network of its own: what it needs is passed in, so that
tests and the stress check drive the same app in process.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from shlex import quote
from typing import Final, NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from evalgate.gateway.cassette_index import Answer
from evalgate.gateway.exchange import AttemptLog, CallLog, Delivered, OddRequest
from evalgate.gateway.governor import Governor, estimate_tokens
from evalgate.gateway.http import (
    Gone,
    TooLarge,
    header,
    read_body,
    send_bytes,
    send_error,
    send_recorded,
    unless_gone,
)
from evalgate.gateway.live import Live
from evalgate.gateway.miss import make_miss
from evalgate.gateway.request_key import Prepared, parse_body, prepare, recall, recognised, written
from evalgate.gateway.sessions import Sessions
from evalgate.gateway.tools.app import PREFIX, ToolApp
from evalgate.gateway.tools.http import HttpTools
from evalgate.gateway.trial_log import Limit, TrialLog
from evalgate.gateway.upstream import Upstream, UpstreamRequest
from evalgate.gateway.wire.base import NO_USAGE, output_limit
from evalgate.gateway.wire.errors import ProviderError
from evalgate.gateway.wire.routes import Route, provider_of, resolve
from evalgate.quota.profiles import WireResponse
from evalgate.schema.usage import Usage

_log = logging.getLogger(__name__)

MAX_BODY: Final = 32 * 1024 * 1024
"""Bytes of a request that are taken by default; above, the agent gets 413."""

_UNKNOWN_TOKEN = ProviderError(
    401, "unknown_session", "evalgate: this session token was not handed out, or was taken back"
)
_NO_TRIAL = ProviderError(
    409, "no_trial", "evalgate: no trial is running behind this session; the call came too late"
)
_TOLD = "the agent told it something else than was recorded"
_NO_UPSTREAM = ProviderError(502, "no_upstream", "evalgate: live calls need an upstream")


@dataclass(frozen=True, slots=True)
class Incoming:
    """What an `admit` is asked about."""

    token: str
    """The session."""
    case_id: str
    trial: int
    route: Route
    model: str
    input_tokens: int
    """Recorded where the call is replayed, else estimated from its size."""
    output_tokens: int | None
    """Recorded; None where the call is live."""
    max_tokens: int | None
    """The output limit asked for."""
    retry_count: int | None
    """What the client said in `x-stainless-retry-count`."""
    attempt: int
    """Attempts at this call so far, from 1."""


Settle = Callable[[Usage | None], None]
"""Called once when an admitted call has ended; None: its usage is not known."""

Admit = Callable[[Incoming], Settle | WireResponse]
"""Decides on each request: what to call when it has ended, or the response that rejects it."""


def create_app(  # noqa: PLR0913  everything from outside is passed in
    sessions: Sessions,
    *,
    upstream: Upstream | None = None,
    governor: Governor | None = None,
    admit: Admit | None = None,
    pace: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    max_body: int = MAX_BODY,
    tools: ToolApp | None = None,
) -> ASGIApp:
    """Make the app.

    Args:
        sessions: Who may call, and how calls are treated.
        upstream: Where live calls go; None: nowhere.
        governor: Keeps live calls under the account's limits and the budget.
        admit: Decides on every request before it is looked up or sent on (a stress check).
        pace: Recorded times are waited for, times this; 0: not at all.
        clock: Seconds that only grow.
        sleep: Waits for some seconds.
        max_body: Bytes of a request that are taken.
        tools: Answers calls of tools; None: Python tools only.

    Returns:
        The ASGI app; it needs no lifespan.
    """
    live = None if upstream is None else Live(upstream, governor, clock=clock, sleep=sleep)
    tools = tools or ToolApp(sessions, HttpTools(sessions, {}))
    return _Gateway(sessions, live, admit, pace, sleep, max_body, tools)


class _Arrival(NamedTuple):
    """A request whose trial is known."""

    scope: Scope
    receive: Receive
    send: Send
    token: str
    path: str
    log: TrialLog


@dataclass(slots=True)
class _Request:
    """One request, once it is known where it belongs."""

    scope: Scope
    receive: Receive
    send: Send
    token: str
    path: str
    log: TrialLog
    route: Route
    raw: bytes = b""

    async def refuse(self, error: ProviderError) -> None:
        await send_error(self.send, self.route.wire.provider, error)


@dataclass(frozen=True, slots=True)
class _Gateway:
    sessions: Sessions
    live: Live | None
    admit: Admit | None
    pace: float
    sleep: Callable[[float], Awaitable[None]]
    max_body: int
    tools: ToolApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        token, path = _split(scope["path"])
        if (header(scope, b"user-agent") or b"").startswith((b"Groq/", b"AsyncGroq/")):
            # Groq's client writes `openai/v1/...` as Azure's does; its upstream is OpenAI's kind.
            path = path.removeprefix("openai/")
        anthropic = header(scope, b"anthropic-version") is not None
        if not self.sessions.is_known(token):
            await send_error(send, provider_of(path, anthropic=anthropic), _UNKNOWN_TOKEN)
            return
        log = self.sessions.trial(token)
        if log is None:
            await send_error(send, provider_of(path, anthropic=anthropic), _NO_TRIAL)
            return
        if path.startswith(PREFIX):
            # The time of tools is the agent's own: nobody waits for a model.
            await self.tools(scope, receive, send, path, log)
            return
        log.arrived()
        try:
            await self._routed(
                _Arrival(scope, receive, send, token, path, log), anthropic=anthropic
            )
        finally:
            log.answered()

    async def _routed(self, came: "_Arrival", *, anthropic: bool) -> None:
        scope, receive, send, token, path, log = came
        route = resolve(scope["method"], path, anthropic=anthropic)
        if route is None:
            await self._unknown_path(scope["method"], path, log, send, anthropic=anthropic)
            return
        server = self.sessions.settings.served_by.get(route.target)
        route = route if server is None else replace(route, served_by=server)
        request = _Request(scope, receive, send, token, path, log, route)
        try:
            request.raw = await read_body(receive, self.max_body)
        except Gone:
            return
        except TooLarge:
            message = f"evalgate: the request is above {self.max_body:,} bytes"
            await self._malformed(request, ProviderError(413, "too_large", message))
            return
        await self._parsed(request)

    async def _unknown_path(
        self, method: str, path: str, log: TrialLog, send: Send, *, anthropic: bool
    ) -> None:
        shown = self.sessions.settings.redactor.redact(path[:200])
        message = f"Invalid URL ({method} /{shown}): evalgate speaks no protocol that has this path"
        error = ProviderError(404, "unknown_path", message)
        log.odd.append(OddRequest(log.now(), method, f"/{shown}", error))
        await send_error(send, provider_of(path, anthropic=anthropic), error)

    async def _malformed(self, request: _Request, error: ProviderError) -> None:
        """Answer a request that cannot be read; it is a failed call in the trace."""
        settings = self.sessions.settings
        empty = prepare({}, request.route, settings.matching)
        key = f"sha256:{sha256(request.raw).hexdigest()}"
        _, attempt = request.log.begin(
            request.route, Prepared(empty.spelt, key), _retry_count(request.scope)
        )
        request.log.end_refused(attempt, error)
        await request.refuse(error)

    async def _parsed(self, request: _Request) -> None:
        log = request.log
        settings = self.sessions.settings
        known = log.cassette.known.get(log.recorded_trial, {})
        prepared = recall(request.raw, request.route, settings.matching, known)
        if prepared is None:
            body = parse_body(request.raw)
            if isinstance(body, ProviderError):
                await self._malformed(request, body)
                return
            veiled = log.cassette.veiled.get(log.recorded_trial, ())
            prepared = prepare(body, request.route, settings.matching)
            prepared = recognised(prepared, veiled, settings.redactor)
        if log.blocked is not None:
            log.refused += 1
            await request.refuse(log.blocked)
            return
        call, attempt = log.begin(request.route, prepared, _retry_count(request.scope))
        if self._is_over_limit(log, call):
            log.drop(call)
            log.refused += 1
            log.limit = Limit(log.now(), settings.loop_limit or 0)
            log.blocked = _loop_error(settings.loop_limit or 0)
            await request.refuse(log.blocked)
            return
        if log.not_measured is not None:
            error = ProviderError(400, "cassette_unusable", f"evalgate: {log.not_measured}")
            log.end_refused(attempt, error)
            await request.refuse(error)
            return
        await self._answered(request, call, attempt)

    def _is_over_limit(self, log: TrialLog, call: CallLog) -> bool:
        limit = self.sessions.settings.loop_limit
        is_new = len(call.attempts) == 1 and call.route.wire.kind == "llm"
        return limit is not None and is_new and log.calls_in_turn(call) > limit

    async def _answered(self, request: _Request, call: CallLog, attempt: AttemptLog) -> None:
        """Look the answer up, or fetch it; whatever happens, the attempt ends."""
        log = request.log
        mode = self.sessions.settings.mode
        answer: Answer | None = None
        if mode in {"replay", "auto"}:
            order = log.due(call)
            answer = log.cassette.find(log.recorded_trial, call.prepared.key, order)
            if answer is not None:
                log.take(call, order)
        if _log.isEnabledFor(logging.DEBUG):
            found = f"not recorded ({mode})" if answer is None else "replayed"
            asked = request.route.wire.name, call.prepared.key
            _log.debug("case %s, trial %d: %s %s is %s", log.case_id, log.trial, *asked, found)
        try:
            settle = await self._admitted(request, call, attempt, answer)
            if settle is None:
                return
            usage: Usage | None = None
            try:
                usage = await self._served(request, call, attempt, answer)
            finally:
                settle(usage)
        except Gone:
            self.sessions.left(log, call, attempt, "disconnected")
        finally:
            self.sessions.left(log, call, attempt, "unfinished")

    async def _admitted(
        self, request: _Request, call: CallLog, attempt: AttemptLog, answer: Answer | None
    ) -> Settle | None:
        """Ask `admit`; None where it has rejected the request, and the agent knows."""
        if self.admit is None or request.log.part == "user":
            return _settle_nothing
        verdict = self.admit(_incoming(request, call, attempt, answer))
        if not isinstance(verdict, WireResponse):
            return verdict
        headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in verdict.headers.items()]
        request.log.end_rejected(attempt, verdict.status, dict(headers), verdict.body)
        await send_bytes(request.send, verdict.status, headers, verdict.body)
        return None

    async def _served(
        self, request: _Request, call: CallLog, attempt: AttemptLog, answer: Answer | None
    ) -> Usage | None:
        if answer is not None:
            return await self._replayed(request, attempt, answer)
        if self.sessions.settings.mode == "replay":
            await self._missed(request, call, attempt)
            return None
        if self.live is None:
            request.log.end_refused(attempt, _NO_UPSTREAM)
            await request.refuse(_NO_UPSTREAM)
            return None
        await unless_gone(request.receive, self._lived(self.live, request, call, attempt))
        return None if attempt.delivered is None else attempt.delivered.reply.usage

    async def _replayed(self, request: _Request, attempt: AttemptLog, answer: Answer) -> Usage:
        sent = answer.delivered

        def ended() -> None:
            if attempt.end is None:
                request.log.end_replayed(attempt, sent, answer.start, answer.end)

        if self.pace > 0:
            paced = send_recorded(request.send, sent, self._pacer(), ended)
            await unless_gone(request.receive, paced)
        else:
            await send_recorded(request.send, sent, None, ended)
        return sent.reply.usage if self.admit is not None else NO_USAGE

    def _pacer(self) -> Callable[[float], Awaitable[None]]:
        """Return a wait that keeps the speed at which a response came."""
        reached = 0.0

        async def wait(at: float) -> None:
            nonlocal reached
            if at > reached:
                await self.sleep((at - reached) * self.pace)
                reached = at

        return wait

    async def _missed(self, request: _Request, call: CallLog, attempt: AttemptLog) -> None:
        log = request.log
        command = self.sessions.settings.rerecord.format(case_id=quote(log.case_id))
        canonical, _ = written(call.prepared, self.sessions.settings.redactor)
        recorded, key = log.cassette.recorded(), call.prepared.key
        known = any(key in keys for keys in log.cassette.answers.values())
        miss = make_miss(log.case_id, log.recorded_trial, canonical, recorded, command, known=known)
        if log.part == "user":
            miss = replace(miss, reason=f"{miss.reason}; it is the simulated user's: {_TOLD}")
        log.miss = log.miss or miss
        error = ProviderError(400, "cassette_miss", f"evalgate: {miss}")
        log.end_refused(attempt, error)
        await request.refuse(error)

    async def _lived(
        self, live: Live, request: _Request, call: CallLog, attempt: AttemptLog
    ) -> None:
        query = request.scope.get("query_string", b"").decode("latin-1")
        path = f"{request.path}?{query}" if query else request.path
        onward = UpstreamRequest(
            request.route.target,
            request.scope["method"],
            path,
            request.scope["headers"],
            request.raw,
        )

        def finished(sent: Delivered) -> None:
            self.sessions.finished(request.log, call, attempt, sent)

        refused = await live.call(request.log, call, onward, request.send, finished)
        if refused is not None:
            if refused.code in {"budget_exhausted", "price_unknown"}:
                request.log.not_measured = refused.message
                request.log.blocked = refused
            request.log.end_refused(attempt, refused)
            await request.refuse(refused)


def _settle_nothing(_usage: Usage | None) -> None:
    """Nobody is waiting for the end of the call."""


def _split(path: str) -> tuple[str, str]:
    """Split `/s/TOKEN/rest` into the token and the rest without its leading slash."""
    if not path.startswith("/s/"):
        return "", path.lstrip("/")
    token, _, rest = path[3:].partition("/")
    return token, rest.lstrip("/").rstrip("/")


def _retry_count(scope: Scope) -> int | None:
    raw = header(scope, b"x-stainless-retry-count")
    return int(raw) if raw is not None and raw.isdigit() and len(raw) < 6 else None


def _loop_error(limit: int) -> ProviderError:
    message = f"evalgate: loop limit: the agent made more than {limit} LLM calls in one turn"
    return ProviderError(400, "loop_limit", message)


def _incoming(
    request: _Request, call: CallLog, attempt: AttemptLog, answer: Answer | None
) -> Incoming:
    canonical = call.prepared.canonical
    recorded = None if answer is None else answer.delivered.reply.usage
    known = None if recorded is None else recorded.input_tokens
    return Incoming(
        token=request.token,
        case_id=request.log.case_id,
        trial=request.log.trial,
        route=request.route,
        model=str(canonical.get("model") or ""),
        input_tokens=estimate_tokens(request.raw) if known is None else known,
        output_tokens=None if recorded is None else recorded.output_tokens,
        max_tokens=output_limit(request.route.wire, canonical),
        retry_count=attempt.retry_count,
        attempt=len(call.attempts),
    )
