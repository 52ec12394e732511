"""MCP servers: the official SDK's client and server, over sockets and stdio."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from gateway.tools.conftest import OpenTools
from mcp import Client, MCPError, StdioServerParameters

from evalgate.gateway.sessions import Session, Sessions

SHOP = '''
import base64, sys, time, os
from pathlib import Path
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import ToolAnnotations

log = Path(sys.argv[1])
server = MCPServer("shop")

@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def stock(item: str) -> dict[str, int]:
    """Say how many are left."""
    log.write_text(log.read_text() + item + "\\n" if log.exists() else item + "\\n")
    return {"left": len(item)}

@server.tool()
async def count(upto: int, ctx: Context) -> str:
    """Count, and say how far it is."""
    for number in range(upto):
        await ctx.report_progress(number, upto)
    return "done"

@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("no luck")

@server.tool()
def big(size: int) -> str:
    """Return a long text."""
    return "x" * size

@server.tool()
def die() -> str:
    """End the server in the middle of a call."""
    os._exit(3)

@server.resource("shop://rules")
def rules() -> str:
    """Say the rules."""
    return "be kind"

@server.prompt()
def greet(name: str) -> str:
    """Greet."""
    return f"Greet {name}"

server.run()
'''


@asynccontextmanager
async def connected(sessions: Sessions, origin: str) -> AsyncIterator[tuple[Client, Session]]:
    """Connect the official client over HTTP, with the URL that an agent finds."""
    session = sessions.open("c")
    url = session.environment(origin, {}, None, sessions.settings.services)["SHOP_MCP_URL"]
    async with Client(url) as client:
        yield client, session


async def use(client: Client) -> list[str]:
    """Use everything a server offers."""
    told: list[tuple[float, float | None]] = []

    async def progress(now: float, total: float | None, _message: str | None) -> None:
        told.append((now, total))

    answers = [
        await client.list_tools(),
        await client.call_tool("stock", {"item": "pen"}),
        await client.call_tool("stock", {"item": "pen"}),
        await client.call_tool("count", {"upto": 3}, progress_callback=progress),
        await client.call_tool("fail", {}),
        await client.list_resources(),
        await client.read_resource("shop://rules"),
        await client.list_prompts(),
        await client.get_prompt("greet", {"name": "Ada"}),
    ]
    assert [(0, 3), (1, 3), (2, 3)] == told
    with pytest.raises(MCPError):
        await client.read_resource("shop://nothing")
    return [answer.model_dump_json() for answer in answers]


@pytest.fixture
def shop(tmp_path: Path) -> tuple[str, ...]:
    """Write a server; it logs which calls reached it."""
    script = tmp_path / "shop_server.py"
    script.write_text(SHOP)
    return (sys.executable, str(script), str(tmp_path / "calls.txt"))


def test_a_server_is_recorded_and_replayed_without_it(
    open_tools: OpenTools, shop: tuple[str, ...], tmp_path: Path
) -> None:
    """Lists, calls, progress, errors, resources and prompts; the server is gone in the replay."""

    async def once(sessions: Sessions, origin: str) -> tuple[list[str], object]:
        async with connected(sessions, origin) as (client, session):
            said = await use(client)
        return said, sessions.close(session, duration=1.0)

    live, recorded = asyncio.run(once(*open_tools("record", mcp=shop)))
    assert "pen\npen\n" == (tmp_path / "calls.txt").read_text()
    (first, one), (second, other) = (
        asyncio.run(once(*open_tools("replay", mcp=("/nowhere",)))) for _ in range(2)
    )
    assert live == first == second
    assert one == other
    assert "pen\npen\n" == (tmp_path / "calls.txt").read_text()
    assert ["stock", "stock", "count", "fail"] == [step.name for step in one.steps]
    assert [step.end for step in recorded.steps] == [step.end for step in one.steps]
    assert {"replayed": ("shop/count", "shop/fail", "shop/stock")} == one.tools


def test_the_shim_stands_for_the_server_over_stdio(
    open_tools: OpenTools, shop: tuple[str, ...]
) -> None:
    """An agent that starts commands gets the same answers."""
    sessions, origin = open_tools("record", mcp=shop)

    async def through() -> list[str]:
        session = sessions.open("c")
        urls = session.environment(origin, {}, None, sessions.settings.services)
        shim = StdioServerParameters(
            command=sys.executable,
            args=["-m", "evalgate", "mcp", "shop"],
            env={"SHOP_MCP_URL": urls["SHOP_MCP_URL"]},
        )
        async with Client(shim) as client:
            said = await use(client)
        assert not sessions.close(session).problems
        return said

    assert 9 == len(asyncio.run(through()))


def test_a_changed_argument_a_dropped_call_and_a_mock(
    open_tools: OpenTools, shop: tuple[str, ...]
) -> None:
    """A miss is an error of the protocol, and the trial is not measured."""

    async def calls(sessions: Sessions, origin: str, *items: str) -> object:
        async with connected(sessions, origin) as (client, session):
            for item in items:
                await client.call_tool("stock", {"item": item})
        return sessions.close(session)

    asyncio.run(calls(*open_tools("record", mcp=shop), "pen", "ink"))
    sessions, origin = open_tools("replay", mcp=("/nowhere",))

    async def changed() -> object:
        async with connected(sessions, origin) as (client, session):
            with pytest.raises(MCPError, match="other arguments than recorded"):
                await client.call_tool("stock", {"item": "nib"})
        return sessions.close(session)

    missed = asyncio.run(changed())
    assert "not_measured" == missed.status
    assert "nib" in missed.error
    assert "ink" in (asyncio.run(calls(sessions, origin, "pen")).unmade or "")
    answers = {"shop/stock": {"answers": [{"when": {"item": "cup"}, "result": {"left": 9}}]}}
    sessions, origin = open_tools("replay", mcp=("/nowhere",), policies=answers)

    async def mocked() -> str:
        async with connected(sessions, origin) as (client, _):
            return (await client.call_tool("stock", {"item": "cup"})).model_dump_json()

    assert '{"left":9}' in asyncio.run(mocked())


def test_bad_servers_are_named_and_the_run_goes_on(
    open_tools: OpenTools, shop: tuple[str, ...], tmp_path: Path
) -> None:
    """Silent, garbage, gone in a call, ten megabytes."""

    def server(text: str) -> tuple[str, ...]:
        path = tmp_path / "bad.py"
        path.write_text(text)
        return (sys.executable, str(path))

    async def refused(sessions: Sessions, origin: str, why: str) -> None:
        session = sessions.open("c")
        url = session.environment(origin, {}, None, sessions.settings.services)["SHOP_MCP_URL"]
        with pytest.raises(BaseException) as failed:  # noqa: PT011  # a group of the SDK's
            async with Client(url):
                pass
        del failed
        outcome = sessions.close(session)
        assert any(why in problem for problem in outcome.problems), outcome.problems

    silent = server("import time; time.sleep(60)")
    asyncio.run(refused(*open_tools("record", mcp=silent, mcp_timeout=1.0), "did not answer"))
    ended = server("print('hello', flush=True); input()")
    asyncio.run(refused(*open_tools("record", mcp=ended), "sent a line that is no message"))
    asyncio.run(refused(*open_tools("record", mcp=("/nowhere",)), "cannot be started"))
    sessions, origin = open_tools("record", mcp=shop)

    async def dies() -> object:
        async with connected(sessions, origin) as (client, session):
            found = await client.call_tool("big", {"size": 10_000_000})
            assert 10_000_000 == len(found.content[0].text)
            with pytest.raises(MCPError, match="ended before it answered"):
                await client.call_tool("die", {})
        return sessions.close(session)

    assert "ended before it answered" in asyncio.run(dies()).problems[0]


def test_a_changed_schema_is_named(open_tools: OpenTools, shop: tuple[str, ...]) -> None:
    """A live server's list is held against the recorded one; nothing else is a miss."""

    async def listed(sessions: Sessions, origin: str) -> tuple[str, ...]:
        async with connected(sessions, origin) as (client, session):
            await client.list_tools()
        return sessions.close(session).problems

    assert () == asyncio.run(listed(*open_tools("record", mcp=shop)))
    script = Path(shop[1])
    script.write_text(SHOP.replace("item: str)", "item: str, colour: str = 'red')"))
    live = open_tools("replay", mcp=shop, policies={"shop": {"mode": "live"}})
    (problem,) = asyncio.run(listed(*live))
    assert problem.startswith("MCP server 'shop': the schema of tool 'stock' changed: ")
    assert "colour" in problem


