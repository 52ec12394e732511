"""Runs an agent through the gateway: every trial gets a URL, and the gateway's word counts."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from evalgate.agents.base import Agent, Context
from evalgate.agents.conversation import speaking
from evalgate.agents.tooling import serving
from evalgate.errors import ConfigError
from evalgate.gateway.app import Admit, create_app
from evalgate.gateway.cassette_index import CassetteIndex
from evalgate.gateway.direct_calls import refuse_direct_calls
from evalgate.gateway.governor import Governor, GovernorSettings
from evalgate.gateway.request_key import Matching
from evalgate.gateway.server import serve
from evalgate.gateway.sessions import GatewaySettings, Outcome, Session, Sessions
from evalgate.gateway.sessions import Mode as GatewayMode
from evalgate.gateway.tool_faults import FaultScript
from evalgate.gateway.tools.app import ToolApp
from evalgate.gateway.tools.http import HttpTools
from evalgate.gateway.tools.mcp import McpTools
from evalgate.gateway.tools.python import SessionPort
from evalgate.gateway.upstream import Endpoint, Upstream
from evalgate.gateway.wire.routes import Target
from evalgate.pricing import PriceBook, Unpriced, price_call, provider_at
from evalgate.quota.quota import Quota
from evalgate.schema.canonical import digest
from evalgate.schema.config import GatewayConfig, LiveLimits
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace
from evalgate.schema.usage import Usage
from evalgate.stats.rng import seeded
from evalgate.store.cassettes import recover
from evalgate.suite.environment import Environment
from evalgate.suite.observation import seen_by_gateway
from evalgate.suite.simulated_user import GatewaySpeaker, UserLine
from evalgate.suite.suite import Suite
from evalgate.suite.tools import http_services, mcp_servers, service_kinds, tool_rules
from evalgate.text.redact import Redactor

__all__ = [
    "Gate",
    "Gateway",
    "GatewayMode",
    "ThroughGateway",
    "endpoints_of",
    "live_price",
    "open_gateway",
    "quota_of",
]

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_TRIAL = "EVALGATE_TRIAL"
_FAULTS = "faults"
"""Folder of what was recorded after faults of tools, in that of the cassettes."""
_PROVIDERS: Mapping[Target, str] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "google": "https://generativelanguage.googleapis.com",
    "bedrock": "https://bedrock-runtime.{region}.amazonaws.com",
    "ollama": "https://ollama.com",
}


@dataclass(frozen=True, slots=True)
class _Caller:
    """The variables with which a caller names a provider."""

    key: str
    urls: tuple[str, ...]
    header: str
    value: str = "{}"


_CALLER: dict[Target, _Caller] = {
    "openai": _Caller(
        "OPENAI_API_KEY", ("OPENAI_BASE_URL", "OPENAI_API_BASE"), "authorization", "Bearer {}"
    ),
    "anthropic": _Caller("ANTHROPIC_API_KEY", ("ANTHROPIC_BASE_URL",), "x-api-key"),
    "azure": _Caller("AZURE_OPENAI_API_KEY", ("AZURE_OPENAI_ENDPOINT",), "api-key"),
    "google": _Caller("GEMINI_API_KEY", ("GOOGLE_GEMINI_BASE_URL",), "x-goog-api-key"),
    # A signature is made over the host it goes to: live calls to Bedrock need its API key.
    "bedrock": _Caller(
        "AWS_BEARER_TOKEN_BEDROCK",
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME",),
        "authorization",
        "Bearer {}",
    ),
    # OLLAMA_HOST is also where a server listens, so it names no upstream.
    "ollama": _Caller("OLLAMA_API_KEY", (), "authorization", "Bearer {}"),
}


@dataclass(frozen=True, slots=True)
class Gate:
    """What a stress check puts before the recorded answers."""

    admit: Admit
    """Decides on every request."""
    cassettes: Mapping[int, int]
    """Recorded trial to replay, by number of the session."""
    pace: float = 1.0
    """Recorded times are waited for, times this; 0: calls have the times of their recording."""
    faults: Callable[[str, int], FaultScript | None] | None = None
    """Returns the faults of tools of a session: case, number; None: there are none."""


@dataclass(slots=True)
class Gateway:
    """A gateway that listens; gives each worker, or each trial, a URL of its own."""

    origin: str
    sessions: Sessions
    environ: Mapping[str, str] = field(repr=False)
    workers: dict[int, Session] = field(default_factory=dict)
    waiting: dict[str, tuple[Case, int]] = field(default_factory=dict)
    """Trials that no worker has taken up yet, by a name nobody else knows."""
    running: dict[str, Session] = field(default_factory=dict)
    """Workers' sessions by the trial they run."""
    count: int = 0
    cassettes: Mapping[int, int] = field(default_factory=dict)
    """Recorded trial to replay, by number of the trial, where that is another one."""
    proxy: int | None = None
    """Port of the proxy that refuses calls past the gateway."""
    configs: Path | None = None
    """Folder of the `mcp.json` of each session; None: there are no MCP servers."""
    told: Callable[[str, int, Outcome], None] = lambda _case, _trial, _outcome: None
    """Is told of the end of each trial: case, number, what the gateway saw."""
    users: UserLine | None = None
    """How simulated users reach the gateway; None: nobody plays them."""

    def environment(self, slot: int) -> Mapping[str, str]:
        """Return the variables a worker is started with: a URL that stays."""
        if slot not in self.workers:
            self.workers[slot] = self.sessions.open_worker()
        return self.variables(self.workers[slot])

    def variables(self, session: Session) -> dict[str, str]:
        """Return the variables that point an agent to a session."""
        services = self.sessions.settings.services
        found = session.environment(self.origin, self.environ, self.proxy, services)
        config = self._mcp_config(session)
        return found if config is None else {**found, "EVALGATE_MCP_CONFIG": config}

    def _mcp_config(self, session: Session) -> str | None:
        """Write the `mcp.json` of a session, for agents that read one."""
        if self.configs is None:
            return None
        path = self.configs / f"{session.token}.json"
        if not path.exists():
            services = self.sessions.settings.services
            servers = {
                name: {"type": "http", "url": url}
                for name, url in session.urls(self.origin, services).items()
                if services[name] == "mcp"
            }
            path.write_text(json.dumps({"mcpServers": servers}))
        return str(path)

    def switch(self, slot: int, context: Context) -> Context:
        """Put a waiting trial behind a worker's URL."""
        self.environment(slot)
        session, name = self.workers[slot], context.env[_TRIAL]
        case, trial = self.waiting[name]
        lost = self.running.pop(name, None)
        if lost is not None:  # its worker is gone, and another does the trial again
            self.sessions.discard(lost)
        cassette, asks = self.cassettes.get(trial), given_digest(case)
        self.sessions.switch(
            session, case.id, trial, case_digest=asks, recorded_trial=cassette, state=case.state
        )
        self.running[name] = session
        own = {key: value for key, value in context.env.items() if key != _TRIAL}
        return replace(self.pointed(context, session), env=own)

    def pointed(self, context: Context, session: Session) -> Context:
        """Tell an agent where a session's models and tools are."""
        urls = session.urls(self.origin, self.sessions.settings.services)
        base, config = session.base_url(self.origin), self._mcp_config(session)
        return replace(context, base_url=base, urls=urls, mcp_config=config)

    def wait_for_worker(self, case: Case, trial: int) -> str:
        """Note a trial that some worker will take up, and name it."""
        self.count += 1
        name = f"{self.count}"
        self.waiting[name] = (case, trial)
        return name

    def taken_up(self, name: str) -> Session | None:
        """Return the session a trial ran in; null where no worker came to it."""
        self.waiting.pop(name, None)
        return self.running.pop(name, None)


