"""The thin layer over ASGI: reading a body with a cap, sending bytes, noticing who left."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from evalgate.gateway.exchange import Delivered
from evalgate.gateway.wire.base import ProviderName
from evalgate.gateway.wire.errors import ProviderError, error_body, error_headers

_DRAINED = 256 * 1024 * 1024
"""Bytes of an oversized body that are read and thrown away, so that the client gets its 413."""


class Gone(Exception):
    """The client closed the connection."""


class TooLarge(Exception):
    """The body is above the cap."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return a header of a request; None where it is absent."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


async def read_body(receive: Receive, limit: int) -> bytes:
    """Read a body.

    Args:
        receive: ASGI's.
        limit: Bytes.

    Raises:
        Gone: The client left before it was complete.
        TooLarge: It is above the limit.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        whole: bytes = message.get("body", b"")
        if len(whole) > limit:
            raise TooLarge
        return whole
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        elif size > _DRAINED:
            raise TooLarge
        if not message.get("more_body", False):
            break
        message = await receive()
    if size > limit:
        raise TooLarge
    return b"".join(parts)


async def send_bytes(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """Send a response in one piece."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, provider: ProviderName, error: ProviderError) -> None:
    """Send an error in the provider's own form."""
    await send_bytes(
        send, error.status, error_headers(provider, error), error_body(provider, error)
    )


async def start_stream(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    """Send the beginning of a response whose length is not known."""
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def send_recorded(
    send: Send,
    sent: Delivered,
    wait: Callable[[float], Awaitable[None]] | None,
    before_last: Callable[[], None],
) -> None:
    """Send a recorded response, chunk by chunk as it was. A cut one ends without its end.

    Args:
        send: ASGI's.
        sent: The response.
        wait: Waits until some seconds after the request; None: nothing is waited for.
        before_last: Called right before the last bytes are sent.
    """
    if not sent.stream and not sent.cut:
        at, body = sent.chunks[0]
        if wait is not None:
            await wait(at)
        before_last()
        await send_bytes(send, sent.status, list(sent.headers), body)
        return
    await start_stream(send, sent.status, list(sent.headers))
    last = len(sent.chunks) - 1
    for number, (at, chunk) in enumerate(sent.chunks):
        if wait is not None:
            await wait(at)
        if number == last:
            before_last()
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    if last < 0:
        before_last()
    if not sent.cut:
        await send({"type": "http.response.body", "body": b""})


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, and stop it when the client leaves.

    Raises:
        Gone: The client left first.
    """
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Gone
        await task
    finally:
        for running in (task, watch):
            running.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)


async def _until_gone(receive: Receive) -> None:
    message: Message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
