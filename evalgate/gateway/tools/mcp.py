"""MCP servers behind the gateway: a server towards the agent, a client towards the real one."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from starlette.types import Receive, Scope, Send

from evalgate.gateway.http import send_bytes, start_stream, unless_gone
from evalgate.gateway.request_key import parse_json
from evalgate.gateway.sessions import Sessions
from evalgate.gateway.tool_calls import ToolAnswer, ToolRun
from evalgate.gateway.tools.desk import Asked, Refusal, begin, failed, finish
from evalgate.gateway.tools.faults import Faulted
from evalgate.gateway.tools.mcp_link import Link, McpFailed, Server, open_link
from evalgate.gateway.tools.mock import Mocked
from evalgate.gateway.trial_log import TrialLog
from evalgate.gateway.wire.base import Body, as_body, as_list
from evalgate.schema.base import Json
from evalgate.schema.cassette import ToolFailure
from evalgate.text.diff import json_diff

__all__ = ["McpTools"]

_RELAYED = frozenset(
    {
        "initialize",
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "prompts/list",
        "prompts/get",
        "completion/complete",
    }
)
"""Methods that are recorded; a client falls back where another is not known."""
_TIMED_OUT = -32001
"""Code of a request that was not answered in time, as the SDKs have it."""
_OURS = frozenset({"ping", "logging/setLevel"})
_JSON = [(b"content-type", b"application/json")]
_SSE = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]

_CODE = re.compile(r"-?[0-9]{1,9}")
"""A JSON-RPC error's code."""


@dataclass(slots=True)
class _Open:
    """A server that runs for one trial."""

    log: TrialLog
    link: Link
    hello: Body
    count: int = 0
    asking: dict[str, "_Asking"] = field(default_factory=dict)
    """Requests in flight, by the client's ids."""


@dataclass(slots=True)
class _Asking:
    """A request that the server has not answered."""

    number: int
    """Our id of it."""
    answer: "asyncio.Future[Body]"
    """What the server says."""
    cancelled: bool = False
    """Whether the client takes the request back."""


class _Cancelled(Exception):
    """The client took a request back."""


@dataclass(frozen=True, slots=True)
class _Came:
    """A request of an agent's client."""

    name: str
    message: Body
    log: TrialLog
    token: str
    receive: Receive
    send: Send

    @property
    def params(self) -> Body:
        return as_body(self.message.get("params"))

    @property
    def progress(self) -> Json:
        return as_body(self.params.get("_meta")).get("progressToken")


