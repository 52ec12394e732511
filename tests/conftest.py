"""What every test stands on: a clean environment, and the shared real data where it is there."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from support.cli import Cli, Result

from evalgate.cli.main import entry

# The same examples everywhere, however loaded; `--hypothesis-profile=search` looks for new ones.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("ci")

# A shell starts what is in the background with SIGINT ignored, which programs under test inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

_SCRUBBED = ("CI", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM")
_SCRUBBED_PREFIXES = ("GITHUB_", "ACTIONS_", "RUNNER_", "GITLAB_", "EVALGATE_")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data beside the repository, or skip."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data is not here: {folder} is no folder")
    return folder


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """Return the folder of small inputs that came out wrong, or skip."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "cases"
    if not folder.is_dir():
        pytest.skip(f"the inputs are not here: {folder} is no folder")
    return folder


@pytest.fixture(autouse=True)
def _clean_environment() -> Iterator[None]:
    """Run every test as on a laptop: no CI, no colour wishes, no tokens of a workflow."""
    before = dict(os.environ)
    for name in before:
        if name in _SCRUBBED or name.startswith(_SCRUBBED_PREFIXES):
            del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


@dataclass(frozen=True)
class Raw:
    """A response of the scripted judge that is no plain completion."""

    status: int = 200
    body: bytes | str | dict[str, Any] = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


class ScriptedJudge:
    """An OpenAI-compatible endpoint on loopback; `script` decides what each request gets."""

    def __init__(self, script: Callable[[dict[str, Any], int], Any]) -> None:
        """Start serving in threads."""
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []
        self.most_at_once = 0
        outer, lock, open_now = self, threading.Lock(), [0]

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with lock:
                    outer.requests.append(body)
                    outer.paths.append(self.path)
                    outer.keys.append(self.headers.get("authorization"))
                    number = len(outer.requests)
                    open_now[0] += 1
                    outer.most_at_once = max(outer.most_at_once, open_now[0])
                answer = script(body, number)
                raw = answer if isinstance(answer, Raw) else Raw(body=completion(answer))
                time.sleep(raw.delay)
                with lock:
                    open_now[0] -= 1
                data = json.dumps(raw.body) if isinstance(raw.body, dict) else raw.body
                data = data.encode() if isinstance(data, str) else data
                with contextlib.suppress(ConnectionError):
                    self.send_response(raw.status)
                    for name, value in raw.headers.items():
                        self.send_header(name, value)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def completion(content: object) -> dict[str, Any]:
    """Wrap a reply (text, or data to be written as JSON) as a chat completion."""
    text = content if isinstance(content, str) else json.dumps(content)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


def _judges() -> Iterator[Callable[..., ScriptedJudge]]:
    """Return a function that starts a scripted judge; `raw` makes other responses."""
    started: list[ScriptedJudge] = []

    def start(script: Callable[[dict[str, Any], int], Any]) -> ScriptedJudge:
        started.append(ScriptedJudge(script))
        return started[-1]

    yield start
    for judge in started:
        judge.close()


scripted_judge = pytest.fixture(name="scripted_judge")(_judges)
lasting_judge = pytest.fixture(scope="session", name="lasting_judge")(_judges)
"""The same for as long as the session lasts, for what is recorded once."""


@pytest.fixture
def raw() -> type[Raw]:
    """Return the maker of responses that are no plain completion."""
    return Raw


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Return a function that runs `evalgate ARGUMENTS`."""

    def run(*arguments: str | Path) -> Result:
        with pytest.raises(SystemExit) as stopped:
            entry([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        code = stopped.value.code
        assert isinstance(code, int)
        return Result(int(code), out, err)

    return run
