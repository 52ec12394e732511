"""Local receivers of alerts: each request is kept and answered by a script."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from evalgate.alerts.signal import Alert

ALERT = Alert(
    key="support/cost_per_hour",
    title="support: the agent costs more than usual",
    severity="high",
    agent="support",
    metric="cost_per_hour",
    current="$120.00 in the last hour",
    usual="$20.00; z 9.0",
    since="2026-05-28T19:00:00Z",
    model="m1",
    prompt="v7",
    team="prompt",
    cause="new prompt version v7",
    advice="roll it back",
    links=("https://example.com/runbook",),
)


class Inbox:
    """What arrived at each path, and the codes it is answered with in turn."""

    def __init__(self) -> None:
        """Answer 202 unless told otherwise."""
        self.got: list[tuple[str, Any, dict[str, str]]] = []
        self.codes: dict[str, list[int]] = {}
        self.url = ""
        self.lock = threading.Lock()

    def at(self, path: str) -> list[Any]:
        """Return the bodies that arrived at a path."""
        return [body for where, body, _ in self.got if where == path]

    def answer(self, path: str) -> int:
        """Take the next code of a path; the last one stays."""
        codes = self.codes.get(path, [202])
        return codes.pop(0) if len(codes) > 1 else codes[0]


@contextmanager
def receivers() -> Iterator[Inbox]:
    """Serve on loopback."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            with inbox.lock:
                inbox.got.append((self.path, json.loads(raw), dict(self.headers.items())))
                code = inbox.answer(self.path)
            self.send_response(code)
            if code == 429:
                self.send_header("retry-after", "7")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    inbox.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
