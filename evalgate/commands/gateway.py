"""`evalgate gateway`: a gateway for agents that run elsewhere; traces are written on exit."""

import asyncio
import shlex
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from evalgate.errors import ConfigError
from evalgate.gateway.app import create_app
from evalgate.gateway.cassette_index import CassetteIndex
from evalgate.gateway.server import serve
from evalgate.gateway.sessions import GatewaySettings, Session, Sessions
from evalgate.gateway.sessions import Mode as GatewayMode
from evalgate.gateway.upstream import Upstream
from evalgate.schema.config import GatewayConfig
from evalgate.schema.trace import Trace
from evalgate.store.cassette_care import cassettes_in
from evalgate.store.cassettes import cassette_path
from evalgate.store.redaction import clean_trace
from evalgate.store.traces import write_traces
from evalgate.suite.environment import Environment
from evalgate.suite.gateway_agent import endpoints_of
from evalgate.text.redact import Redactor
from evalgate.text.suggest import did_you_mean


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
    options: StandaloneOptions,
    environment: Environment,
    announce: Callable[[Mapping[str, str]], None],
) -> Trace:
    """Listen until interrupted or told to end; return the trace of what was seen.

    Args:
        options: How.
        environment: The machine.
        announce: Is given the variables to export once the gateway listens.

    Raises:
        ConfigError: The port is in use, or a live mode has neither key nor upstream.
    """
    _check(options)
    config = GatewayConfig.model_validate({"upstream": options.upstream})
    redactor = Redactor.build(environment.environ)
    folder = shlex.quote(str(options.cassettes)).replace("{", "{{").replace("}", "}}")
    again = f"evalgate gateway --record {folder} --case {{case_id}}"
    settings = GatewaySettings(mode=options.mode, redactor=redactor, rerecord=again)
    shelf = CassetteIndex(options.cassettes)
    sessions = Sessions(settings, shelf, clock=time.monotonic)
    session = sessions.open(options.case_id)
    started = time.monotonic()
    listening = False

    async def listen() -> None:
        nonlocal listening
        stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            upstream = None
            if options.mode != "replay":
                upstream = await stack.enter_async_context(
                    Upstream(endpoints_of(config, environment.environ))
                )
            app = create_app(sessions, upstream=upstream)
            origin = await stack.enter_async_context(serve(app, port=options.port))
            listening = True
            _on_signals(stop.set)
            announce(session.environment(origin, {}))
            await stop.wait()

    try:
        asyncio.run(listen())
    except BaseException as error:
        # Before it listened nothing was seen, and what is recorded already stays.
        if not (listening and isinstance(error, KeyboardInterrupt)):
            sessions.discard(session)
            shelf.close()
            raise
    trace = _finish(sessions, session, options, time.monotonic() - started)
    shelf.close()
    return trace


def _check(options: StandaloneOptions) -> None:
    """Refuse what would come to light only at the first call, or at the end.

    Raises:
        ConfigError: The case has no name, nothing is recorded of it, or the trace has no place.
    """
    if not options.case_id:
        raise ConfigError("--case '': expected a name", fix="--case session")
    if options.mode == "replay" and not cassette_path(options.cassettes, options.case_id).is_file():
        there = sorted(path.stem for path in cassettes_in(options.cassettes))
        hint = did_you_mean(options.case_id, there)
        raise ConfigError(
            f"{options.cassettes}: holds no recording of {options.case_id!r}{hint}",
            fix=f"evalgate gateway --record {shlex.quote(str(options.cassettes))}",
        )
    if options.traces is not None:
        above = next((up for up in options.traces.parents if up.exists()), Path())
        if options.traces.is_dir() or not above.is_dir():
            raise ConfigError(f"--traces {options.traces}: cannot be a file", fix="name a new file")


def _on_signals(stop: Callable[[], None]) -> None:
    """End on SIGTERM and SIGHUP as on Ctrl-C, so that everything is kept."""
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP, and no handlers of a loop
        with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(getattr(signal, name), stop)


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
    trace = clean_trace(trace, sessions.settings.redactor)
    if options.traces is not None:
        options.traces.parent.mkdir(parents=True, exist_ok=True)
        write_traces(options.traces, [trace])
    return trace
