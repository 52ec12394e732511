"""Secrets in a stream: a model says them in pieces, so that no piece looks like one.

The texts of a stream's events are put together lane by lane (one lane a choice, block or tool
call). Where a lane holds a secret, its clean text goes into the lane's first event and the others
become empty; everything else keeps its bytes and its chunks.
"""

import json
from collections.abc import Callable, Iterator

from evalgate.gateway.wire.sse import split_events
from evalgate.schema.base import Json
from evalgate.text.redact import Redactor

Lane = tuple[str | int, ...]
Chunks = tuple[tuple[float, str], ...]

_PIECES = frozenset(
    {
        "content",
        "arguments",
        "text",
        "delta",
        "partial_json",
        "thinking",
        "refusal",
        "reasoning_content",
        "input",
    }
)
_NUMBERS = ("index", "output_index", "content_index", "item_id")


def redact_stream(chunks: Chunks, redactor: Redactor) -> Chunks:
    """Replace the secrets of a stream of events.

    Args:
        chunks: Seconds since the request, and the text that came then.
        redactor: What a secret is.

    Returns:
        The same chunks where no secret was found; else one chunk an event.
    """
    events = _events(chunks)
    lanes = _lanes(events)
    dirty = {lane for lane, text in lanes.items() if redactor.redact(text) != text}
    whole = "".join(text for _, text in chunks)
    if not dirty and redactor.redact(whole) == whole and not _keyed(events, redactor):
        return chunks
    clean = {lane: redactor.redact(lanes[lane]) for lane in dirty}
    return tuple((at, _rewritten(text, clean, redactor)) for at, text in events)


def _events(chunks: Chunks) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    rest = b""
    for at, text in chunks:
        events, rest = split_events(rest + text.encode())
        found += [(at, event.decode()) for event in events]
    if rest:
        found.append((chunks[-1][0], rest.decode()))
    return found


def _data(event: str) -> Json:
    lines = [line[5:] for line in event.splitlines() if line.startswith("data:")]
    try:
        value: Json = json.loads("\n".join(lines))
    except (ValueError, RecursionError):
        return None
    return value


def _keyed(events: list[tuple[float, str]], redactor: Redactor) -> bool:
    values = (_data(event) for _, event in events)
    return any(redactor.redact_json(value) is not value for value in values)


def _lanes(events: list[tuple[float, str]]) -> dict[Lane, str]:
    lanes: dict[Lane, str] = {}
    for _, event in events:
        for lane, piece in _pieces(_data(event), ()):
            lanes[lane] = lanes.get(lane, "") + piece
    return lanes


def _place(value: dict[str, Json], path: Lane) -> Lane:
    numbers = (value.get(name) for name in _NUMBERS)
    return (*path, *(n for n in numbers if isinstance(n, str | int)))


def _pieces(value: Json, path: Lane) -> Iterator[tuple[Lane, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _pieces(item, path)
    elif isinstance(value, dict):
        here = _place(value, path)
        for key, item in value.items():
            if isinstance(item, str) and key in _PIECES:
                yield (*here, key), item
            else:
                yield from _pieces(item, (*here, key))


def _rewritten(event: str, clean: dict[Lane, str], redactor: Redactor) -> str:
    value = _data(event)
    if not isinstance(value, dict):
        return redactor.redact(event)

    def piece(lane: Lane, text: str) -> str:
        if lane not in clean:
            return text
        whole = clean[lane]
        if text:
            clean[lane] = ""
        return whole if text else text

    new = redactor.redact_json(_mapped(value, (), piece))
    if new == value:
        return event
    # The blank line that ends the event stays outside the data.
    ending = event[len(event.rstrip("\r\n")) :]
    kept = [line for line in event.splitlines() if line and not line.startswith("data:")]
    data = "data: " + json.dumps(new, ensure_ascii=False, separators=(",", ":"))
    return redactor.redact("\n".join([*kept, data])) + ending


def _mapped(value: Json, path: Lane, piece: Callable[[Lane, str], str]) -> Json:
    if isinstance(value, list):
        return [_mapped(item, path, piece) for item in value]
    if isinstance(value, dict):
        here = _place(value, path)
        return {
            key: piece((*here, key), item)
            if isinstance(item, str) and key in _PIECES
            else _mapped(item, (*here, key), piece)
            for key, item in value.items()
        }
    return value
