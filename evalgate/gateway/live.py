"""A live call: through the governor to the upstream, and back to the agent as it comes."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from starlette.types import Send

from evalgate.gateway.exchange import AttemptLog, CallLog, Delivered, retry_after
from evalgate.gateway.governor import Estimate, Governor, Permit, estimate_tokens
from evalgate.gateway.http import send_bytes, start_stream
from evalgate.gateway.request_key import parse_body
from evalgate.gateway.trial_log import TrialLog
from evalgate.gateway.upstream import (
    Upstream,
    UpstreamRequest,
    UpstreamResponse,
    timed_out,
    unreachable,
)
from evalgate.gateway.wire.base import Wire, output_limit
from evalgate.gateway.wire.errors import ProviderError, classify, error_body, error_headers
from evalgate.gateway.wire.framing import FRAMINGS
from evalgate.gateway.wire.json_lines import ends_stream
from evalgate.gateway.wire.openai_chat import ask_for_usage, is_usage_event
from evalgate.gateway.wire.sse import is_done, read_events, split_events
from evalgate.schema.usage import Usage
from evalgate.text.tame_json import read_json

_MAX_BODY = 64 * 1024 * 1024
"""Bytes of a response in one piece that are taken from an upstream."""

_RETRIED = frozenset({"throttled", "overloaded"})


_LAST_EVENTS = (
    b'"type":"message_stop"',
    b'"type": "message_stop"',
    b"event: message_stop",
    b"event: response.completed",
    b"event: response.incomplete",
    b"event: response.failed",
    b":event-type\x07\x00\x08metadata",
    b":exception-type\x07",
)
_MARKED = 128
"""Bytes of an event in which its name is looked for."""

Finished = Callable[[Delivered], None]
"""Told what was sent, right before the last bytes are."""


@dataclass(slots=True)
class _Answer:
    """A response on its way to the agent."""

    wire: Wire
    status: int
    headers: list[tuple[bytes, bytes]]
    since: Callable[[], float]
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    usage_event: bytes = b""
    cut: bool = False
    stream: bool = False

    def be(self, error: ProviderError) -> None:
        """Become an error of ours, in the provider's form."""
        self.status, self.headers = error.status, error_headers(self.wire.provider, error)
        self.chunks = [(self.since(), error_body(self.wire.provider, error))]

    def delivered(self) -> Delivered:
        """Return what was sent so far."""
        headers, chunks = tuple(self.headers), tuple(self.chunks)
        return Delivered(
            self.wire, self.status, headers, chunks, self.stream, self.cut, self.usage_event
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
        finished: Finished,
    ) -> ProviderError | None:
        """Make one attempt, and send what comes of it to the agent.

        Args:
            log: The trial; the time spent in our own queue is taken out of its time.
            call: The call.
            request: What to send on.
            send: ASGI's.
            finished: Told what was sent, right before the last bytes are.

        Returns:
            None; or an error of the governor, which is still to be sent.
        """
        permit: Permit | None = None
        if self._governor is not None:
            entered = await self._governor.enter(_estimate(call, request.body))
            if isinstance(entered, ProviderError):
                return entered
            permit = entered
        usage: Usage | None = None
        try:
            sent = await self._attempt(log, call, request, send, finished)
            usage = sent.reply.usage if sent.error is None else Usage(input=0, output=0)
        finally:
            if self._governor is not None and permit is not None:
                self._governor.leave(permit, usage)
        return None

    async def _attempt(
        self,
        log: TrialLog,
        call: CallLog,
        request: UpstreamRequest,
        send: Send,
        finished: Finished,
    ) -> Delivered:
        asked = self._with_usage(call, request)
        arrived = log.started + call.last.start - log.shift
        response, began = await self._response(call, asked or request)
        self._count_queue(log, began - arrived)
        answer = _Answer(call.route.wire, 0, [], lambda: self._since(began))
        if isinstance(response, ProviderError):
            answer.be(response)
            return await _send_whole(answer, send, finished)
        answer.status, answer.headers = response.status, response.headers
        try:
            if response.is_stream and response.status < 400:
                call.last.partial = answer.delivered
                return await _send_stream(
                    answer, response, send, finished, hide_usage=asked is not None
                )
            await _read_whole(answer, response)
            return await _send_whole(answer, send, finished)
        finally:
            await response.close()

    async def _response(
        self, call: CallLog, request: UpstreamRequest
    ) -> tuple[UpstreamResponse | ProviderError, float]:
        """Send until there is a response for the agent; give it, and when its request was sent."""
        while True:
            began = self._clock()
            response = await self._upstream.send(request)
            if isinstance(response, ProviderError):
                return response, began
            wait = await self._wait_before_retry(call, response)
            if wait is None:
                return response, began
            await self._sleep(wait)

    def _count_queue(self, log: TrialLog, waited: float) -> None:
        """Take the time in our own queue out of the agent's time."""
        if self._governor is not None:
            log.shift -= max(0.0, waited)

    def _since(self, began: float) -> float:
        return round(self._clock() - began, 4)

    @staticmethod
    def _with_usage(call: CallLog, request: UpstreamRequest) -> UpstreamRequest | None:
        """Ask for the usage of a stream where the agent does not: without it no cost is known."""
        if call.route.wire.name != "openai_chat" or not _is_stream(call):
            return None
        if call.route.served_by == "mistral":  # it tells the usage unasked, and refuses the field
            return None
        sent = parse_body(request.body)
        body = None if isinstance(sent, ProviderError) else ask_for_usage(sent)
        if body is None:
            return None
        raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        return UpstreamRequest(request.target, request.method, request.path, request.headers, raw)

    async def _wait_before_retry(self, call: CallLog, response: UpstreamResponse) -> float | None:
        """Decide on a retry of our own; None: the response goes to the agent."""
        if self._governor is None or classify(response.status, {}) not in _RETRIED:
            return None
        attempt = call.last
        error, hint = classify(response.status, {}), retry_after(dict(response.headers))
        tries = sum(len(one.own) for one in call.attempts) + 1
        wait = self._governor.wait_before_retry(tries, hint)
        if wait is not None:
            at = attempt.start
            attempt.own.append(AttemptLog(at, None, at, response.status, error, hint))
            await response.close()
        return wait


