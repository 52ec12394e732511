"""What the gateway costs: replay beside a bare starlette route, record beside a direct call.

    python benchmarks/gateway.py [--rounds 5] [--json]

Each server runs in a process of its own on one core (uvloop and httptools where they are
installed); the client is the same plain-socket one in the same run: keep-alive connections that
send prepared requests and read whole responses, so that the client costs next to nothing. The
replayed requests all differ: 200 cases of 10 recorded calls of 1.4 kB, a new session each time.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from evalgate.gateway.app import create_app
from evalgate.gateway.cassette_index import CassetteIndex
from evalgate.gateway.request_key import Matching, parse_body, prepare
from evalgate.gateway.server import serve
from evalgate.gateway.sessions import GatewaySettings, Session, Sessions
from evalgate.gateway.upstream import Endpoint, Upstream
from evalgate.gateway.wire.routes import resolve
from evalgate.schema.cassette import CallEntry, CassetteHeader, RecordedResponse
from evalgate.store.cassettes import cassette_path, write_cassette
from evalgate.text.redact import Redactor

CASES = 200
CALLS_A_CASE = 10
CALLS = CASES * CALLS_A_CASE
CONNECTIONS = 50


def request_body(number: int) -> dict[str, Any]:
    """Make one request: a system prompt, some history, three tools."""
    tool = {
        "type": "function",
        "function": {
            "name": "order_status",
            "description": "Look up an order by its number.",
            "parameters": {"type": "object", "properties": {"order": {"type": "string"}}},
        },
    }
    history = [
        {"role": "user", "content": f"Where is my order {number}? I have waited for a week."},
        {"role": "assistant", "content": "Let me look that up for you. " * 4},
        {"role": "user", "content": "Please do."},
    ]
    system = {"role": "system", "content": "You are a friendly support agent. " * 12}
    return {
        "model": "gpt-4o-mini",
        "temperature": 0.2,
        "messages": [system, *history],
        "tools": [tool] * 3,
    }


def response_body(number: int) -> dict[str, Any]:
    """Make one chat completion."""
    message = {"role": "assistant", "content": f"Order {number} left our house today. " * 5}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 300, "completion_tokens": 40, "total_tokens": 340},
    }


def write_calls(folder: Path, cases: int, calls: int) -> None:
    """Write cassettes of so many calls in all."""
    route = resolve("POST", "v1/chat/completions")
    assert route is not None
    folder.mkdir(parents=True, exist_ok=True)
    for case in range(cases):
        entries = []
        for number in range(case, calls, cases):
            raw = json.dumps(request_body(number)).encode()
            body = parse_body(raw)
            assert isinstance(body, dict)
            prepared = prepare(body, route, Matching())
            response = RecordedResponse(
                status=200,
                headers={"content-type": "application/json"},
                body=response_body(number),
                style="compact",
            )
            entries.append(
                CallEntry(
                    trial=0,
                    key=prepared.key,
                    start=float(number),
                    end=number + 0.8,
                    request=prepared.canonical,
                    response=response,
                )
            )
        header = CassetteHeader(case_id=f"case-{case}")
        write_cassette(cassette_path(folder, f"case-{case}"), header, entries)


def bare_app() -> ASGIApp:
    """Make the bare starlette route: reads the body, answers the same bytes."""
    body = json.dumps(response_body(1), separators=(",", ":")).encode()

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])


def run_bare(pipe: Connection, _folder: str) -> None:
    """Serve the bare route."""
    run_app(bare_app, pipe)


def run_app(make: Callable[[], ASGIApp], pipe: Connection) -> None:
    """Serve an app until the pipe closes, on uvloop where it is installed."""

    async def main() -> None:
        async with serve(make()) as origin:
            pipe.send(origin)
            await asyncio.to_thread(pipe.recv)

    with asyncio.Runner(loop_factory=uvicorn.Config(bare_app).get_loop_factory()) as runner:
        runner.run(main())


def run_replay(pipe: Connection, folder: str) -> None:
    """Serve replays; a session is opened at its first call and released after its last."""

    def make() -> ASGIApp:
        tokens: list[str] = []
        sessions = Sessions(
            GatewaySettings(redactor=Redactor.build({"MY_API_KEY": "not-in-any-request"})),
            CassetteIndex(Path(folder)),
            clock=time.monotonic,
            token=tokens.pop,
        )
        inner = create_app(sessions)
        left: dict[str, tuple[Session, int]] = {}

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            token = scope["path"].split("/", 3)[2]
            if token not in left:
                tokens.append(token)
                left[token] = (sessions.open(f"case-{token.split('-')[0]}"), CALLS_A_CASE)
            await inner(scope, receive, send)
            session, calls = left[token]
            left[token] = (session, calls - 1)
            if calls == 1:
                sessions.release(session)
                del left[token]

        return app

    run_app(make, pipe)


def run_upstream(pipe: Connection, _folder: str) -> None:
    """Serve a model that answers after 20 ms."""
    body = json.dumps(response_body(1), separators=(",", ":")).encode()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await asyncio.sleep(0.02)
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    run_app(lambda: app, pipe)


def run_record(pipe: Connection, folder: str) -> None:
    """Serve recordings of the upstream named in the folder's `origin` file."""
    origin = (Path(folder) / "origin").read_text()

    def make() -> ASGIApp:
        tokens = iter(range(10**9))
        sessions = Sessions(
            GatewaySettings(mode="record"),
            CassetteIndex(Path(folder) / "recorded"),
            clock=time.monotonic,
            token=lambda: f"t{next(tokens)}",
        )
        for number in range(64):
            sessions.open(f"case-{number}")
        return create_app(sessions, upstream=Upstream({"openai": Endpoint(origin)}))

    run_app(make, pipe)