class McpTools:
    """The MCP servers of a suite. Use as an async context manager."""

    def __init__(self, sessions: Sessions, servers: Mapping[str, Server]) -> None:
        """Start nothing yet.

        Args:
            sessions: Whose trials call.
            servers: By name.
        """
        self.servers = dict(servers)
        self._sessions = sessions
        self._open: dict[tuple[str, str], asyncio.Task[_Open]] = {}
        self._hello: dict[tuple[str, str], Body] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        """Close what a trial leaves behind from now on."""
        self._loop = asyncio.get_running_loop()
        self._sessions.on_end.append(self._ended)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every server."""
        self._sessions.on_end.remove(self._ended)
        for token, _ in [*self._open]:
            self._close(token)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _ended(self, token: str) -> None:
        """Close a trial's servers; called from whatever thread ends it."""
        if self._loop is not None and any(key[0] == token for key in [*self._open]):
            self._loop.call_soon_threadsafe(self._close, token)

    def _close(self, token: str) -> None:
        for key in [key for key in self._open if key[0] == token]:
            opening = self._open.pop(key)
            task = asyncio.ensure_future(_closed(opening))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, name: str, raw: bytes, log: TrialLog
    ) -> None:
        """Answer one request of a client."""
        if scope["method"] == "DELETE":
            await send_bytes(send, 200, [], b"")
            return
        if scope["method"] != "POST":  # we never speak first
            await send_bytes(send, 405, [(b"allow", b"POST, DELETE")], b"")
            return
        value, _ = parse_json(raw)
        message = as_body(value)
        came = _Came(name, message, log, scope["path"].split("/")[2], receive, send)
        if not isinstance(message.get("method"), str):
            is_answer = "result" in message or "error" in message
            if is_answer:
                await send_bytes(send, 202, [], b"")
            else:
                await _say(send, _error(None, -32700, "expected one JSON-RPC message"))
        elif "id" not in message:
            await self._notified(came)
            await send_bytes(send, 202, [], b"")
        else:
            await self._asked(came)

    async def _notified(self, came: _Came) -> None:
        """Send a cancellation on; the rest of the handshake is ours."""
        opening = self._open.get((came.token, came.name))
        if came.message.get("method") != "notifications/cancelled" or opening is None:
            return
        if not opening.done() or opening.exception() is not None:
            return
        asking = opening.result().asking.get(str(came.params.get("requestId")))
        if asking is not None:
            asking.cancelled = True  # whatever the server still says of it is no answer
            await _cancel(opening.result().link, asking.number, came.params.get("reason"))
            asking.answer.cancel()

    async def _asked(self, came: _Came) -> None:
        method, number = str(came.message["method"]), came.message.get("id")
        if method in _OURS:
            await _say(came.send, {"jsonrpc": "2.0", "id": number, "result": {}})
            return
        if method not in _RELAYED:
            await _say(came.send, _error(number, -32601, f"evalgate: {method!r} is not relayed"))
            return
        if method == "initialize":
            self._hello[came.token, came.name] = came.params
        run, answer = begin(came.log, self._sessions.settings, self._call(came, method))
        if isinstance(answer, Faulted):
            await unless_gone(came.receive, asyncio.sleep(answer.wait))
            if answer.timeout:
                said = _error(number, _TIMED_OUT, str(answer.answer.error))
                await _say(came.send, said)
                return
            answer = answer.answer
        match answer:
            case Refusal():
                await _say(came.send, _error(number, -32000, answer.message))
            case Mocked():
                await _say(came.send, {"jsonrpc": "2.0", "id": number, "result": _mocked(answer)})
            case ToolAnswer():
                self._seen(came, method, answer.result)
                events = answer.events if came.progress is not None else ()
                told = [_with_token(event, came.progress) for event in events]
                await _say(came.send, _response(number, answer.result, answer.error), told)
            case None:
                try:
                    await unless_gone(came.receive, self._live(came, run, method))
                finally:
                    failed(came.log, run, "disconnected", "the client left before the answer")

    def _call(self, came: _Came, method: str) -> Asked:
        params = {name: value for name, value in came.params.items() if name != "_meta"}
        if method == "initialize":
            params = {}  # who asks does not change what the server offers
        if method != "tools/call":
            return Asked("mcp", came.name, params, method=method)
        tool = str(params.get("name"))
        effects = _effects(came.log.desk.listed.get(came.name), tool)
        return Asked("mcp", f"{came.name}/{tool}", params.get("arguments") or {}, effects)

    async def _live(self, came: _Came, run: ToolRun, method: str) -> None:
        number, events = came.message.get("id"), []
        streams = came.progress is not None
        queue: asyncio.Queue[Body | None] = asyncio.Queue()

        def notified(event: Body) -> None:
            events.append(_with_token(event, 0))
            queue.put_nowait(_with_token(event, came.progress))

        if streams:
            await start_stream(came.send, 200, _SSE)
        passing = asyncio.ensure_future(_pass_on(queue, came.send, streams=streams))
        try:
            answer = await self._relayed(came, method, notified)
        except McpFailed as error:
            why = f"MCP server {came.name!r} {error}"
            came.log.problems.append(f"{why} ({method})")
            failed(came.log, run, "mcp_failed", why)
            answer = _error(number, -32000, f"evalgate: {why}")
        except _Cancelled:
            failed(came.log, run, "cancelled", "the client cancelled the request")
            answer = _error(number, -32800, "evalgate: cancelled by the client")
        else:
            self._kept(came, run, method, answer, tuple(events))
        finally:
            queue.put_nowait(None)
            await passing
        said = {**answer, "id": number}
        if streams:
            await came.send({"type": "http.response.body", "body": _event(said)})
        else:
            await _say(came.send, said)

    def _kept(
        self, came: _Came, run: ToolRun, method: str, answer: Body, events: tuple[Body, ...]
    ) -> None:
        error = as_body(answer.get("error"))
        if error:
            code, message = str(error.get("code")), str(error.get("message"))
            run.error = ToolFailure(type=code, message=message, data=error.get("data"))
        else:
            run.result = answer.get("result")
            self._seen(came, method, run.result)
        finish(came.log, self._sessions.settings, run, events=events)

    async def _relayed(self, came: _Came, method: str, notified: Callable[[Body], None]) -> Body:
        server = self.servers[came.name]
        opened = await self._opened(came)
        if method == "initialize":
            return opened.hello
        opened.count += 1
        ours, theirs = opened.count, str(came.message.get("id"))
        params: Body = {**came.params, "_meta": {"progressToken": ours}}
        message: Body = {"jsonrpc": "2.0", "id": ours, "method": method, "params": params}
        asking = _Asking(ours, asyncio.ensure_future(opened.link.ask(message, notified)))
        opened.asking[theirs] = asking
        try:
            async with asyncio.timeout(server.timeout_s):
                answer = await asking.answer
        except TimeoutError:
            await _cancel(opened.link, ours, "timeout")
            raise McpFailed(f"did not answer {method!r} in {server.timeout_s:g} s") from None
        except asyncio.CancelledError:
            if asking.cancelled:
                raise _Cancelled from None
            await _cancel(opened.link, ours, "the client left")
            raise
        finally:
            opened.asking.pop(theirs, None)
        if asking.cancelled:  # it came before the server had taken note
            raise _Cancelled
        return answer

    async def _opened(self, came: _Came) -> _Open:
        key = (came.token, came.name)
        opening = self._open.get(key)
        if opening is None:
            opening = asyncio.ensure_future(self._connected(came))
            self._open[key] = opening
        try:
            return await asyncio.shield(opening)
        except McpFailed:
            self._open.pop(key, None)
            raise

    async def _connected(self, came: _Came) -> _Open:
        def odd(what: str) -> None:
            said = f"MCP server {came.name!r} sent {what}"
            if said not in came.log.problems:
                came.log.problems.append(said)

        hello = self._hello.get((came.token, came.name), {})
        link, answer = await open_link(self.servers[came.name], hello, odd)
        return _Open(came.log, link, answer)

    def _seen(self, came: _Came, method: str, result: Json) -> None:
        """Look at a list of tools: is it the recorded one, and the one of a moment ago?"""
        if method != "tools/list":
            return
        log, name = came.log, came.name
        listed = as_list(as_body(result).get("tools"))
        twice = [n for n, times in Counter(map(_named, listed)).items() if times > 1]
        if twice:
            log.not_measured = f"MCP server {name!r} lists two tools named {twice[0]!r}"
        if came.params.get("cursor"):
            log.desk.listed[name] = [*as_list(log.desk.listed.get(name)), *listed]
            return
        before = log.desk.listed.get(name)
        log.desk.listed[name] = listed
        if before is not None and before != listed:
            log.problems.append(f"MCP server {name!r} changed its list of tools in the trial")
        for line in _changed(_recorded_list(log, name), listed):
            log.problems.append(f"MCP server {name!r}: {line}")