@dataclass(frozen=True, slots=True)
class ThroughGateway:
    """An agent whose model calls the gateway answers."""

    inner: Agent
    gateway: Gateway
    by_worker: bool
    """Whether worker processes have URLs of their own."""

    @property
    def trials(self) -> int | None:
        """As many as are asked for."""
        return self.inner.trials

    async def run(self, case: Case, context: Context) -> Trace:
        """Do one trial; what the gateway saw takes the place of what the agent reports."""
        if case.user is not None and self.gateway.users is not None:
            return await self._with_user(case, context, self.gateway.users)
        return await self._run(case, context, _Met())

    async def _with_user(self, case: Case, context: Context, users: UserLine) -> Trace:
        met, sessions = _Met(), self.gateway.sessions
        speaker = GatewaySpeaker(
            users, sessions, lambda: met.session(self.gateway), context.timeout_s
        )
        with speaking(speaker):
            trace = await self._run(case, context, met)
        if trace.user is None:  # a plug-in's agent that asks its own way
            reason = "this kind of agent holds no conversation, so its simulated user said nothing"
            return trace.model_copy(update={"status": "not_measured", "error": reason})
        return trace

    async def _run(self, case: Case, context: Context, met: "_Met") -> Trace:
        if self.by_worker:
            name = met.name = self.gateway.wait_for_worker(case, context.trial)
            asked = replace(context, env={**context.env, _TRIAL: name})
            trace = await self._guarded(case, asked, name)
            session = self.gateway.taken_up(name)
        else:
            session = self.gateway.sessions.open(
                case.id,
                context.trial,
                case_digest=given_digest(case),
                recorded_trial=self.gateway.cassettes.get(context.trial),
                state=case.state,
            )
            met.opened = session
            trace = await self._direct(case, context, session)
        if session is None:
            return trace
        outcome = self._close(session, trace)
        self.gateway.told(case.id, context.trial, outcome)
        return seen_by_gateway(trace, outcome)

    async def _guarded(self, case: Case, context: Context, name: str) -> Trace:
        try:
            return await self.inner.run(case, context)
        except BaseException:
            session = self.gateway.taken_up(name)
            if session is not None:
                self.gateway.sessions.discard(session)
            raise

    async def _direct(self, case: Case, context: Context, session: Session) -> Trace:
        gateway = self.gateway
        environment = gateway.variables(session)
        pointed = gateway.pointed(context, session)
        asked = replace(pointed, env={**context.env, **environment})
        try:
            with serving(SessionPort(gateway.sessions, session.token)):
                return await self.inner.run(case, asked)
        except BaseException:
            gateway.sessions.discard(session)
            raise

    def _close(self, session: Session, trace: Trace) -> Outcome:
        return self.gateway.sessions.close(session, duration=trace.duration)

    async def close(self) -> None:
        """Close the agent."""
        await self.inner.close()


