"""A gateway with tools, over real sockets on loopback."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pytest

from evalgate.gateway.app import create_app
from evalgate.gateway.cassette_index import CassetteIndex
from evalgate.gateway.server import serve_in_thread
from evalgate.gateway.sessions import GatewaySettings, Mode, Sessions
from evalgate.gateway.tool_faults import FaultScript
from evalgate.gateway.tool_rules import ToolRules
from evalgate.gateway.tools.app import ToolApp
from evalgate.gateway.tools.http import HttpTools, Service
from evalgate.gateway.tools.mcp import McpTools
from evalgate.gateway.tools.mcp_link import Server
from evalgate.schema.config_parts.tool import ToolPolicy
from evalgate.text.redact import Redactor

Opened = tuple[Sessions, str]
OpenTools = Callable[..., Opened]


@pytest.fixture
def open_tools(tmp_path: Path) -> Iterator[OpenTools]:
    """Open gateways over one folder of cassettes; each returns its sessions and its origin."""
    with ExitStack() as stack:

        def opened(
            mode: Mode = "record",
            *,
            shop: str | None = None,
            mcp: tuple[str, ...] = (),
            mcp_timeout: float = 60.0,
            servers: dict[str, Server] | None = None,
            environ: dict[str, str] | None = None,
            guarded: bool = False,
            policies: dict[str, dict[str, object]] | None = None,
            faults: Callable[[str, int], FaultScript | None] | None = None,
            **by_name: dict[str, object],
        ) -> Opened:
            named = {**(policies or {}), **by_name}
            rules = ToolRules(
                {name: ToolPolicy.model_validate(one) for name, one in named.items()}, guarded
            )
            path = {"PATH": os.environ["PATH"]}
            if mcp:
                servers = {"shop": Server(command=mcp, env=path, timeout_s=mcp_timeout)}
            services = {} if shop is None else {"shop": Service(shop)}
            kinds: dict[str, Literal["http", "mcp"]] = dict.fromkeys(services, "http")
            kinds |= dict.fromkeys(servers or {}, "mcp")
            settings = GatewaySettings(
                mode=mode,
                tools=rules,
                faults=faults,
                redactor=Redactor.build(environ or {}),
                services=kinds,
            )
            shelf = CassetteIndex(tmp_path / "cassettes")
            stack.callback(shelf.close)
            sessions = Sessions(settings, shelf, clock=time.monotonic)
            http = HttpTools(sessions, services)
            relay = McpTools(sessions, servers or {})
            app = create_app(sessions, tools=ToolApp(sessions, http, relay))
            origin = stack.enter_context(serve_in_thread(app, resources=[http, relay]))
            return sessions, origin

        yield opened