def test_real_logs_are_relayed_as_they_came(open_tools: OpenTools, tmp_path: Path) -> None:
    """A scripted server plays a log of a real one; every answer comes back and is replayed."""
    log = Path(__file__).with_name("everything.jsonl")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    path = tmp_path / "log.json"
    path.write_text(json.dumps(rows))
    player = tmp_path / "player.py"
    player.write_text(PLAYER)
    asked = [r["message"] for r in rows if r["direction"] == "client->server"]
    told = {
        json.dumps(r["message"].get("id")): r["message"]
        for r in rows
        if r["direction"] == "server->client" and "id" in r["message"]
    }

    def exchange(sessions: Sessions, origin: str) -> list[object]:
        session = sessions.open("c")
        url = session.environment(origin, {}, None, sessions.settings.services)["SHOP_MCP_URL"]
        with httpx2.Client(trust_env=False) as client:
            answers = [client.post(url, json=m) for m in asked if "id" in m]
        sessions.close(session, duration=1.0)
        return [answer.json() for answer in answers]

    live = exchange(*open_tools("record", mcp=(sys.executable, str(player), str(path))))
    for answer in live:
        wanted = told[json.dumps(answer["id"])]
        assert wanted.get("result") == answer.get("result")
        assert (wanted.get("error") or {}).get("code") == (answer.get("error") or {}).get("code")
    assert live == exchange(*open_tools("replay", mcp=("/nowhere",)))


PLAYER = """
import json, sys
rows = json.load(open(sys.argv[1]))
asked = [r["message"] for r in rows if r["direction"] == "client->server" and "id" in r["message"]]
told = {json.dumps(r["message"]["id"]): r["message"] for r in rows
        if r["direction"] == "server->client" and "id" in r["message"]}
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    print(json.dumps({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}))
    params = {k: v for k, v in message.get("params", {}).items() if k != "_meta"}
    for one in asked:
        same = {k: v for k, v in one.get("params", {}).items() if k != "_meta"} == params
        if one["method"] == message["method"] and (same or one["method"] == "initialize"):
            asked.remove(one)
            print(json.dumps({**told[json.dumps(one["id"])], "id": message["id"]}), flush=True)
            break
"""
