"""What tools cost: a replayed call in process, over the gateway, and 10,000 recorded ones.

    python benchmarks/tools.py [--rounds 5] [--json]

A replayed call in process is that of a decorated function; over the gateway it is the same
function in this process, with the gateway in a thread of its own, so that the two share a core at
worst. The MCP figure is what a live call through the relay takes beyond one to the same server
(a scripted one over stdio) asked directly. Medians over all calls of a round, the best round.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

from evalgate.agents.tooling import TOOLS_URL, serving, tool
from evalgate.gateway.app import create_app
from evalgate.gateway.cassette_index import CaseCassette, CassetteIndex
from evalgate.gateway.server import serve_in_thread
from evalgate.gateway.sessions import GatewaySettings, Sessions
from evalgate.gateway.tools.app import ToolApp
from evalgate.gateway.tools.http import HttpTools
from evalgate.gateway.tools.mcp import McpTools
from evalgate.gateway.tools.mcp_link import Server, open_link
from evalgate.gateway.tools.python import SessionPort

CALLS = 10_000
SHORT = 300
SERVER = """
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    if "id" in m:
        r = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "s",
             "version": "1"}, "content": [{"type": "text", "text": "hello"}]}
        print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": r}), flush=True)
"""


@tool
def look_up(order_id: str, region: str = "eu") -> dict[str, object]:
    """Look an order up."""
    return {"id": order_id, "region": region, "lines": [{"sku": "pen", "count": 2}] * 5}


def timed(calls: int, work: Callable[[int], object]) -> float:
    """Return the median of the seconds that a call takes."""
    took = []
    for number in range(calls):
        began = time.perf_counter()
        work(number)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def sessions_on(folder: Path, mode: str) -> tuple[Sessions, CassetteIndex]:
    """Open sessions over a folder of cassettes."""
    shelf = CassetteIndex(folder)
    settings = GatewaySettings(mode=mode)  # type: ignore[arg-type]  # one of the modes
    return Sessions(settings, shelf, clock=time.monotonic), shelf


def record(folder: Path) -> None:
    """Record the calls."""
    sessions, shelf = sessions_on(folder, "record")
    session = sessions.open("c")
    with serving(SessionPort(sessions, session.token)):
        for number in range(CALLS):
            look_up(f"o{number}")
    sessions.close(session, duration=1.0)
    shelf.close()


def measured(folder: Path) -> dict[str, float]:
    """Measure one round, in microseconds and seconds."""
    began = time.perf_counter()
    cassette = CassetteIndex(folder).cassette("c")
    load = time.perf_counter() - began
    assert isinstance(cassette, CaseCassette)
    sessions, _ = sessions_on(folder, "replay")
    session = sessions.open("c")
    with serving(SessionPort(sessions, session.token)):
        inside = timed(CALLS, lambda number: look_up(f"o{number}"))
    sessions.close(session)
    session = sessions.open("c")
    with serve_in_thread(create_app(sessions)) as origin:
        os.environ[TOOLS_URL] = session.environment(origin, {})[TOOLS_URL]
        over = timed(SHORT, lambda number: look_up(f"o{number}"))
        del os.environ[TOOLS_URL]
    direct, relayed = mcp(folder)
    return {
        "in_process_us": inside * 1e6,
        "over_gateway_ms": over * 1e3,
        "load_10000_s": load,
        "mcp_direct_ms": direct * 1e3,
        "mcp_relayed_ms": relayed * 1e3,
        "mcp_added_ms": (relayed - direct) * 1e3,
    }


def mcp(folder: Path) -> tuple[float, float]:
    """Ask a server directly, and through the relay."""
    script = folder / "server.py"
    script.write_text(SERVER)
    server = Server(command=(sys.executable, str(script)))

    async def direct() -> float:
        link, _ = await open_link(server, {}, lambda _: None)
        took = []
        for number in range(SHORT):
            began = time.perf_counter()
            params: dict[str, object] = {"name": "t", "arguments": {"n": number}}
            asked = {"jsonrpc": "2.0", "id": number + 1, "method": "tools/call", "params": params}
            await link.ask(asked, lambda _: None)  # type: ignore[arg-type]  # JSON
            took.append(time.perf_counter() - began)
        await link.close()
        return statistics.median(took)

    alone = asyncio.run(direct())
    settings = GatewaySettings(mode="off", services={"shop": "mcp"})
    sessions = Sessions(settings, None, clock=time.monotonic)
    relay = McpTools(sessions, {"shop": server})
    app = create_app(sessions, tools=ToolApp(sessions, HttpTools(sessions, {}), relay))
    with serve_in_thread(app, resources=[relay]) as origin, httpx2.Client() as client:
        session = sessions.open("c")
        url = session.urls(origin, settings.services)["shop"]

        def ask(number: int) -> None:
            params = {"name": "t", "arguments": {"n": number}}
            asked = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            client.post(url, json=asked)

        ask(0)
        through = timed(SHORT, ask)
        sessions.close(session)
    return alone, through


def main() -> None:
    """Print the best of each figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        record(Path(name))
        rounds = [measured(Path(name)) for _ in range(given.rounds)]
    best = {key: min(one[key] for one in rounds) for key in rounds[0]}
    if given.json:
        print(json.dumps(best))
        return
    for key, value in best.items():
        print(f"{key:<18} {value:10.3f}")


if __name__ == "__main__":
    main()