@dataclass(slots=True)
class _Met:
    """The session of a trial, once it is known."""

    name: str = ""
    """What it waits for a worker by."""
    opened: Session | None = None
    """Its own session."""

    def session(self, gateway: Gateway) -> Session | None:
        return self.opened or gateway.running.get(self.name)


def given_digest(case: Case) -> str:
    """Fingerprint what a case gives to the agent: a recording of another input is not used.

    What a simulated user is told stands in the requests of its model, which are recorded.
    """
    given = {"input", "contexts", *(() if case.state is None else ("state",))}
    return digest(case.model_dump(mode="json", include=given))[7:23]


@asynccontextmanager
async def open_gateway(
    suite: Suite,
    mode: GatewayMode,
    environment: Environment,
    redactor: Redactor,
    gate: Gate | None = None,
) -> AsyncIterator[Gateway]:
    """Let a gateway for a suite listen on loopback.

    Args:
        suite: The suite.
        mode: What becomes of a call.
        environment: The machine.
        redactor: Takes secrets out of what is kept.
        gate: What a stress check puts before the answers; null: nothing, and no time passes.

    Raises:
        ConfigError: A live mode has neither key nor upstream.
    """
    config = suite.config.gateway or GatewayConfig()
    settings = _settings(suite, mode, environment, redactor, gate)
    async with AsyncExitStack() as stack:
        upstream = None
        if mode != "replay":
            upstream = await stack.enter_async_context(
                Upstream(endpoints_of(config, environment.environ))
            )
        shelf = _shelf(suite, config, mode, gate)
        stack.callback(shelf.close)
        sessions = Sessions(settings, shelf, clock=time.monotonic)
        governor = _governor(suite, config) if upstream is not None else None
        pace = 0.0 if gate is None else gate.pace
        live = mode != "replay" or any(p.mode == "live" for p in config.tools.values())
        services = http_services(config, environment.environ, live=live)
        http = await stack.enter_async_context(HttpTools(sessions, services, pace=pace))
        servers = mcp_servers(suite, environment.environ, live=live)
        mcp = await stack.enter_async_context(McpTools(sessions, servers))
        configs = None
        if servers:
            configs = Path(stack.enter_context(TemporaryDirectory(prefix="evalgate-mcp-")))
        app = create_app(
            sessions,
            upstream=upstream,
            governor=governor,
            admit=None if gate is None else gate.admit,
            pace=pace,
            tools=ToolApp(sessions, http, mcp),
        )
        origin = await stack.enter_async_context(serve(app))
        proxy = None
        if _refuses_direct_calls(suite, environment):
            refusing = refuse_direct_calls(
                sessions.refuse_direct,
                (*config.upstream.values(), *(one.url for one in services.values())),
            )
            proxy = await stack.enter_async_context(refusing)
        yield Gateway(
            origin,
            sessions,
            environment.environ,
            cassettes={} if gate is None else gate.cassettes,
            proxy=proxy,
            configs=configs,
            users=UserLine(origin, stack),
        )
        if mode != "replay":  # what is kept of this run is what it recorded, and nothing else
            shelf.refuse_rewritten()


