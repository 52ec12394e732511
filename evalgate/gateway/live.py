"""A live call: through the governor to the upstream, and back to the agent as it comes."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.types import Send

from evalgate.gateway.exchange import CallLog, Delivered, retry_after
from evalgate.gateway.governor import Estimate, Governor, Permit, estimate_tokens
from evalgate.gateway.http import send_bytes, start_stream
from evalgate.gateway.trial_log import TrialLog
from evalgate.gateway.upstream import (
    Upstream,
    UpstreamRequest,
    UpstreamResponse,
    timed_out,
    unreachable,
)
from evalgate.gateway.wire.base import ProviderName, Usage, as_body, count
from evalgate.gateway.wire.errors import ProviderError, classify, error_body, error_headers
from evalgate.gateway.wire.openai_chat import ask_for_usage, is_usage_event
from evalgate.gateway.wire.sse import read_events, split_events

if TYPE_CHECKING:
    from evalgate.gateway.wire.routes import Route

__all__ = ["Live"]

_MAX_BODY = 64 * 1024 * 1024
"""Bytes of a response in one piece that are taken from an upstream."""

_RETRIED = frozenset({"throttled", "overloaded"})


@dataclass(slots=True)
class _Answer:
    """A response on its way to the agent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    sent_at: float
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    usage_event: bytes = b""
    cut: bool = False
    stream: bool = False

    def delivered(self, route: "Route") -> Delivered:
        headers, chunks = tuple(self.headers), tuple(self.chunks)
        return Delivered(
            route.wire, self.status, headers, chunks, self.stream, self.cut, self.usage_event
        )


