"""`evalgate tools check`: calls the real tools with the recorded arguments, and compares."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlencode

from evalgate.agents.load import load_object
from evalgate.agents.tooling import tooled
from evalgate.errors import AgentLoadError, NoEvidence
from evalgate.gateway.tools.http import Service
from evalgate.gateway.tools.mcp_link import Link, McpFailed, Server, open_link
from evalgate.gateway.wire.base import as_body, as_list
from evalgate.schema.base import Json
from evalgate.schema.cassette import ToolEntry
from evalgate.schema.config import GatewayConfig
from evalgate.store.cassettes import cassette_path, read_cassette
from evalgate.store.golden_sets.golden import load_golden
from evalgate.suite.environment import Environment
from evalgate.suite.suite import Suite
from evalgate.suite.tools import http_services, mcp_servers
from evalgate.text.diff import json_diff
from evalgate.text.redact import holds_mark

_SAFE = ("GET", "HEAD", "OPTIONS")
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Checked:
    """One recorded call, made again."""

    call: str
    """The tool and its arguments, in words."""
    outcome: Literal["same", "differs", "skipped"]
    """What came of it."""
    lines: tuple[str, ...] = ()
    """What differs, or why it was not called."""


class _Skipped(Exception):
    """A call is not made."""


async def check_recorded(
    suite: Suite, environment: Environment, cases: tuple[str, ...], *, effects: bool
) -> AsyncIterator[Checked]:
    """Call the real tool with every recorded argument, once each, and list MCP servers' tools.

    Args:
        suite: The suite.
        environment: The machine.
        cases: Only these cases; empty: all.
        effects: Whether tools are called that are not known to be read-only.

    Raises:
        DataError: A cassette is not readable.
        ConfigError: A variable of a service is not set.
    """
    config = suite.config.gateway or GatewayConfig()
    async with AsyncExitStack() as stack:
        bench = _Bench(
            suite,
            config,
            http_services(config, environment.environ, live=True),
            mcp_servers(suite, environment.environ, live=True),
            stack,
            effects=effects,
        )
        for entry in _recorded(suite, cases):
            call = _shown(entry)
            try:
                before, now = await bench.both(entry)
            except _Skipped as why:
                yield Checked(call, "skipped", (str(why),))
                continue
            diff = json_diff(before, now)
            yield Checked(call, "differs" if diff else "same", tuple(diff))


def nothing_recorded(suites: Sequence[Suite], cases: tuple[str, ...]) -> NoEvidence:
    """Say where no call was found, and how calls of tools are recorded."""
    places = ", ".join(str(suite.cassettes) for suite in suites)
    of = f" of case {', '.join(map(repr, cases))}" if cases else ""
    bare = next((suite.name for suite in suites if suite.config.gateway is None), None)
    first = "" if bare is None else f"add `gateway: {{}}` to suite {bare!r}, then "
    return NoEvidence(
        f"no call of a tool{of} is recorded in {places}, so there is nothing to check",
        fix=f"{first}evalgate run {suites[0].asked} --record, with tools that go through the "
        "gateway (docs/tools.md)",
    )


def _recorded(suite: Suite, cases: tuple[str, ...]) -> Iterator[ToolEntry]:
    """Yield the first recording of each call."""
    seen: set[str] = set()
    for name in cases or tuple(case.id for case in load_golden(suite.golden).cases):
        path = cassette_path(suite.cassettes, name)
        for entry in read_cassette(path).tools if path.exists() else ():
            method = entry.request.get("method", "tools/list")
            if entry.key not in seen and method == "tools/list":
                seen.add(entry.key)
                yield entry


def _shown(entry: ToolEntry) -> str:
    name = entry.request.get("tool")
    if "method" in entry.request:
        return f"{name} {entry.request['method']}"
    return f"{name} {json.dumps(entry.request.get('arguments'), ensure_ascii=False)[:_SHOWN]}"


class _Bench:
    """The real tools."""

    def __init__(
        self,
        suite: Suite,
        config: GatewayConfig,
        services: dict[str, Service],
        servers: dict[str, Server],
        stack: AsyncExitStack,
        *,
        effects: bool,
    ) -> None:
        self._suite = suite
        self._config = config
        self._services = services
        self._servers = servers
        self._stack = stack
        self._effects = effects
        self._links: dict[str, tuple[Link, list[Json]]] = {}
        self._count = 0

    async def both(self, entry: ToolEntry) -> tuple[Json, Json]:
        """Return what was recorded and what comes now."""
        arguments = as_body(entry.request.get("arguments"))
        if holds_mark(json.dumps(arguments)):
            raise _Skipped("a secret was taken out of the recorded call")
        name = str(entry.request.get("tool"))
        if "method" in entry.request:
            return await self._lists(name, entry)
        match entry.request.get("via"):
            case "http":
                return _recorded_response(entry), await self._http(name, arguments)
            case "mcp":
                return _outcome(entry), await self._mcp(name, arguments)
            case _:
                return _outcome(entry), await self._python(name, entry.target, arguments)

    def _allow(self, name: str, *, says: bool | None) -> None:
        """Let only read-only tools be called, unless all may be."""
        policy = self._config.tools.get(name) or self._config.tools.get(name.partition("/")[0])
        declared = None if policy is None else policy.effects
        if self._effects or (declared is not True and (declared is False or says is False)):
            return
        raise _Skipped(
            f"not known to be read-only: say `gateway.tools.{name}.effects: false`, or give "
            "--effects"
        )

    async def _python(self, name: str, target: str | None, arguments: dict[str, Json]) -> Json:
        if target is None or "<" in target:
            raise _Skipped("it is not known where the function is")
        try:
            found: Any = load_object(target, self._suite.root)
        except AgentLoadError as error:
            raise _Skipped(f"{target} cannot be loaded: {error.message}") from error
        marked = getattr(found, "evalgate_tool", None) or tooled(found, name)
        self._allow(name, says=marked.effects)
        try:
            marked.signature.bind(**arguments)
        except TypeError as error:
            raise _Skipped(f"it cannot be called with what is recorded: {error}") from error
        try:
            value = marked.function(**arguments)
            value = await value if inspect.isawaitable(value) else value
        except Exception as error:  # noqa: BLE001  # code of the user, which may raise anything
            return {"error": f"{type(error).__module__}:{type(error).__qualname__}: {error}"}
        said: dict[str, Json] = marked.outcome(value)
        return said

    async def _http(self, name: str, arguments: dict[str, Json]) -> Json:
        service = self._services.get(name)
        if service is None:
            raise _Skipped(f"gateway.http has no {name!r}")
        method = str(arguments.get("method"))
        self._allow(name, says=False if method in _SAFE else None)
        import httpx2  # noqa: PLC0415  heavy

        client = await self._stack.enter_async_context(httpx2.AsyncClient(trust_env=False))
        query = urlencode(as_body(arguments.get("query")), doseq=True)
        path = quote(str(arguments.get("path")), safe="/%:@!$&'()*+,;=-._~")
        body = arguments.get("body")
        sent: dict[str, Any] = {"content": body} if isinstance(body, str) else {"json": body}
        try:
            answer = await client.request(
                method,
                f"{service.url.rstrip('/')}{path}{'?' + query if query else ''}",
                headers=dict(service.headers),
                **({} if body is None else sent),
            )
        except httpx2.HTTPError as error:
            raise _Skipped(f"the service cannot be reached: {error}") from error
        try:
            return {"status": answer.status_code, "body": answer.json()}
        except ValueError:
            return {"status": answer.status_code, "body": answer.text}

    async def _mcp(self, name: str, arguments: dict[str, Json]) -> Json:
        server, _, tool = name.partition("/")
        if server not in self._servers:
            raise _Skipped(f"gateway.mcp has no {server!r}")
        try:
            link, listed = await self._linked(server)
            hints = next((as_body(t) for t in listed if as_body(t).get("name") == tool), {})
            only_reads = as_body(hints.get("annotations")).get("readOnlyHint") is True
            self._allow(name, says=False if only_reads else None)
            params: dict[str, Json] = {"name": tool, "arguments": arguments}
            answer = await self._ask(link, server, "tools/call", params)
        except McpFailed as error:
            raise _Skipped(f"MCP server {server!r} {error}") from error
        failed = as_body(answer.get("error"))
        if failed:
            return {"error": f"{failed.get('code')}: {failed.get('message')}"}
        return {"result": answer.get("result")}

    async def _lists(self, server: str, entry: ToolEntry) -> tuple[Json, Json]:
        """Return the tools that an MCP server listed and those it lists now, by name."""
        if server not in self._servers:
            raise _Skipped(f"gateway.mcp has no {server!r}")
        if entry.request.get("arguments") or as_body(entry.result).get("nextCursor"):
            raise _Skipped("its list comes in pages")
        try:
            _, listed = await self._linked(server)
        except McpFailed as error:
            raise _Skipped(f"MCP server {server!r} {error}") from error
        return _by_name(as_body(entry.result).get("tools")), _by_name(listed)

    async def _linked(self, server: str) -> tuple[Link, list[Json]]:
        if server not in self._links:
            link, _ = await open_link(self._servers[server], {}, lambda _: None)
            self._stack.push_async_callback(link.close)
            listed = await self._ask(link, server, "tools/list", {})
            self._links[server] = (link, as_list(as_body(listed.get("result")).get("tools")))
        return self._links[server]

    async def _ask(
        self, link: Link, server: str, method: str, params: dict[str, Json]
    ) -> dict[str, Json]:
        self._count += 1
        limit = self._servers[server].timeout_s
        try:
            async with asyncio.timeout(limit):
                return await link.ask(
                    {"jsonrpc": "2.0", "id": self._count, "method": method, "params": params},
                    lambda _: None,
                )
        except TimeoutError:
            raise McpFailed(f"did not answer {method!r} in {limit:g} s") from None


def _by_name(tools: Json) -> dict[str, Json]:
    return {str(as_body(tool).get("name")): tool for tool in as_list(tools)}


def _outcome(entry: ToolEntry) -> Json:
    if entry.error is not None:
        return {"error": f"{entry.error.type}: {entry.error.message}"}
    return {"result": entry.result}


def _recorded_response(entry: ToolEntry) -> Json:
    response = entry.response
    if response is None:
        return None
    if response.chunks is not None:
        return {"status": response.status, "body": "".join(text for _, text in response.chunks)}
    body: Json = response.body if response.style is not None else response.text or response.base64
    if response.style is None and response.text:
        try:
            body = json.loads(response.text)
        except ValueError:
            body = response.text
    return {"status": response.status, "body": body}
