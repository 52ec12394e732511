"""The gateway's own socket: uvicorn on loopback, beside other work in the same loop or thread."""

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
from queue import SimpleQueue

from starlette.types import ASGIApp

from evalgate.errors import ConfigError

_HOST = "127.0.0.1"
_BACKLOG = 2048
_GRACE = 1
"""Seconds that open requests may take to end when the server stops."""


def bind(port: int = 0) -> socket.socket:
    """Open the listening socket, on loopback only.

    Args:
        port: 0: any that is free.

    Raises:
        ConfigError: The port is in use, or not ours to use.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        reason = "is in use by another program" if in_use else f"cannot be opened: {error}"
        raise ConfigError(
            f"port {port} on {_HOST} {reason}", fix="choose another port, or 0 for a free one"
        ) from error
    listener.setblocking(False)  # noqa: FBT003  the standard library's signature
    return listener


@asynccontextmanager
async def serve(app: ASGIApp, *, port: int = 0) -> AsyncIterator[str]:
    """Serve an app in the running loop for as long as the block lasts.

    Signals stay with the caller, and nothing is logged.

    Args:
        app: The ASGI app.
        port: 0: any that is free.

    Yields:
        The origin, e.g. `http://127.0.0.1:40123`.

    Raises:
        ConfigError: The port cannot be had.
    """
    import uvicorn  # noqa: PLC0415  heavy

    listener = bind(port)
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
        yield f"http://{_HOST}:{listener.getsockname()[1]}"
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
