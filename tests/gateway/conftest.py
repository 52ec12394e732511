"""A scripted model server and a gateway before it, both over real sockets on loopback."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from evalgate.gateway.app import create_app
from evalgate.gateway.cassette_index import CassetteIndex
from evalgate.gateway.server import serve_in_thread
from evalgate.gateway.sessions import GatewaySettings, Outcome, Session, Sessions
from evalgate.gateway.upstream import Endpoint, Upstream


@dataclass(frozen=True)
class Scripted:
    """One response of the scripted server."""

    body: bytes = b""
    """In one piece, where there are no chunks."""
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    chunks: tuple[bytes, ...] = ()
    """In pieces, `delay` seconds apart."""
    delay: float = 0.0
    cut: bool = False
    """Whether the connection breaks before the end."""


@dataclass
class Seen:
    """One request that reached the scripted server."""

    path: str
    query: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        return json.loads(self.raw)


def chat(content: str | None = "hello", *, tools: list[dict[str, Any]] | None = None) -> bytes:
    """Write a chat completion, spaced as Python writes JSON."""
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if tools:
        message["tool_calls"] = tools
    finish = "tool_calls" if tools else "stop"
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {
                "prompt_tokens": 11,
                "completion_tokens": 7,
                "total_tokens": 18,
                "prompt_tokens_details": {"cached_tokens": 3},
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
        }
    ).encode()


def tool_call(name: str, arguments: str, call_id: str = "call_a1") -> dict[str, Any]:
    """Write one tool call of a chat message."""
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def sse(*events: dict[str, Any], done: bool = True) -> tuple[bytes, ...]:
    """Write server-sent events, one chunk each."""
    lines = [
        b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n" for event in events
    ]
    return (*lines, b"data: [DONE]\n\n") if done else tuple(lines)


def chat_chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """Write one chunk of a streamed chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def usage_chunk() -> dict[str, Any]:
    """Write the last chunk of a stream whose usage was asked for."""
    chunk = chat_chunk({})
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return {**chunk, "choices": [], "usage": usage}


Answer = Callable[[Seen], Scripted]


@dataclass
class ModelServer:
    """A stand-in of a provider: scripted responses first, then `answer`."""

    origin: str = ""
    script: deque[Scripted] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    answer: Answer = lambda _seen: Scripted(chat())

    def then(self, *responses: Scripted) -> None:
        """Append responses to the script."""
        self.script.extend(responses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; an ASGI app."""
        raw, more = b"", True
        while more:
            message = await receive()
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {k.decode(): v.decode() for k, v in scope["headers"]}
        seen = Seen(scope["path"], scope["query_string"].decode(), headers, raw)
        self.seen.append(seen)
        reply = self.script.popleft() if self.script else self.answer(seen)
        head = [(b"content-type", reply.content_type.encode())]
        head += [(k.encode(), v.encode()) for k, v in reply.headers.items()]
        pieces = reply.chunks or (reply.body,)
        if reply.delay and not reply.chunks:
            await asyncio.sleep(reply.delay)
        await send({"type": "http.response.start", "status": reply.status, "headers": head})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if reply.chunks and reply.delay:
                await asyncio.sleep(reply.delay)
        if not reply.cut:
            await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """Run the scripted model server."""
    server = ModelServer()
    with serve_in_thread(server) as origin:
        server.origin = origin
        yield server


@dataclass
class Gateway:
    """A gateway that listens."""

    origin: str
    sessions: Sessions
    directory: Path

    def url(self, session: Session) -> str:
        """Return a session's base URL for OpenAI clients."""
        return session.base_url(self.origin)

    def root(self, session: Session) -> str:
        """Return a session's base URL for Anthropic clients."""
        return f"{self.origin}/s/{session.token}"

    def during(
        self, agent: Callable[[str], object], case: str = "case-1", trial: int = 0
    ) -> Outcome:
        """Run an agent as one trial."""
        session = self.sessions.open(case, trial)
        agent(self.url(session))
        return self.sessions.close(session, duration=1.25)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Start gateways: `gateway(mode, upstream=ORIGIN, **settings)`; all share one folder."""
    with ExitStack() as stack:

        def start(
            mode: str = "replay",
            upstream: str | None = None,
            *,
            folder: str = "cassettes",
            read_timeout: float = 20.0,
            app: dict[str, Any] | None = None,
            **settings: object,
        ) -> Gateway:
            directory = tmp_path / folder
            shelf = CassetteIndex(directory)
            stack.callback(shelf.close)
            chosen: Any = {"mode": mode, **settings}
            sessions = Sessions(GatewaySettings(**chosen), shelf, clock=time.monotonic)
            targets = ("openai", "anthropic", "azure", "google", "bedrock", "ollama")
            live = (
                None
                if upstream is None
                else Upstream({t: Endpoint(upstream) for t in targets}, read_timeout=read_timeout)
            )
            built = create_app(sessions, upstream=live, **(app or {}))
            resources = () if live is None else (live,)
            origin = stack.enter_context(serve_in_thread(built, resources=resources))
            return Gateway(origin, sessions, directory)

        yield start


@pytest.fixture
def both(
    gateway: Callable[..., Gateway], model: ModelServer
) -> Callable[..., tuple[Outcome, Outcome]]:
    """Run an agent once recorded and once replayed with the upstream gone; give both outcomes."""

    def run(agent: Callable[[str], object], *, case: str = "case-1") -> tuple[Outcome, Outcome]:
        seen: list[object] = []
        first = gateway("record", model.origin).during(lambda url: seen.append(agent(url)), case)
        calls = len(model.seen)
        second = gateway("replay").during(lambda url: seen.append(agent(url)), case)
        assert calls == len(model.seen)
        assert seen[0] == seen[1]
        assert first.steps == second.steps
        assert (None, 1.25) == (second.status, second.duration)
        return first, second

    return run


@pytest.fixture
def text() -> SimpleNamespace:
    """Return the writers of protocol text, for tests in other files."""
    return SimpleNamespace(
        chat=chat,
        tool_call=tool_call,
        sse=sse,
        chat_chunk=chat_chunk,
        usage_chunk=usage_chunk,
        scripted=Scripted,
    )
