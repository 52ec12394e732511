"""A socket of our own: uvicorn, on loopback unless told, beside other work in the same loop."""

import asyncio
import contextlib
import errno
import socket
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from functools import partial
from ipaddress import ip_address
from queue import SimpleQueue

from starlette.types import ASGIApp

from evalgate.errors import ConfigError

LOOPBACK = "127.0.0.1"
_OTHER_PORT = "choose another port, or 0 for a free one"
_OTHER_HOST = "name an address of this machine, or 127.0.0.1"
_BACKLOG = 2048
_GRACE = 1
"""Seconds that open requests may take to end when the server stops."""


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach a host that is listened on."""
    if host == "localhost":
        return ip_address(host).is_loopback
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def bind(port: int = 0, host: str = LOOPBACK) -> socket.socket:
    """Open the listening socket.

    Args:
        port: 0: any that is free.
        host: An address or a name of this machine.

    Raises:
        ConfigError: The port is in use, or not ours to use, or the host is not this machine.
    """
    try:
        (family, *_, (ip, _, *rest)), *_ = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"host {host!r}: {error}", fix=_OTHER_HOST) from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ip, port, *rest))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        code = error.errno if isinstance(error, OSError) else None
        in_use = code == errno.EADDRINUSE
        reason = "is in use by another program" if in_use else f"cannot be opened: {error}"
        raise ConfigError(
            f"port {port} on {host} {reason}",
            fix=_OTHER_HOST if code == errno.EADDRNOTAVAIL else _OTHER_PORT,
        ) from error
    listener.setblocking(False)  # noqa: FBT003  the standard library's signature
    return listener


@asynccontextmanager
async def serve(app: ASGIApp, *, port: int = 0, host: str = LOOPBACK) -> AsyncIterator[str]:
    """Serve an app in the running loop for as long as the block lasts.

    Signals stay with the caller, and nothing is logged.

    Args:
        app: The ASGI app.
        port: 0: any that is free.
        host: An address or a name of this machine.

    Yields:
        The origin, e.g. `http://127.0.0.1:40123`.

    Raises:
        ConfigError: The port cannot be had.
    """
    import uvicorn  # noqa: PLC0415  heavy

    listener = bind(port, host)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    ticking = asyncio.create_task(server.main_loop())
    try:
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{listener.getsockname()[1]}"
    finally:
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        await server.shutdown(sockets=[listener])


@contextmanager
def serve_in_thread(
    app: ASGIApp,
    *,
    port: int = 0,
    resources: Iterable[AbstractAsyncContextManager[object]] = (),
) -> Iterator[str]:
    """Serve an app in a thread with a loop of its own (uvloop where it is installed).

    Args:
        app: The ASGI app.
        port: 0: any that is free.
        resources: Entered in the thread's loop before, and left after (an `Upstream`).

    Yields:
        The origin.

    Raises:
        ConfigError: The port cannot be had.
    """
    started: SimpleQueue[str | BaseException] = SimpleQueue()
    stop = threading.Event()
    run = partial(_run_until, app, port, tuple(resources), started, stop)
    thread = threading.Thread(target=run, name="evalgate-gateway", daemon=True)
    thread.start()
    origin = started.get()
    if isinstance(origin, BaseException):
        thread.join()
        raise origin
    try:
        yield origin
    finally:
        stop.set()
        thread.join()


def _run_until(
    app: ASGIApp,
    port: int,
    resources: tuple[AbstractAsyncContextManager[object], ...],
    started: SimpleQueue[str | BaseException],
    stop: threading.Event,
) -> None:
    """Serve until `stop` is set; `started` gets the origin, or what went wrong."""
    import uvicorn  # noqa: PLC0415  heavy

    async def run() -> None:
        async with AsyncExitStack() as stack:
            for resource in resources:
                await stack.enter_async_context(resource)
            started.put(await stack.enter_async_context(serve(app, port=port)))
            await asyncio.to_thread(stop.wait)

    loop_factory = uvicorn.Config(app).get_loop_factory()
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(run())
    except BaseException as error:  # noqa: BLE001  handed to the thread that waits
        started.put(error)
