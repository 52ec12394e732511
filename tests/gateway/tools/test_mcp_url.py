"""MCP servers behind a URL: the official SDK's over streamable HTTP, and ones that behave badly."""

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import anyio
import httpx2
import pytest
from gateway.conftest import ModelServer, Scripted, Seen
from gateway.tools.conftest import OpenTools
from mcp import Client, MCPError
from mcp.server.mcpserver import Context, Image, MCPServer
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from evalgate.gateway.http import send_bytes
from evalgate.gateway.server import serve_in_thread
from evalgate.gateway.sessions import Outcome, Sessions
from evalgate.gateway.tools.mcp_link import Server
from evalgate.schema.trace import ToolCall

PNG = b"\x89PNG\r\n\x1a\n\x00\xff\xfe"
GONE = {"docs": Server(url="http://127.0.0.1:9/mcp")}


@dataclass
class Docs:
    """The official server, and what reached it."""

    url: str = ""
    calls: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    server: MCPServer = field(default_factory=lambda: MCPServer("docs"))

    def watch(self, app: ASGIApp) -> ASGIApp:
        """Note the headers of each request."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            head = dict(scope["headers"])
            self.keys.add(head.get(b"authorization", b"").decode() or None)
            self.sessions.add(head.get(b"mcp-session-id", b"").decode())
            await app(scope, receive, send)

        return watched


@contextmanager
def serving_docs() -> Iterator[Docs]:
    """Serve the official server over streamable HTTP."""
    docs = Docs()
    server = docs.server

    @server.tool()
    def stock(item: str) -> str:
        """Look an item up in the handbook."""
        docs.calls.append(item)
        return f"handbook: {item}"

    @server.tool()
    async def count(upto: int, ctx: Context) -> str:
        """Count, and say how far it is."""
        for number in range(upto):
            await ctx.report_progress(number, upto)
        return "done"

    @server.tool()
    async def wait(name: str) -> str:
        """Wait for longer than anyone would."""
        try:
            docs.calls.append(name)
            await anyio.sleep(30)
        except anyio.get_cancelled_exc_class():
            docs.cancelled.append(name)
            raise
        return "late"

    @server.tool()
    def picture() -> Image:
        """Return a picture."""
        return Image(data=PNG, format="png")

    @server.tool()
    def grow() -> str:
        """Offer one tool more from now on."""
        server.add_tool(lambda: "new", name="added")
        return "grown"

    @server.resource("docs://logo", mime_type="application/octet-stream")
    def logo() -> bytes:
        """Return bytes."""
        return PNG

    app: Starlette = server.streamable_http_app()
    with serve_in_thread(docs.watch(app), resources=[server.session_manager.run()]) as origin:
        docs.url = f"{origin}/mcp"
        yield docs


@pytest.fixture(scope="module")
def shared_docs() -> Iterator[Docs]:
    """Serve it once."""
    with serving_docs() as docs:
        yield docs


@pytest.fixture
def docs(shared_docs: Docs) -> Docs:
    """Forget what other tests asked."""
    for seen in (shared_docs.calls, shared_docs.cancelled, shared_docs.keys, shared_docs.sessions):
        seen.clear()
    return shared_docs


Use = Callable[[Client], object]


async def trial(
    opened: tuple[Sessions, str], use: Use, name: str = "docs"
) -> tuple[object, Outcome]:
    """Let the official client use a server, and end the trial."""
    sessions, origin = opened
    session = sessions.open("c")
    url = session.urls(origin, sessions.settings.services)[name]
    async with Client(url) as client:
        said = await use(client)
    return said, sessions.close(session, duration=1.0)


async def everything(client: Client) -> list[str]:
    """Use what the server offers."""
    told: list[float] = []

    async def progress(now: float, _total: float | None, _message: str | None) -> None:
        told.append(now)

    answers = [
        await client.list_tools(),
        await client.call_tool("stock", {"item": "pen"}),
        await client.call_tool("count", {"upto": 3}, progress_callback=progress),
        await client.call_tool("picture", {}),
        await client.read_resource("docs://logo"),
    ]
    assert [0, 1, 2] == told
    return [answer.model_dump_json() for answer in answers]


def test_a_server_behind_a_url_is_recorded_and_replayed_without_it(
    open_tools: OpenTools, docs: Docs, tmp_path: Path
) -> None:
    """Calls, progress and binary content; its credentials reach it and no recording."""
    headers = {"authorization": "Bearer s3cr3t-of-the-docs"}
    servers = {"docs": Server(url=docs.url, headers=headers)}
    live, _ = asyncio.run(trial(open_tools("record", servers=servers), everything))
    assert {"Bearer s3cr3t-of-the-docs"} == docs.keys
    again = [asyncio.run(trial(open_tools("replay", servers=GONE), everything)) for _ in range(2)]
    assert [live, live] == [said for said, _ in again]
    assert again[0][1] == again[1][1]
    assert (None, None, ()) == (again[0][1].status, again[0][1].unmade, again[0][1].problems)
    assert base64.b64encode(PNG).decode() in str(live)
    assert ["pen"] == docs.calls
    assert "s3cr3t" not in "".join(p.read_text() for p in tmp_path.glob("cassettes/*.jsonl"))


def test_two_servers_with_tools_of_one_name_are_kept_apart(
    open_tools: OpenTools, docs: Docs, model: ModelServer
) -> None:
    """A recording answers for its own server, with the same arguments too."""
    model.answer = rpc({"content": [{"type": "text", "text": "three left"}]})
    servers = {"docs": Server(url=docs.url), "shop": Server(url=f"{model.origin}/mcp")}

    async def both(opened: tuple[Sessions, str]) -> tuple[list[str], Outcome]:
        sessions, origin = opened
        session, said = sessions.open("c"), []
        for url in session.urls(origin, sessions.settings.services).values():
            async with Client(url) as client:
                found = await client.call_tool("stock", {"item": "pen"})
                said.append(found.content[0].text)
        return said, sessions.close(session, duration=1.0)

    live, _ = asyncio.run(both(open_tools("record", servers=servers)))
    assert ["handbook: pen", "three left"] == live
    gone = dict.fromkeys(servers, GONE["docs"])
    said, outcome = asyncio.run(both(open_tools("replay", servers=gone)))
    assert live == said
    assert {"replayed": ("docs/stock", "shop/stock")} == outcome.tools


def test_a_list_that_changes_in_the_trial_is_named(open_tools: OpenTools) -> None:
    """And the replay gives both lists in their order."""

    async def grows(client: Client) -> list[int]:
        before = len((await client.list_tools()).tools)
        await client.call_tool("grow", {})
        return [before, len((await client.list_tools(cache_mode="bypass")).tools)]

    with serving_docs() as docs:
        servers = {"docs": Server(url=docs.url)}
        live, outcome = asyncio.run(trial(open_tools("record", servers=servers), grows))
    assert [5, 6] == live
    named = "MCP server 'docs' changed its list of tools in the trial"
    assert named in outcome.problems
    said, outcome = asyncio.run(trial(open_tools("replay", servers=GONE), grows))
    assert live == said
    assert named in outcome.problems


def test_a_cancelled_call_is_cancelled_at_the_server_and_not_recorded(
    open_tools: OpenTools, docs: Docs
) -> None:
    """By a notification, and by a client that leaves."""
    opened = open_tools("record", servers={"docs": Server(url=docs.url)})

    async def cancelled(by: str) -> Outcome:
        sessions, origin = opened
        session = sessions.open(by)
        url = session.urls(origin, sessions.settings.services)["docs"]
        async with httpx2.AsyncClient(trust_env=False, timeout=20) as client:
            await client.post(url, json=hello())
            ask = asyncio.create_task(client.post(url, json=asked(7, "wait", name=by)))
            await until(lambda: by in docs.calls)
            if by == "notification":
                await client.post(url, json=notified("cancelled", requestId=7, reason="enough"))
                assert "error" in (await ask).json()
            else:
                ask.cancel()
            await until(lambda: by in docs.cancelled)
            after = await client.post(url, json=asked(8, "stock", item=by))
            assert "result" in after.json()
        return sessions.close(session, duration=1.0)

    for by in ("notification", "departure"):
        outcome = asyncio.run(cancelled(by))
        assert ["wait", "stock"] == [step.name for step in outcome.steps]
        assert outcome.steps[0].error is not None
        sessions, origin = open_tools("replay", servers=GONE)
        session = sessions.open(by)
        url = session.urls(origin, sessions.settings.services)["docs"]
        missed = httpx2.post(url, json=asked(7, "wait", name=by), trust_env=False).json()
        assert "no call of tool 'docs/wait' is recorded" in missed["error"]["message"]


@pytest.mark.parametrize("last", [{"result": {}}, {"error": {"code": 0, "message": "gone"}}])
def test_what_a_server_says_of_a_cancelled_call_is_no_answer(
    open_tools: OpenTools, last: dict[str, object]
) -> None:
    """Also where it comes before the cancellation is acknowledged."""
    waits, called = asyncio.Event(), threading.Event()

    async def server(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        said = json.loads((await receive())["body"])
        if said["method"] == "initialize":
            answer: dict[str, object] = {"result": {"protocolVersion": "2025-06-18"}}
        elif said["method"] == "tools/call":
            called.set()
            await waits.wait()
            answer = last
        else:
            if said["method"] == "notifications/cancelled":
                waits.set()
                await asyncio.sleep(0.5)  # the answer is there before this is
            await send_bytes(send, 202, [], b"")
            return
        body = json.dumps({"jsonrpc": "2.0", "id": said["id"], **answer}).encode()
        await send_bytes(send, 200, [(b"content-type", b"application/json")], body)

    async def cancelled(url: str) -> dict[str, object]:
        async with httpx2.AsyncClient(trust_env=False, timeout=20) as client:
            await client.post(url, json=hello())
            ask = asyncio.create_task(client.post(url, json=asked(7, "wait")))
            await until(called.is_set)
            await client.post(url, json=notified("cancelled", requestId=7))
            told: dict[str, object] = (await ask).json()
            return told

    with serve_in_thread(server) as origin:
        sessions, ours = open_tools("record", servers={"docs": Server(url=f"{origin}/mcp")})
        session = sessions.open("c")
        told = asyncio.run(cancelled(session.urls(ours, sessions.settings.services)["docs"]))
        outcome = sessions.close(session, duration=1.0)
    assert {"code": -32800, "message": "evalgate: cancelled by the client"} == told["error"]
    (call,) = (step for step in outcome.steps if isinstance(step, ToolCall))
    assert (None, "error") == (call.result, call.error)


async def until(seen: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    async with asyncio.timeout(10):
        while not seen():  # noqa: ASYNC110  # what is waited for is in another loop
            await asyncio.sleep(0.01)


def hello() -> dict[str, object]:
    """Make the first message of a client."""
    info = {"name": "test", "version": "1"}
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
    return {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}


def asked(number: int, tool: str, **arguments: object) -> dict[str, object]:
    """Make a call of a tool."""
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def notified(what: str, **params: object) -> dict[str, object]:
    """Make a notification."""
    return {"jsonrpc": "2.0", "method": f"notifications/{what}", "params": params}


def rpc(
    result: dict[str, object], bad: Mapping[str, Scripted] = MappingProxyType({})
) -> Callable[[Seen], Scripted]:
    """Answer as a small server would; `bad`: what comes in the place of the answer to a method."""

    def answer(seen: Seen) -> Scripted:
        message = seen.body
        if "id" not in message:
            return Scripted(b"", 202)
        if message["method"] in bad:
            return bad[message["method"]]
        info = {"protocolVersion": "2025-06-18", "serverInfo": {"name": "s", "version": "1"}}
        first = {**info, "capabilities": {"tools": {}}}
        said = {"initialize": first, "tools/list": {"tools": []}}.get(message["method"], result)
        body = {"jsonrpc": "2.0", "id": message["id"], "result": said}
        return Scripted(json.dumps(body).encode())

    return answer


def stream(*chunks: bytes, cut: bool = False) -> Scripted:
    """Make a stream of events."""
    return Scripted(content_type="text/event-stream", chunks=chunks, cut=cut)


BAD = {
    "silent": ({"initialize": Scripted(b"{}", delay=5)}, "did not answer `initialize` in 0.5 s"),
    "page": ({"initialize": Scripted(b"<html>", content_type="text/html")}, "no JSON-RPC response"),
    "refusal": ({"initialize": Scripted(b"no", 403)}, "answered with HTTP 403"),
    "garbage": ({"tools/call": stream(b"data: {]\n\n", b": x\n\n")}, "no JSON-RPC response"),
    "cut": ({"tools/call": stream(b'data: {"jsonrpc"', cut=True)}, "cannot be reached"),
    "late": ({"tools/call": Scripted(b"{}", delay=5)}, "did not answer 'tools/call' in 0.5 s"),
    "someone else's": (
        {"tools/call": Scripted(b'{"jsonrpc": "2.0", "id": 99, "result": {}}')},
        "sent an answer to another request",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_server_is_named_and_nothing_is_recorded_of_it(
    open_tools: OpenTools, model: ModelServer, name: str
) -> None:
    """The agent gets an error of the protocol, and the run goes on."""
    bad, why = BAD[name]
    model.answer = rpc({"content": []}, bad)
    server = Server(url=f"{model.origin}/mcp", timeout_s=0.5)
    sessions, origin = open_tools("record", servers={"docs": server})
    session = sessions.open("c")
    url = session.urls(origin, sessions.settings.services)["docs"]
    with httpx2.Client(trust_env=False, timeout=20) as client:
        client.post(url, json=hello())
        told = client.post(url, json=asked(2, "stock", item="pen")).json()["error"]
        model.answer = rpc({"content": []})
        assert "result" in client.post(url, json=asked(3, "stock", item="ink")).json()
    outcome = sessions.close(session, duration=1.0)
    assert why in told["message"]
    assert any(why in problem for problem in outcome.problems), outcome.problems
    sessions, origin = open_tools("replay", servers=GONE)
    url = sessions.open("c").urls(origin, sessions.settings.services)["docs"]
    for item, part in (("pen", "error"), ("ink", "result")):
        assert part in httpx2.post(url, json=asked(2, "stock", item=item), trust_env=False).json()


@pytest.mark.parametrize("streams", [False, True])
def test_ten_megabytes_come_whole(
    open_tools: OpenTools, model: ModelServer, *, streams: bool
) -> None:
    """As one document and as a stream, live and replayed."""
    text = "x" * 10_000_000
    result = {"content": [{"type": "text", "text": text}]}
    whole = rpc(result)

    def streamed(seen: Seen) -> Scripted:
        said = whole(seen)
        if not said.body:
            return said
        return stream(b"event: message\ndata: " + said.body[:9000], said.body[9000:] + b"\n\n")

    model.answer = streamed if streams else whole
    opened = open_tools("record", servers={"docs": Server(url=f"{model.origin}/mcp")})

    async def ask(client: Client) -> str:
        return (await client.call_tool("big", {})).content[0].text

    for again in (opened, open_tools("replay", servers=GONE)):
        said, outcome = asyncio.run(trial(again, ask))
        assert text == said
        assert () == outcome.problems


def test_a_server_that_asks_the_agents_own_session_is_answered(open_tools: OpenTools) -> None:
    """Recursion: each of its calls is one of the trial, while the one before is open."""
    place: dict[str, str] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message = json.loads((await receive())["body"])
        left = message.get("params", {}).get("arguments", {}).get("left", 0)
        result = rpc({"content": [{"type": "text", "text": "end"}]})
        if left:
            async with httpx2.AsyncClient(trust_env=False, timeout=20) as client:
                inner = await client.post(place["url"], json=asked(left, "again", left=left - 1))
            result = rpc(inner.json()["result"])
        said = result(Seen("", "", {}, json.dumps(message).encode()))
        await send_bytes(send, said.status, [(b"content-type", b"application/json")], said.body)

    with serve_in_thread(app) as server:
        sessions, origin = open_tools("record", servers={"docs": Server(url=server)})
        session = sessions.open("c")
        place["url"] = session.urls(origin, sessions.settings.services)["docs"]
        call = asked(9, "again", left=3)
        live = httpx2.post(place["url"], json=call, trust_env=False, timeout=20).json()
    assert "end" == live["result"]["content"][0]["text"]
    outcome = sessions.close(session, duration=1.0)
    assert ["again"] * 4 == [step.name for step in outcome.steps]


def test_a_refused_client_is_told_the_protocols_error(open_tools: OpenTools) -> None:
    """A server that cannot be reached is an error that the official client raises."""

    async def ask() -> Outcome:
        sessions, origin = open_tools("record", servers=GONE)
        session = sessions.open("c")
        url = session.urls(origin, sessions.settings.services)["docs"]
        with pytest.raises((MCPError, ExceptionGroup)):
            async with Client(url) as client:
                await client.list_tools()
        return sessions.close(session)

    assert "cannot be reached" in asyncio.run(ask()).problems[0]