async def _send_whole(answer: _Answer, send: Send, finished: Finished) -> Delivered:
    sent = answer.delivered()
    finished(sent)
    await send_bytes(send, answer.status, answer.headers, answer.chunks[0][1])
    return sent


async def _read_whole(answer: _Answer, response: UpstreamResponse) -> None:
    raw = await _read(response)
    if isinstance(raw, ProviderError):
        answer.be(raw)
    elif not _is_json(raw):
        answer.be(_not_json(response, raw))
    else:
        answer.chunks = [(answer.since(), raw)]


async def _send_stream(
    answer: _Answer,
    response: UpstreamResponse,
    send: Send,
    finished: Finished,
    *,
    hide_usage: bool,
) -> Delivered:
    """Send a stream on as it comes. With its last event it is finished: clients wait no longer."""
    import httpx2  # noqa: PLC0415  heavy

    answer.stream = True
    await start_stream(send, response.status, response.headers)
    chunks = response.chunks()
    rest = b""
    ended = False
    try:
        async for chunk in _without_usage(chunks, answer) if hide_usage else chunks:
            answer.chunks.append((answer.since(), chunk))
            events, rest = _split(answer.wire, rest + chunk)
            if not ended and any(_is_last(answer.wire, event) for event in events):
                ended = True
                finished(answer.delivered())
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except httpx2.HTTPError:
        answer.cut = not ended
    sent = answer.delivered()
    if not ended:
        finished(sent)
    if not answer.cut:
        await send({"type": "http.response.body", "body": b""})
    return sent


def _split(wire: Wire, buffer: bytes) -> tuple[list[bytes], bytes]:
    """Split off whole events; bytes that are none are not looked at for their end."""
    try:
        return FRAMINGS[wire.frames].split(buffer)
    except ValueError:
        return [], b""


def _is_last(wire: Wire, event: bytes) -> bool:
    """Whether an event is one with which streams end."""
    if wire.frames == "lines":
        return ends_stream(event)
    return is_done(event) or any(mark in event[:_MARKED] for mark in _LAST_EVENTS)


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
        read_json(raw)
    except ValueError:
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
    ceiling = output_limit(call.route.wire, request)
    if call.route.wire.kind != "llm":
        ceiling = 0
    return Estimate(str(request.get("model") or ""), estimate_tokens(body), ceiling)


def _is_stream(call: CallLog) -> bool:
    return "stream" in call.prepared.canonical
