"""`evalgate gateway` keeps what it recorded, however it is ended, and empties nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as Incoming
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.cli import Cli

from evalgate.gateway.server import serve_in_thread
from evalgate.store.cassettes import read_cassette

KEY = "planted-key-0123456789-ab"


@pytest.fixture
def model() -> Iterator[str]:
    """Serve a model that repeats a secret."""

    async def reply(_: Incoming) -> JSONResponse:
        message = {"role": "assistant", "content": f"it is {KEY}"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return JSONResponse({"model": "m", "choices": [choice]})

    route = Route("/v1/chat/completions", reply, methods=["POST"])
    with serve_in_thread(Starlette(routes=[route])) as origin:
        yield f"{origin}/v1"


def _session(folder: Path, model: str, ending: signal.Signals, *options: str, ask: bool) -> None:
    """Let the gateway record one call, or none, and end it."""
    command = [sys.executable, "-m", "evalgate", "gateway", "--record", "tapes", *options]
    with subprocess.Popen(
        [*command, "--upstream", model],
        cwd=folder,
        env={**os.environ, "OPENAI_API_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        exported = iter(process.stdout.readline, "")
        url = next(line for line in exported if line.startswith("export OPENAI_BASE_URL="))
        if ask:
            _ask(url.strip().partition("=")[2])
        process.send_signal(ending)
        assert 0 == process.wait(20)


def _ask(url: str) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    request = Request(f"{url}/chat/completions", body, {"content-type": "application/json"})  # noqa: S310  loopback
    with urlopen(request) as response:  # noqa: S310  loopback
        assert 200 == response.status


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_what_was_recorded_is_kept(tmp_path: Path, model: str, ending: signal.Signals) -> None:
    """Cassette and trace are whole, hold no secret, and an idle session leaves them alone."""
    _session(tmp_path, model, ending, "--traces", "traces.jsonl", ask=True)
    cassette = tmp_path / "tapes/session.jsonl"
    kept = cassette.read_bytes()
    assert 1 == len(read_cassette(cassette).calls)
    traces = (tmp_path / "traces.jsonl").read_bytes()
    assert b"[redacted:OPENAI_API_KEY]" in traces
    assert KEY.encode() not in traces + kept
    _session(tmp_path, model, ending, ask=False)
    assert kept == cassette.read_bytes()


def test_a_port_in_use_empties_nothing(
    tmp_path: Path, cli: Cli, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway never listened: exit 2, and the recording stands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    _session(tmp_path, model, signal.SIGTERM, ask=True)
    kept = (tmp_path / "tapes/session.jsonl").read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = cli("gateway", "--record", "tapes", "--upstream", model, "--port", port)
    assert 2 == result.code
    assert "is in use by another program" in result.err
    assert kept == (tmp_path / "tapes/session.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--replay", "nope"), "nope: holds no recording of 'session'"),
        (("--replay", "tapes", "--case", "sesion"), "did you mean 'session'?"),
        (("--replay", "tapes", "--case", ""), "--case ''"),
        (("--replay", "tapes", "--traces", "tapes"), "--traces tapes: cannot be a file"),
        (("--replay", "tapes", "--traces", "a/b/c"), "--traces a/b/c: cannot be a file"),
        (("--record", "new", "--upstream", "http://[::1"), "found 'http://[::1'"),
        (("--record", "new", "--upstream", "http://a:99999"), "found 'http://a:99999'"),
    ],
)
def test_what_can_only_go_wrong_is_refused(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str
) -> None:
    """Before an agent is started, and not with its first call or with the last."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tapes").mkdir()
    (tmp_path / "tapes/session.jsonl").write_text("")
    (tmp_path / "a").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:  # it would end there
        result = cli("gateway", *options, "--port", str(taken.getsockname()[1]))
    assert (2, True) == (result.code, said in result.err)


def test_a_miss_names_the_command_that_records(tmp_path: Path, model: str) -> None:
    """There is no suite: the same folder and case are recorded again by the gateway."""
    _session(tmp_path, model, signal.SIGTERM, ask=True)
    command = [sys.executable, "-m", "evalgate", "gateway", "--replay", "tapes"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, text=True, **pipes) as process:
        exported = iter(process.stdout.readline, "")
        url = next(line for line in exported if line.startswith("export OPENAI_BASE_URL="))
        for _ in range(2):  # it is recorded once
            with suppress(HTTPError):
                _ask(url.strip().partition("=")[2])
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[1]
    assert "2 calls (1 failed), status not_measured: case 'session', trial 0" in said
    assert "fix: evalgate gateway --record tapes --case session" in said
