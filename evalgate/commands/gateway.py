"""`evalgate gateway`: a gateway for agents that run elsewhere; traces are written on exit."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from evalgate.gateway.app import create_app
from evalgate.gateway.cassette_index import Shelf
from evalgate.gateway.server import serve
from evalgate.gateway.sessions import GatewaySettings, Session, Sessions
from evalgate.gateway.sessions import Mode as GatewayMode
from evalgate.gateway.upstream import Upstream
from evalgate.schema.config import GatewayConfig
from evalgate.schema.trace import Trace
from evalgate.store.traces import write_traces
from evalgate.suite.environment import World
from evalgate.suite.gateway_agent import endpoints_of
from evalgate.text.redact import Redactor

__all__ = ["StandaloneOptions", "run_gateway"]


@dataclass(frozen=True, slots=True)
class StandaloneOptions:
    """How the gateway runs."""

    mode: GatewayMode
    """What becomes of a call."""
    cassettes: Path
    """Folder of the cassettes."""
    upstream: dict[str, str] = field(default_factory=dict)
    """Where live calls go, by provider."""
    port: int = 0
    """0: any that is free."""
    case_id: str = "session"
    """Name of the cassette, and the case of the trace."""
    traces: Path | None = None
    """Where the trace goes on exit; null: nowhere."""


def run_gateway(
    options: StandaloneOptions, world: World, announce: Callable[[Mapping[str, str]], None]
) -> Trace:
    """Listen until interrupted; return the trace of what was seen.

    Args:
        options: How.
        world: The machine.
        announce: Is given the variables to export once the gateway listens.

    Raises:
        ConfigError: The port is in use, or a live mode has neither key nor upstream.
    """
    config = GatewayConfig.model_validate({"upstream": options.upstream})
    redactor = Redactor.build(world.environ)
    settings = GatewaySettings(mode=options.mode, redactor=redactor)
    shelf = Shelf(options.cassettes)
    sessions = Sessions(settings, shelf, clock=time.monotonic)
    session = sessions.open(options.case_id)
    started = time.monotonic()

    async def listen() -> None:
        async with AsyncExitStack() as stack:
            upstream = None
            if options.mode != "replay":
                upstream = await stack.enter_async_context(
                    Upstream(endpoints_of(config, world.environ))
                )
            app = create_app(sessions, upstream=upstream)
            origin = await stack.enter_async_context(serve(app, port=options.port))
            announce(session.environment(origin, {}))
            await asyncio.Event().wait()

    try:
        asyncio.run(listen())
    except KeyboardInterrupt:
        pass
    finally:
        trace = _finish(sessions, session, options, time.monotonic() - started)
        shelf.close()
    return trace


def _finish(
    sessions: Sessions, session: Session, options: StandaloneOptions, duration: float
) -> Trace:
    outcome = sessions.close(session, duration=duration)
    trace = Trace(
        case_id=options.case_id,
        status=outcome.status or "finished",
        error=outcome.error,
        steps=outcome.steps,
        duration=outcome.duration or round(duration, 4),
        replayed=bool(outcome.replayed) and not outcome.live,
    )
    if options.traces is not None:
        options.traces.parent.mkdir(parents=True, exist_ok=True)
        write_traces(options.traces, [trace])
    return trace
