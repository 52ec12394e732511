"""What one request and its response were: the log that steps, cassettes and reports are made of."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from evalgate.gateway.request_key import Prepared
from evalgate.gateway.wire.base import Body, Reply, StreamEvent, UnknownItem, Wire, as_body
from evalgate.gateway.wire.errors import (
    ProviderError,
    classify,
    error_event,
    error_inside,
    hint_inside,
)
from evalgate.gateway.wire.framing import FRAMINGS
from evalgate.gateway.wire.routes import Route
from evalgate.gateway.wire.sse import read_events
from evalgate.schema.cassette import CallPart
from evalgate.text.tame_json import read_json


@dataclass(frozen=True)
class Delivered:
    """A response as it was sent to the agent."""

    wire: Wire
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    """Headers as sent, without those about the length."""
    chunks: tuple[tuple[float, bytes], ...]
    """Seconds since the request, and the bytes sent then; one for a response in one piece."""
    stream: bool = False
    """Whether it is a stream of events."""
    cut: bool = False
    """Whether it broke off."""
    usage_event: bytes = b""
    """The usage event that was asked for in the agent's stead and not sent on."""

    @cached_property
    def body(self) -> Body:
        """The JSON object; empty where it is none."""
        return parse_object(self._text)

    @cached_property
    def error(self) -> str | None:
        """The class of its error; None for a success."""
        named = dict(self.headers).get(b"x-evalgate-error")
        if named is not None:
            return named.decode("latin-1")
        if self.cut:
            return "cut_stream"
        if self.status >= 400:
            return classify(self.status, {} if self.stream else self.body)
        return self._inside

    @cached_property
    def reply(self) -> Reply:
        """What the model said; read once however often the response is replayed."""
        try:
            return self._read()
        finally:  # thousands of responses are alive at once: what was read is held once
            for name in ("_events", "body"):
                self.__dict__.pop(name, None)

    def _read(self) -> Reply:
        if self.status >= 400:
            return Reply(error=self.error)
        if self._inside is not None:
            return Reply(error=self._inside)
        if not self.stream:
            return _with_unread(self.wire.read(self.body), self._text)
        texts = tuple(UnknownItem("event", e.text) for e in self._events if e.text)
        reply = self.wire.read_stream(self._events)
        return replace(reply, unknown=(*reply.unknown, *texts)) if texts else reply

    @property
    def _text(self) -> bytes:
        return b"".join(chunk for _, chunk in self.chunks)

    @cached_property
    def _events(self) -> tuple[StreamEvent, ...]:
        last = self.chunks[-1][0] if self.chunks else 0.0
        try:
            texts = FRAMINGS[self.wire.frames].as_text(self.chunks)
            return read_events((*texts, (last, self.usage_event)))
        except ValueError:
            return (StreamEvent(last, {}, text=self._text.decode("utf-8", "replace")),)

    @cached_property
    def _inside(self) -> str | None:
        """The class of an error that came as a success: in the body, or as an event of a stream."""
        if not self.stream:
            return error_inside(self.body)
        return next((error for event in self._events if (error := error_event(event))), None)

    @cached_property
    def hint(self) -> float | None:
        """The server's hint in seconds; None where there is none."""
        told = retry_after(dict(self.headers))
        return hint_inside(self.body) if told is None and self.status >= 400 else told


def _with_unread(reply: Reply, raw: bytes) -> Reply:
    """Keep a response that its protocol does not explain."""
    if reply.error != "bad_response" or not raw:
        return reply
    return replace(reply, unknown=(UnknownItem("response", raw.decode("utf-8", "replace")),))


def parse_object(raw: bytes) -> Body:
    """Read a JSON object; anything else is an empty one."""
    try:
        return as_body(read_json(raw))
    except ValueError:
        return {}


def retry_after(headers: dict[bytes, bytes]) -> float | None:
    """Read the hint of a response: `retry-after-ms`, else `retry-after` in seconds."""
    for name, scale in ((b"retry-after-ms", 0.001), (b"retry-after", 1.0)):
        raw = headers.get(name)
        if raw is None:
            continue
        try:
            value = float(raw) * scale
        except ValueError:
            continue
        if 0 <= value < float("inf"):
            return value
    return None


@dataclass(slots=True)
class AttemptLog:
    """One HTTP request of a call, while it runs and afterwards."""

    start: float
    """Seconds since the start of the trial."""
    retry_count: int | None
    """What the client said in `x-stainless-retry-count`."""
    end: float | None = None
    """Seconds since the start of the trial; None while it runs."""
    status: int | None = None
    """HTTP status; None where none was sent."""
    error: str | None = None
    """The class of the error; None on success, and while it runs."""
    hint: float | None = None
    """Seconds the client was told to wait."""
    delivered: Delivered | None = None
    """What was sent; None where nothing was, or where the gateway answered itself."""
    partial: Callable[[], Delivered] | None = None
    """What was sent so far of a stream that is still coming."""
    own: list["AttemptLog"] = field(default_factory=list)
    """Attempts of the gateway itself that came before and that the agent never saw; they take none
    of the agent's time."""
    order: int | None = None
    """Index among the recorded responses to equal requests; None where it is not one of them."""

    @property
    def failed(self) -> bool:
        """Whether the agent has reason to send the request again."""
        return self.end is not None and self.error is not None


@dataclass(slots=True)
class CallLog:
    """One logical call: the request, and every attempt at it."""

    route: Route
    prepared: Prepared
    """The request."""
    attempts: list[AttemptLog] = field(default_factory=list)
    """Its HTTP requests, in order of arrival."""
    pending: list[AttemptLog] = field(default_factory=list)
    """Failed attempts that are recorded only together with the success that follows them."""
    part: CallPart = "agent"

    @property
    def last(self) -> AttemptLog:
        """The latest attempt."""
        return self.attempts[-1]


@dataclass(frozen=True, slots=True)
class OddRequest:
    """A request that is no call: an unknown path."""

    at: float
    """Seconds since the start of the trial."""
    method: str
    """HTTP method."""
    path: str
    """Path behind the token, redacted."""
    error: ProviderError
    """What was answered."""