def _recorded_list(log: TrialLog, name: str) -> list[Json] | None:
    for keys in log.cassette.tools.get(log.recorded_trial, {}).values():
        call = keys[0].request
        if (call.get("tool"), call.get("method")) == (name, "tools/list"):
            return as_list(as_body(keys[0].result).get("tools"))
    return None


def _changed(before: list[Json] | None, now: list[Json]) -> list[str]:
    """Say which tools are not what they were when they were recorded."""
    if before is None or before == now:
        return []
    old, new = ({_named(tool): tool for tool in tools} for tools in (before, now))
    lines = [f"tool {name!r} is gone" for name in old if name not in new]
    lines += [f"tool {name!r} is new" for name in new if name not in old]
    for name, tool in new.items():
        if name in old and old[name] != tool:
            diff = "; ".join(json_diff(old[name], tool, max_changes=5))
            lines.append(f"the schema of tool {name!r} changed: {diff}")
    return lines


def _named(tool: Json) -> str:
    return str(as_body(tool).get("name"))


def _effects(listed: Json, tool: str) -> bool | None:
    """Read what a server says of its tool: read-only has no effects."""
    found = next((as_body(t) for t in as_list(listed) if _named(t) == tool), {})
    hints = as_body(found.get("annotations"))
    only_reads = hints.get("readOnlyHint")
    if only_reads is True:
        return False
    return True if hints.get("destructiveHint") is True else None


def _mocked(answer: Mocked) -> Body:
    if answer.error is not None:
        return {"content": [{"type": "text", "text": answer.error}], "isError": True}
    result = answer.result
    if isinstance(result, dict) and isinstance(result.get("content"), list):
        return result
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    content: list[Json] = [{"type": "text", "text": text}]
    whole: Body = {"structuredContent": result} if isinstance(result, dict) else {}
    return {"content": content, **whole}


def _response(number: Json, result: Json, error: ToolFailure | None) -> Body:
    if error is None:
        return {"jsonrpc": "2.0", "id": number, "result": result}
    code = int(error.type) if _CODE.fullmatch(error.type) else -32000
    data: Body = {} if error.data is None else {"data": error.data}
    inner: Body = {"code": code, "message": error.message, **data}
    return {"jsonrpc": "2.0", "id": number, "error": inner}


def _error(number: Json, code: int, message: str) -> Body:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def _with_token(event: Body, token: Json) -> Body:
    return {**event, "params": {**as_body(event.get("params")), "progressToken": token}}


def _event(message: Body) -> bytes:
    return b"event: message\ndata: " + json.dumps(message).encode() + b"\n\n"


async def _say(send: Send, message: Body, before: list[Body] | None = None) -> None:
    if not before:
        await send_bytes(send, 200, _JSON, json.dumps(message).encode())
        return
    await send_bytes(send, 200, _SSE, b"".join(map(_event, [*before, message])))


async def _pass_on(queue: "asyncio.Queue[Body | None]", send: Send, *, streams: bool) -> None:
    while (event := await queue.get()) is not None:
        if streams:
            await send({"type": "http.response.body", "body": _event(event), "more_body": True})


async def _cancel(link: Link, number: int, reason: Json) -> None:
    params: Body = {"requestId": number, "reason": str(reason or "cancelled")}
    try:
        await link.tell({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})
    except McpFailed:
        return


async def _closed(opening: "asyncio.Task[_Open]") -> None:
    try:
        opened = await opening
    except (McpFailed, asyncio.CancelledError):
        return
    await opened.link.close()
