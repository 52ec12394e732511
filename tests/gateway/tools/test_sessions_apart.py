"""Two hundred sessions at once over HTTP services and MCP: each sees its own and nothing else."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from gateway.tools.conftest import OpenTools
from starlette.types import Receive, Scope, Send

from evalgate.gateway.http import send_bytes
from evalgate.gateway.server import serve_in_thread
from evalgate.gateway.sessions import Outcome, Sessions
from evalgate.gateway.tools.mcp_link import Server
from evalgate.store.cassettes import read_cassette

pytestmark = pytest.mark.slow

MANY = 200
TURNS = 3
_JSON = [(b"content-type", b"application/json")]


@dataclass
class World:
    """A shop over HTTP and a server over MCP; each counts the calls of whoever calls."""

    origin: str = ""
    orders: dict[str, int] = field(default_factory=dict)
    owners: dict[str, set[str]] = field(default_factory=dict)
    """Who was seen in each session of MCP."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        raw = b""
        while True:
            part = await receive()
            raw += part.get("body", b"")
            if not part.get("more_body"):
                break
        await asyncio.sleep(0)
        if scope["path"].startswith("/api/"):
            who = scope["path"].rpartition("/")[2]
            self.orders[who] = self.orders.get(who, 0) + 1
            said = {"who": who, "time": self.orders[who]}
            await send_bytes(send, 200, _JSON, json.dumps(said).encode())
            return
        head = {name.decode(): value.decode() for name, value in scope["headers"]}
        await self._mcp(json.loads(raw), head.get("mcp-session-id"), send)

    async def _mcp(self, message: dict[str, object], session: str | None, send: Send) -> None:
        head = [*_JSON]
        result: dict[str, object] = {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "s", "version": "1"},
        }
        if message.get("method") == "initialize":
            session = f"session-{len(self.owners)}"
            self.owners[session] = set()
            head.append((b"mcp-session-id", session.encode()))
        elif message.get("method") == "tools/call":
            who = message["params"]["arguments"]["who"]
            self.owners[str(session)].add(who)
            result = {"content": [{"type": "text", "text": f"for {who}"}]}
        body = {"jsonrpc": "2.0", "id": message.get("id"), "result": result}
        await send_bytes(send, 200 if "id" in message else 202, head, json.dumps(body).encode())


@pytest.fixture
def world() -> Iterator[World]:
    """Serve both."""
    made = World()
    with serve_in_thread(made) as origin:
        made.origin = origin
        yield made


def name_of(number: int) -> str:
    """Name whoever calls in a trial."""
    return f"who-{number:03}"


async def one(sessions: Sessions, origin: str, client: httpx2.AsyncClient, number: int) -> Outcome:
    """Do one trial: turns that begin in one session and end while all the others run."""
    who = name_of(number)
    session = sessions.open(f"case-{number % 20}", number // 20)
    urls = session.urls(origin, sessions.settings.services)
    call = {"jsonrpc": "2.0", "method": "tools/call"}
    for turn in range(1, TURNS + 1):
        answer = await client.get(f"{urls['shop']}/orders/{who}")
        assert {"who": who, "time": turn} == answer.json()
        params = {"name": "greet", "arguments": {"who": who, "turn": turn}}
        answer = await client.post(urls["docs"], json={**call, "id": turn, "params": params})
        assert f"for {who}" == answer.json()["result"]["content"][0]["text"]
    return sessions.close(session, duration=1.0)


async def all_at_once(sessions: Sessions, origin: str) -> list[Outcome]:
    """Do all of them."""
    limits = httpx2.Limits(max_connections=MANY)
    async with httpx2.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:
        trials = [one(sessions, origin, client, number) for number in range(MANY)]
        return await asyncio.gather(*trials)


def named_in(text: str) -> set[str]:
    """Find whom a text speaks of."""
    return set(re.findall(r"who-\d+", text))


def test_two_hundred_sessions_see_nothing_of_each_other(
    open_tools: OpenTools, world: World, tmp_path: Path
) -> None:
    """Recorded at once, and replayed at once with both gone."""
    opened = open_tools(
        "record", shop=f"{world.origin}/api", servers={"docs": Server(url=f"{world.origin}/mcp")}
    )
    live = asyncio.run(all_at_once(*opened))
    assert MANY == len(world.owners)
    assert {1} == {len(seen) for seen in world.owners.values()}
    gone = {"docs": Server(url="http://127.0.0.1:9")}
    opened = open_tools("replay", shop="http://127.0.0.1:9", servers=gone)
    again = asyncio.run(all_at_once(*opened))
    for number, pair in enumerate(zip(live, again, strict=True)):
        assert (None, None, ()) == (pair[1].status, pair[1].unmade, pair[1].problems)
        for outcome in pair:
            steps = [step.model_dump_json() for step in outcome.steps]
            assert [{name_of(number)}] * 2 * TURNS == [named_in(step) for step in steps]
    entries = [
        (int(path.stem.removeprefix("case-")), entry)
        for path in (tmp_path / "cassettes").glob("*.jsonl")
        for entry in read_cassette(path).tools
    ]
    calls = [(n, entry) for n, entry in entries if "method" not in entry.request]
    assert MANY * 2 * TURNS == len(calls)
    for case, entry in calls:
        assert {name_of(case + 20 * entry.trial)} == named_in(entry.model_dump_json())
