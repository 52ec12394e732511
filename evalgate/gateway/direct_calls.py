"""A forward proxy that refuses calls past the gateway: an agent with a base URL of its own.

Workers are started with `HTTPS_PROXY` pointing here. A connection to a model's provider is refused
and named; any other, of a tool, is passed through byte by byte.
"""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

from evalgate.sending import is_http_url

PROVIDER_HOSTS: Final = (
    "api.openai.com",
    "api.anthropic.com",
    "openai.azure.com",
    "services.ai.azure.com",
    "generativelanguage.googleapis.com",
    "aiplatform.googleapis.com",
    "api.mistral.ai",
    "api.groq.com",
    "api.x.ai",
    "api.deepseek.com",
    "api.cohere.com",
    "api.cohere.ai",
    "api.together.xyz",
    "api.fireworks.ai",
    "api.perplexity.ai",
    "api.cerebras.ai",
    "openrouter.ai",
    "ollama.com",
    "router.huggingface.co",
)
"""Hosts of models; a host below one of them counts too."""

_HEAD: Final = 16 * 1024
_SECONDS: Final = 30.0
_PIECE: Final = 64 * 1024
_ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"

Noted = Callable[[str, str], None]
"""Is told of a refused call: the token of the session, and the host."""


def is_provider(host: str, more: Iterable[str] = ()) -> bool:
    """Say whether a host is a model's.

    Args:
        host: A name, without a port.
        more: Further hosts, such as those of configured upstreams.
    """
    name = host.lower().rstrip(".")
    bedrock = name.startswith("bedrock-runtime") and name.endswith(".amazonaws.com")
    return bedrock or any(
        name == known or name.endswith(f".{known}") for known in (*PROVIDER_HOSTS, *more)
    )


@asynccontextmanager
async def refuse_direct_calls(noted: Noted, upstreams: Iterable[str]) -> AsyncIterator[int]:
    """Listen on loopback for as long as the block lasts.

    Args:
        noted: Is told of each call that was refused.
        upstreams: URLs of the configured upstreams, whose hosts are models' as well.

    Yields:
        The port.
    """
    more = frozenset(
        filter(None, (urlsplit(url).hostname for url in upstreams if is_http_url(url)))
    )

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            await _served(reader, writer, noted, more)
        writer.close()

    server = await asyncio.start_server(come, "127.0.0.1", 0, limit=_HEAD)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _served(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    noted: Noted,
    more: frozenset[str],
) -> None:
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _SECONDS)
    except asyncio.LimitOverrunError:
        await _refuse(writer, 431, "the head of the request is too long")
        return
    first, *headers = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    host, _, port = rest.partition(" ")[0].rpartition(":")
    host = host.strip("[]")
    if method != "CONNECT" or not port.isascii() or not port.isdigit():
        await _refuse(writer, 405, "this proxy takes CONNECT only")
        return
    if is_provider(host, more):
        noted(_token(headers), host)
        await _refuse(writer, 403, f"a direct call to {host} goes past the gateway")
        return
    try:
        far = await asyncio.wait_for(asyncio.open_connection(host, int(port)), _SECONDS)
    except (OSError, TimeoutError, OverflowError, UnicodeError) as error:
        await _refuse(writer, 502, f"{host}:{port} cannot be reached: {type(error).__name__}")
        return
    writer.write(_ESTABLISHED)
    await writer.drain()
    await asyncio.gather(_copied(reader, far[1]), _copied(far[0], writer))


async def _copied(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass bytes on until one side ends."""
    with suppress(OSError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
    target.close()


async def _refuse(writer: asyncio.StreamWriter, status: int, reason: str) -> None:
    body = f"evalgate: {reason}\n".encode()
    head = (
        f"HTTP/1.1 {status} Refused\r\ncontent-type: text/plain\r\n"
        f"content-length: {len(body)}\r\nx-evalgate-error: direct_call\r\nconnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()


def _token(headers: Iterable[str]) -> str:
    """Return the session that the proxy's user name names; empty where it names none."""
    for line in headers:
        name, _, value = line.partition(":")
        scheme, _, given = value.strip().partition(" ")
        if name.lower() == "proxy-authorization" and scheme.lower() == "basic":
            with suppress(binascii.Error, ValueError):
                return b64decode(given.strip()).decode("latin-1").partition(":")[0]
    return ""