@contextmanager
def process(target: Callable[[Connection, str], None], folder: str = "") -> Iterator[str]:
    """Run a server in a process of its own."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    child = context.Process(target=target, args=(theirs, folder), daemon=True)
    child.start()
    try:
        yield mine.recv()
    finally:
        mine.send("stop")
        child.join(5)
        child.kill()


Requests = Callable[[int], Iterator[bytes]]
"""The prepared requests of one connection, by its number."""


def prepared_requests(origin: str, path_of: Callable[[int, int], str]) -> Requests:
    """Prepare requests as bytes, case by case; `path_of(connection, case)` says where they go."""
    host = origin.removeprefix("http://")
    cases = [
        [json.dumps(request_body(number)).encode() for number in range(case, CALLS, CASES)]
        for case in range(CASES)
    ]

    def of(connection: int) -> Iterator[bytes]:
        while True:
            for case, bodies in enumerate(cases):
                head = f"POST {path_of(connection, case)} HTTP/1.1\r\nHost: {host}\r\n"
                for body in bodies:
                    yield f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    return of


async def one_connection(
    origin: str, requests: Iterator[bytes], until: float, latencies: list[float]
) -> None:
    """Send requests one after another on one connection."""
    host, port = origin.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for request in requests:
        begun = time.perf_counter()
        if begun > until:
            break
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"unexpected answer: {head!r}")
        latencies.append(time.perf_counter() - begun)
    writer.close()


async def load(origin: str, requests: Requests, connections: int, seconds: float) -> list[float]:
    """Load a server; return the latency of every call."""
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(
        *(one_connection(origin, requests(n), until, latencies) for n in range(connections))
    )
    return latencies


def measure(
    sides: dict[str, tuple[str, Requests]], connections: int, rounds: int
) -> dict[str, dict[str, float]]:
    """Load servers in turns of a second each, and sum up the best turn of each.

    What else the machine does can only slow a turn down, so the best one is the fairest.
    """
    found: dict[str, dict[str, float]] = {}
    with asyncio.Runner(loop_factory=uvicorn.Config(bare_app).get_loop_factory()) as runner:
        for turn in range(rounds + 1):
            for title, (origin, requests) in sides.items():
                latencies = sorted(runner.run(load(origin, requests, connections, 1.0)))
                if turn == 0:
                    continue
                row = {
                    "per_second": float(len(latencies)),
                    "p50_ms": statistics.median(latencies) * 1000,
                    "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
                }
                best = found.setdefault(f"{title}, {connections} at once", row)
                best["per_second"] = max(best["per_second"], row["per_second"])
                for name in ("p50_ms", "p99_ms"):
                    best[name] = min(best[name], row[name])
    return found


def replay_figures(folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Compare the bare route and replay, in turns."""
    path = "/v1/chat/completions"
    with process(run_bare) as bare_at, process(run_replay, str(folder)) as replay_at:
        fresh = count()
        sides = {
            "bare route": (bare_at, prepared_requests(bare_at, lambda *_: f"/s/x{path}")),
            "replay": (
                replay_at,
                prepared_requests(replay_at, lambda _, case: f"/s/{case}-{next(fresh)}{path}"),
            ),
        }
        return measure(sides, 1, rounds) | measure(sides, CONNECTIONS, rounds)


def record_figures(folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Compare a direct call of a 20 ms upstream with the same call recorded, in turns."""
    path = "/v1/chat/completions"
    with process(run_upstream) as upstream_at:
        (folder / "origin").write_text(upstream_at)
        with process(run_record, str(folder)) as record_at:
            sides = {
                "direct, 20 ms": (upstream_at, prepared_requests(upstream_at, lambda *_: path)),
                "recorded": (
                    record_at,
                    prepared_requests(record_at, lambda number, _: f"/s/t{number}{path}"),
                ),
            }
            return measure(sides, 1, rounds) | measure(sides, 8, rounds)


def load_seconds(folder: Path) -> float:
    """Load 10,000 recorded calls of 100 cases, ready to be sent."""
    write_calls(folder, 100, 10_000)
    begun = time.perf_counter()
    shelf = CassetteIndex(folder)
    calls = 0
    for case in range(100):
        cassette = shelf.cassette(f"case-{case}")
        assert not isinstance(cassette, Exception)
        calls += len(cassette)
    assert calls == 10_000
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loading = load_seconds(folder / "many")
        write_calls(folder / "replayed", CASES, CALLS)
        figures = replay_figures(folder / "replayed", options.rounds)
        figures |= record_figures(folder, options.rounds)
    if options.json:
        json.dump({"load_10000_calls_s": loading, **figures}, sys.stdout, indent=2)
        return
    print(f"{'':28}{'calls/s':>10}{'p50 ms':>10}{'p99 ms':>10}")
    for title, row in figures.items():
        print(f"{title:28}{row['per_second']:10.0f}{row['p50_ms']:10.3f}{row['p99_ms']:10.3f}")
    many = f"{CONNECTIONS} at once"
    bare_many, replay_many = figures[f"bare route, {many}"], figures[f"replay, {many}"]
    share = replay_many["per_second"] / bare_many["per_second"]
    tail = replay_many["p99_ms"] / bare_many["p99_ms"]
    added = figures["recorded, 1 at once"]["p50_ms"] - figures["direct, 20 ms, 1 at once"]["p50_ms"]
    print(f"replay / bare route, calls a second: {share:.2f} (goal: at least 0.50)")
    print(f"replay / bare route, p99: {tail:.2f} (goal: at most 2.00)")
    print(f"recording adds to the p50 of a call: {added:.2f} ms (goal: under 3 ms)")
    print(f"10,000 recorded calls load in {loading:.2f} s (goal: under 1 s)")


if __name__ == "__main__":
    main()