def _settings(
    suite: Suite, mode: GatewayMode, environment: Environment, redactor: Redactor, gate: Gate | None
) -> GatewaySettings:
    config = suite.config.gateway or GatewayConfig()
    return GatewaySettings(
        mode=mode,
        matching=Matching(ignore=config.ignore, uuids=config.ignore_uuids),
        redactor=redactor,
        loop_limit=config.loop_limit,
        real_time=gate is not None and gate.pace > 0,
        faults=None if gate is None else gate.faults,
        tools=tool_rules(suite, environment),
        services=service_kinds(config),
        served_by=_served_by(config),
        rerecord=_rerecord(suite, gate),
    )


def _shelf(
    suite: Suite, config: GatewayConfig, mode: GatewayMode, gate: Gate | None
) -> CassetteIndex:
    """Open the cassettes; what follows faults of tools is recorded apart."""
    shelf = CassetteIndex(suite.cassettes, source=config.source)
    if gate is not None and gate.faults is not None:
        shelf = CassetteIndex(suite.cassettes / _FAULTS, source=config.source, without=shelf)
    recover(shelf.directory)
    if mode == "auto" or (mode != "off" and suite.trust is not None):
        shelf.seal()
    return shelf


def _served_by(config: GatewayConfig) -> dict[Target, str]:
    """Name who serves a protocol that others speak too, as far as the configuration says."""
    spoken: tuple[Target, ...] = ("openai", "anthropic")
    urls = {target: config.upstream[target] for target in spoken if target in config.upstream}
    return {target: name for target, url in urls.items() if (name := provider_at(url))}


def _rerecord(suite: Suite, gate: Gate | None) -> str:
    if gate is not None and gate.faults is not None:
        return f"evalgate stress {suite.asked} --record-missing"
    return f"evalgate run {suite.asked} --record-missing --case {{case_id}}"


def _refuses_direct_calls(suite: Suite, environment: Environment) -> bool:
    """Behind a wall the kernel refuses; a proxy of the user's own stays in its place."""
    walled = suite.isolation is not None and suite.isolation.by != "none"
    given = {**environment.environ, **suite.config.agent.env}
    return not walled and not any(given.get(name) for name in _PROXIES)


def endpoints_of(config: GatewayConfig, environ: Mapping[str, str]) -> dict[Target, Endpoint]:
    """Find where live calls go.

    A configured upstream comes first, then the base URL of the caller, then the provider itself:
    a key is sent to no host that its owner did not name.

    Raises:
        ConfigError: There is none, or a base URL is no URL.
    """
    found: dict[Target, Endpoint] = {}
    for target, caller in _CALLER.items():
        key = environ.get(caller.key)
        url = config.upstream.get(target)
        variable = next((name for name in caller.urls if environ.get(name)), None)
        headers = {caller.header: caller.value.format(key)} if key else {}
        if url is not None:
            found[target] = Endpoint(url, headers)
        elif variable is not None:
            found[target] = _callers_own(variable, environ[variable], headers)
        elif key and target in _PROVIDERS:
            region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
            found[target] = Endpoint(_PROVIDERS[target].format(region=region), headers)
    if not found and not (config.http or config.mcp or config.tools):
        variables = ", ".join(caller.key for caller in _CALLER.values())
        raise ConfigError(
            f"live calls need a key or an upstream; none of {variables} is set, and no upstream "
            "is named",
            fix="export OPENAI_API_KEY=..., or name one: gateway: {upstream: {openai: URL}} of the "
            "suite, --upstream of `evalgate gateway`; replay needs neither",
        )
    return found


def _callers_own(variable: str, url: str, headers: Mapping[str, str]) -> Endpoint:
    try:
        return Endpoint(url, headers, exact=variable in _CALLER["openai"].urls)
    except ConfigError as error:
        raise ConfigError(
            f"{variable} is {url!r}, expected a URL such as https://api.openai.com/v1",
            fix=f"correct or unset {variable}",
        ) from error


def _governor(suite: Suite, config: GatewayConfig) -> Governor:
    settings = GovernorSettings(
        quota_of(config.limits),
        max_retries=config.limits.max_retries,
        budget_usd=suite.config.caps.cost_usd,
    )
    book = PriceBook(overrides=suite.config.prices)
    return Governor(
        settings,
        lambda model, usage: live_price(book, model, usage),
        clock=time.monotonic,
        sleep=asyncio.sleep,
        rng=seeded(0),
    )


def quota_of(limits: LiveLimits) -> Quota:
    """Read the limits of live calls as a quota."""
    return Quota(
        rpm=limits.rpm,
        tpm=limits.tpm,
        input_tpm=limits.input_tpm,
        output_tpm=limits.output_tpm,
        max_concurrency=limits.max_concurrency,
    )


def live_price(book: PriceBook, model: str, usage: Usage) -> float | None:
    """Price one call in USD; null where price or tokens are unknown."""
    cost = price_call(usage, model, None, None, book)
    return None if isinstance(cost, Unpriced) else float(cost)
