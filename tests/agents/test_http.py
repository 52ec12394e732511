"""`http:` agents: real servers on loopback, good, broken, slow and endless."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from evalgate.agents.base import Context
from evalgate.errors import AgentLoadError
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case, Script
from evalgate.schema.trace import ToolCall, Trace

Ask = Callable[..., Trace]
Answer = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


def say(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    """Send a whole answer."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    """Return a function that serves an answer and returns the URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                with suppress(BrokenPipeError, ConnectionResetError):
                    answer(self, json.loads(self.rfile.read(length)))

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/answer"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_request(serve: Callable[[Answer], str], ask: Ask) -> None:
    """The body holds input, messages and context; headers of configuration and trial are sent."""
    seen: list[Any] = []

    def answer(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        seen.append((handler.path, dict(handler.headers), body))
        say(handler, b'{"output": "x", "steps": [{"kind": "tool_call", "name": "t"}]}')

    config = AgentConfig(run=serve(answer), headers={"X-Team": "ours"})
    context = Context(trial=1, base_url="http://gw/v1", headers={"X-Trial": "1"})
    trace = ask(config, context=context)
    assert ("finished", "x", (ToolCall(name="t"),)) == (trace.status, trace.output, trace.steps)
    path, headers, body = seen[0]
    lower = {name.lower(): value for name, value in headers.items()}
    assert "/answer" == path
    assert ("ours", "1") == (lower["x-team"], lower["x-trial"])
    assert "http://gw/v1" == lower["x-evalgate-base-url"]
    assert {
        "case_id": "c1",
        "turn": 0,
        "input": "hello",
        "messages": [{"role": "user", "content": "hello"}],
        "context": {"trial": 1, "base_url": "http://gw/v1"},
    } == body


def test_keys(serve: Callable[[Answer], str], ask: Ask) -> None:
    """Keys of input and answer can be named."""

    def answer(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        say(handler, json.dumps({"reply": body["question"], "more": 1}).encode())

    config = AgentConfig(run=serve(answer), input_key="question", output_key="reply")
    assert "hello" == ask(config).output
    missing = ask(AgentConfig(run=config.run, input_key="question", output_key="rely"))
    assert "bad_output" == missing.status
    assert "has no key 'rely'" in (missing.error or "")


def test_text_answer(serve: Callable[[Answer], str], ask: Ask) -> None:
    """A plain text is the answer."""
    assert "plain" == ask(serve(lambda handler, _: say(handler, b"plain"))).output


def test_script(serve: Callable[[Answer], str], ask: Ask) -> None:
    """A script is one POST a turn."""
    url = serve(lambda handler, body: say(handler, str(len(body["messages"])).encode()))
    case = Case(id="c1", input=Script(turns=("one", "two")))
    assert "3" == ask(url, case).output


def cut(handler: BaseHTTPRequestHandler, _: object) -> None:
    """Promise more than is sent."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"only this")


def endless(handler: BaseHTTPRequestHandler, _: object) -> None:
    """Send for ever."""
    handler.send_response(200)
    handler.end_headers()
    for _number in range(10_000):
        handler.wfile.write(b"x" * 10_000)


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (lambda h, _: say(h, b"no such order", 404), "crashed", "status 404: no such order"),
        (lambda h, _: say(h, b"", 500), "crashed", "status 500"),
        (lambda h, _: say(h, b"moved", 302), "crashed", "status 302"),
        (lambda h, _: say(h, b""), "bad_output", "wrote nothing"),
        (lambda h, _: say(h, b"{broken"), "bad_output", "strict JSON"),
        (lambda h, _: h.wfile.write(b"garbage\r\n\r\n"), "crashed", "failed"),
        (lambda _h, _b: None, "crashed", "failed"),
        (cut, "crashed", "failed"),
        (endless, "bad_output", "at most 1,000,000"),
        (lambda _h, _b: time.sleep(2), "timed_out", "0.3 s"),
    ],
)
def test_failures(
    serve: Callable[[Answer], str], ask: Ask, answer: Answer, status: str, reason: str
) -> None:
    """Whatever a server does wrong is a failed trial, and is not asked again."""
    asked: list[int] = []

    def counted(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        asked.append(1)
        answer(handler, body)

    config = AgentConfig(run=serve(counted), max_output_bytes=1_000_000)
    trace = ask(config, timeout_s=0.3 if status == "timed_out" else 5.0)
    assert status == trace.status
    assert reason in (trace.error or "")
    assert [1] == asked


def test_server_that_is_down(ask: Ask) -> None:
    """A refused connection is a crashed trial that names the URL."""
    trace = ask("http://127.0.0.1:9/answer")
    assert "crashed" == trace.status
    assert "http://127.0.0.1:9/answer" in (trace.error or "")


@pytest.mark.parametrize("url", ["http:", "http://", "https:///x"])
def test_no_url(ask: Ask, url: str) -> None:
    """What is no URL is an error before the first trial."""
    with pytest.raises(AgentLoadError):
        ask(url)