class Live:
    """Sends requests on."""

    def __init__(
        self,
        upstream: Upstream,
        governor: Governor | None,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Take what a live call needs.

        Args:
            upstream: The providers.
            governor: Keeps all live calls under the account's limits; None: nothing does.
            clock: Seconds that only grow.
            sleep: Waits for some seconds.
        """
        self._upstream = upstream
        self._governor = governor
        self._clock = clock
        self._sleep = sleep

    async def call(
        self,
        log: TrialLog,
        call: CallLog,
        request: UpstreamRequest,
        send: Send,
    ) -> Delivered | ProviderError:
        """Make one attempt, and send what comes of it to the agent.

        Args:
            log: The trial.
            call: The call.
            request: What to send on.
            send: ASGI's.

        Returns:
            What was sent; or an error of the governor, which is still to be sent.
        """
        permit: Permit | None = None
        if self._governor is not None:
            entered = await self._governor.enter(_estimate(call, request.body))
            if isinstance(entered, ProviderError):
                return entered
            permit = entered
        usage: Usage | None = None
        try:
            sent = await self._send(log, call, request, send)
            usage = sent.reply.usage if sent.error is None else Usage(0, 0)
            return sent
        finally:
            if self._governor is not None and permit is not None:
                self._governor.leave(permit, usage)

    async def _send(
        self, log: TrialLog, call: CallLog, request: UpstreamRequest, send: Send
    ) -> Delivered:
        provider = call.route.wire.provider
        asked = self._with_usage(call, request)
        queued = log.started + call.last.start - log.shift
        while True:
            began = self._clock()
            response = await self._upstream.send(asked or request)
            if isinstance(response, ProviderError):
                self._count_queue(log, began - queued)
                answer = _own(response, provider, self._since(began))
                await send_bytes(send, answer.status, answer.headers, answer.chunks[0][1])
                return answer.delivered(call.route)
            wait = await self._wait_before_retry(call, response)
            if wait is None:
                break
            await self._sleep(wait)
        self._count_queue(log, began - queued)
        try:
            if response.is_stream and response.status < 400:
                answer = await self._stream(response, began, send, hide_usage=asked is not None)
            else:
                answer = await self._whole(call, response, began, send)
        finally:
            await response.close()
        return answer.delivered(call.route)

    def _count_queue(self, log: TrialLog, waited: float) -> None:
        """Take the time in our own queue out of the agent's time."""
        if self._governor is not None:
            log.shift -= max(0.0, waited)

    def _since(self, began: float) -> float:
        return round(self._clock() - began, 4)

    @staticmethod
    def _with_usage(call: CallLog, request: UpstreamRequest) -> UpstreamRequest | None:
        """Ask for the usage of a stream where the agent does not: without it no cost is known."""
        if call.route.wire.name != "openai_chat":
            return None
        body = ask_for_usage(call.prepared.body)
        if body is None:
            return None
        raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        return UpstreamRequest(request.target, request.method, request.path, request.headers, raw)

    async def _wait_before_retry(self, call: CallLog, response: UpstreamResponse) -> float | None:
        """Decide on a retry of our own; None: the response goes to the agent."""
        if self._governor is None or classify(response.status, {}) not in _RETRIED:
            return None
        tries = call.governor_retries + 1
        wait = self._governor.wait_before_retry(tries, retry_after(dict(response.headers)))
        if wait is not None:
            call.governor_retries = tries
            await response.close()
        return wait

    async def _stream(
        self, response: UpstreamResponse, began: float, send: Send, *, hide_usage: bool
    ) -> _Answer:
        answer = _Answer(response.status, response.headers, began, stream=True)
        await start_stream(send, response.status, response.headers)
        chunks = response.chunks()
        source = _without_usage(chunks, answer) if hide_usage else chunks
        failed = await self._forward(source, answer, send)
        if failed:
            answer.cut = True
        else:
            await send({"type": "http.response.body", "body": b""})
        return answer

    async def _forward(self, source: AsyncIterator[bytes], answer: _Answer, send: Send) -> bool:
        """Send chunks on as they come; say whether the stream broke off."""
        import httpx2  # noqa: PLC0415  heavy

        try:
            async for chunk in source:
                answer.chunks.append((self._since(answer.sent_at), chunk))
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except httpx2.HTTPError:
            return True
        return False

    async def _whole(
        self, call: CallLog, response: UpstreamResponse, began: float, send: Send
    ) -> _Answer:
        raw = await _read(response)
        provider = call.route.wire.provider
        if isinstance(raw, ProviderError):
            answer = _own(raw, provider, self._since(began))
        elif not _is_json(raw):
            answer = _own(_not_json(response, raw), provider, self._since(began))
        else:
            answer = _Answer(response.status, response.headers, began)
            answer.chunks = [(self._since(began), raw)]
        await send_bytes(send, answer.status, answer.headers, answer.chunks[0][1])
        return answer


def _own(error: ProviderError, provider: ProviderName, at: float) -> _Answer:
    """Make an answer of an error of ours, in the provider's form."""
    answer = _Answer(error.status, error_headers(error), 0.0)
    answer.chunks = [(at, error_body(provider, error))]
    return answer


async def _read(response: UpstreamResponse) -> bytes | ProviderError:
    import httpx2  # noqa: PLC0415  heavy

    parts: list[bytes] = []
    size = 0
    try:
        async for chunk in response.chunks():
            size += len(chunk)
            if size > _MAX_BODY:
                message = f"evalgate: the upstream's response is above {_MAX_BODY:,} bytes"
                return ProviderError(502, "upstream_too_large", message)
            parts.append(chunk)
    except httpx2.TimeoutException as error:
        return timed_out(error)
    except httpx2.HTTPError as error:
        return unreachable(error)
    return b"".join(parts)


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _not_json(response: UpstreamResponse, raw: bytes) -> ProviderError:
    status = response.status if response.status >= 400 else 502
    start = raw[:80].decode(errors="replace")
    message = f"evalgate: the upstream answered {response.status} with no JSON: {start!r}"
    hint = retry_after(dict(response.headers))
    return ProviderError(status, "upstream_not_json", message, retry=None, retry_after=hint)


async def _without_usage(chunks: AsyncIterator[bytes], answer: _Answer) -> AsyncIterator[bytes]:
    """Keep the usage event that the agent did not ask for; pass everything else on unchanged."""
    rest = b""
    async for chunk in chunks:
        events, rest = split_events(rest + chunk)
        passed = []
        for event in events:
            read = read_events([(0.0, event)])
            if read and is_usage_event(read[0].data):
                answer.usage_event += event
            else:
                passed.append(event)
        if passed:
            yield b"".join(passed)
    if rest:
        yield rest


def _estimate(call: CallLog, body: bytes) -> Estimate:
    request = call.prepared.canonical
    sampling = as_body(request.get("sampling"))
    limits = (count(sampling, name) for name in call.route.wire.max_tokens)
    ceiling = next((value for value in limits if value is not None), None)
    if call.route.wire.kind != "llm":
        ceiling = 0
    return Estimate(str(request.get("model") or ""), estimate_tokens(body), ceiling)
