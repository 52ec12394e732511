"""Between a response on the wire and its line in a cassette; redacted before it is a line."""

import binascii
import codecs
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable

from pydantic_core import PydanticSerializationError, to_json

from evalgate.errors import DataError
from evalgate.gateway.exchange import AttemptLog, CallLog, Delivered
from evalgate.gateway.request_key import written
from evalgate.gateway.stream_redaction import redact_stream
from evalgate.gateway.wire.base import Wire
from evalgate.gateway.wire.framing import FRAMINGS
from evalgate.schema.base import Json
from evalgate.schema.cassette import BodyStyle, CallEntry, RecordedResponse
from evalgate.text.redact import Redactor
from evalgate.text.tame_json import read_plain

KEPT_HEADERS = frozenset(
    {
        b"content-type",
        b"retry-after",
        b"retry-after-ms",
        b"x-should-retry",
        b"x-evalgate-error",
        b"x-amzn-errortype",
    }
)
"""Headers that a client acts on; the others would only make recordings differ."""


def _spelt(value: Json, style: BodyStyle) -> bytes:
    if style == "spaced":
        return json.dumps(value, ensure_ascii=False).encode()
    return to_json(value, indent=2 if style == "indented" else None)


_STYLES: tuple[BodyStyle, ...] = ("compact", "spaced", "indented")


def call_entry(
    trial: int, call: CallLog, attempt: AttemptLog, order: int, redactor: Redactor
) -> CallEntry:
    """Make the line of one response.

    Args:
        trial: Number of the trial.
        call: The request.
        attempt: The attempt; it has ended and was delivered.
        order: Index among the responses to equal requests.
        redactor: Replaces secrets.

    Raises:
        ValueError: The attempt was not delivered.
    """
    if attempt.delivered is None or attempt.end is None:
        raise ValueError("only a response that was delivered can be recorded")
    request, key = written(call.prepared, redactor)
    return CallEntry(
        trial=trial,
        part=call.part,
        key=key,
        order=order,
        start=attempt.start,
        end=attempt.end,
        request=request,
        response=recorded_response(attempt.delivered, redactor),
    )


def recorded_response(
    response: Delivered, redactor: Redactor, kept: frozenset[bytes] = KEPT_HEADERS
) -> RecordedResponse:
    """Turn a response into what a cassette holds of it, with the headers that are `kept`."""
    headers = _headers(response, redactor, kept)
    if response.stream:
        return _stream(response, headers, redactor)
    raw = b"".join(chunk for _, chunk in response.chunks)
    spelling = _json_body(raw, redactor)
    if spelling is not None:
        body, style = spelling
        return RecordedResponse(
            status=response.status, headers=headers, body=body, style=style, cut=response.cut
        )
    try:
        text = redactor.redact(raw.decode())
    except UnicodeDecodeError:
        return _binary(response, headers, raw)
    return RecordedResponse(status=response.status, headers=headers, text=text, cut=response.cut)


def _headers(response: Delivered, redactor: Redactor, names: frozenset[bytes]) -> dict[str, str]:
    kept = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in response.headers
        if name in names
    }
    if redactor.redact("\n".join(kept.values())) == "\n".join(kept.values()):
        return kept
    return {name: redactor.redact(value) for name, value in kept.items()}


def _json_body(raw: bytes, redactor: Redactor) -> tuple[Json, BodyStyle] | None:
    try:
        value = read_plain(raw)
        style = next((style for style in _STYLES if _spelt(value, style) == raw), None)
    except (ValueError, RecursionError, PydanticSerializationError):
        return None
    clean = redactor.redact_json(value)
    if style is not None:
        return clean, style
    # Spelt in a way of its own: kept as text, unless a secret has to go anyway.
    return None if clean is value else (clean, "compact")


def _stream(response: Delivered, headers: dict[str, str], redactor: Redactor) -> RecordedResponse:
    try:
        texts = _decoded(FRAMINGS[response.wire.frames].as_text(response.chunks))
        usage = response.usage_event.decode()
    except ValueError:
        return _binary(response, headers, b"".join(chunk for _, chunk in response.chunks))
    return RecordedResponse(
        status=response.status,
        headers=headers,
        chunks=redact_stream(texts, redactor),
        usage=usage or None,
        cut=response.cut,
    )


def _binary(response: Delivered, headers: dict[str, str], raw: bytes) -> RecordedResponse:
    encoded = b64encode(raw).decode()
    return RecordedResponse(
        status=response.status, headers=headers, base64=encoded, cut=response.cut
    )


def _decoded(chunks: Iterable[tuple[float, bytes]]) -> tuple[tuple[float, str], ...]:
    """Decode a stream; a character cut in two goes to the chunk that completes it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    texts = [(at, decoder.decode(chunk)) for at, chunk in chunks]
    decoder.decode(b"", final=True)
    return tuple((at, text) for at, text in texts if text)


def delivered(response: RecordedResponse, latency: float, wire: Wire) -> Delivered:
    """Turn what a cassette holds into the response to send.

    Args:
        response: The recorded response.
        latency: Seconds from the request to the last byte.
        wire: Its protocol.

    Raises:
        DataError: The body is not what it says it is.
    """
    headers = tuple((k.encode("latin-1"), v.encode("latin-1")) for k, v in response.headers.items())
    if response.chunks is not None:
        spelt = FRAMINGS[wire.frames].as_sent
        chunks = tuple((at, spelt(text.encode())) for at, text in response.chunks)
    else:
        chunks = ((latency, _body(response)),)
    return Delivered(
        wire=wire,
        status=response.status,
        headers=headers,
        chunks=chunks,
        stream=response.chunks is not None,
        cut=response.cut,
        usage_event=(response.usage or "").encode(),
    )


def _body(response: RecordedResponse) -> bytes:
    if response.style is not None:
        return _spelt(response.body, response.style)
    if response.text is not None:
        return response.text.encode()
    try:
        return b64decode(response.base64 or "", validate=True)
    except binascii.Error as error:
        raise DataError(f"a recorded body is no base64: {error}") from error
